/**
 * A real model server in one process: ONNX Runtime behind the Open Inference Protocol (V2) and KServe V1.
 *
 * It prints numbers as real servers do, a bare NaN included. A second listener on loopback takes faults at run
 * time (faults.ts); they change what this process does, never what the router is told. When all is up it prints
 * one line: {"msg":"ready","url":…,"control":…,"pid":…}.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import type { InferenceSession } from 'onnxruntime-node'
import { type Fault, type FaultKind, type Faults, faultOf, faults } from './faults.ts'
import {
  FEATURES,
  fraudModel,
  INPUT,
  isScored,
  MODEL_KINDS,
  type ModelKind,
  OUTPUT,
  SCORE
} from './models.ts'

// The runtime reports its use to its maker unless it is told not to before it is loaded.
process.env['ORT_DISABLE_TELEMETRY'] = '1'
const onnx = await import('onnxruntime-node')

const BODY_LIMIT = 1024 * 1024
const THREADS = { intraOpNumThreads: 1, interOpNumThreads: 1 }

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'fraud' },
    version: { type: 'string', default: '1' },
    model: { type: 'string', default: 'healthy' }, // a kind of models.ts
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' }
  }
})
const kind = MODEL_KINDS.find(known => known === values.model)
if (kind === undefined) throw new Error(`--model is one of ${MODEL_KINDS.join(', ')}`)
await serve(values.name, values.version, kind)

type Models = { readonly healthy: InferenceSession; readonly nan: InferenceSession }
type Model = {
  readonly name: string
  readonly version: string
  readonly outputs: readonly string[]
  readonly sessions: Models
}

/** What goes back: a status and a body that is JSON text already. */
type Answer = { readonly status: number; readonly body: string }

async function serve(name: string, version: string, kind: ModelKind): Promise<void> {
  const sessions = {
    healthy: await onnx.InferenceSession.create(fraudModel(version, kind), THREADS),
    nan: await onnx.InferenceSession.create(fraudModel(version, 'nan'), THREADS)
  }
  const outputs = isScored(kind) ? [OUTPUT, SCORE] : [OUTPUT]
  const model: Model = { name, version, outputs, sessions }
  const state = faults()
  const server = createServer((req, res) => void serveRequest(model, state, req, res))
  // Whoever keeps a connection closes it: a server that stood still for 5 s would break it under a request.
  server.keepAliveTimeout = 0
  const control = createServer((req, res) => void setFault(state, req, res))
  const url = await listen(server, values.host, Number(values.port))
  const controlUrl = await listen(control, '127.0.0.1', Number(values['control-port']))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0))
  process.stdout.write(
    `${JSON.stringify({ msg: 'ready', url, control: controlUrl, pid: process.pid })}\n`
  )
}

async function serveRequest(
  model: Model,
  state: Faults,
  req: IncomingMessage,
  res: ServerResponse
): Promise<void> {
  try {
    const body = await bodyOf(req)
    const path = new URL(req.url ?? '/', 'http://model').pathname
    const prediction = req.method === 'POST' && /\/infer$|:predict$/.test(path)
    const fault = state.of(prediction)
    if (fault.kind === 'hang') return
    if (fault.kind === 'slow') await pause(fault.delayMs)
    send(res, failureOf(fault.kind) ?? (await answer(model, fault.kind, req, path, body)))
  } catch (error) {
    send(res, problem(400, error instanceof Error ? error.message : String(error)))
  }
}

function failureOf(kind: FaultKind): Answer | null {
  if (kind === 'errors') return problem(500, 'CUDA error: an illegal memory access was encountered')
  if (kind === 'not-found') return problem(404, 'Request for unknown model')
  return null
}

async function answer(
  model: Model,
  kind: FaultKind,
  req: IncomingMessage,
  path: string,
  body: string
): Promise<Answer> {
  const session = model.sessions[kind === 'nan' ? 'nan' : 'healthy']
  if (path === '/v2') return json({ name: 'sluice-demo', version: '1', extensions: [] })
  if (path === '/v2/health/live') return json({ live: true })
  if (path === '/v2/health/ready') return json({ ready: true })
  const call = req.method === 'POST' ? 'POST' : 'GET'
  const v2 = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/ready|\/infer)?$/.exec(path)
  const v1 = /^\/v1\/models\/([^/:]+)(:predict)?$/.exec(path)
  const [, name = v1?.[1], version = model.version, verb = ''] = v2 ?? []
  if (name !== model.name || version !== model.version) {
    return problem(404, `Request for unknown model: '${name ?? path}' is not found`)
  }
  if (v2 && verb === '/infer' && call === 'POST') return inferV2(model, session, body)
  if (v1 && v1[2] !== undefined && call === 'POST') return predictV1(session, body)
  if (call === 'POST' || verb === '/infer' || v1?.[2] !== undefined) {
    return problem(405, 'Method Not Allowed')
  }
  if (v1) return json({ name, ready: true })
  return verb === '/ready' ? json({ name, ready: true }) : json(metadata(model))
}

async function inferV2(model: Model, session: InferenceSession, body: string): Promise<Answer> {
  const request: unknown = JSON.parse(body)
  const { inputs, id } = isRecord(request) ? request : {}
  const input = Array.isArray(inputs)
    ? inputs.find(i => isRecord(i) && i.name === INPUT)
    : undefined
  if (!isRecord(input)) throw new Error(`expected an input named '${INPUT}'`)
  const { rows, tensors } = await run(session, input.data)
  if (`${input.shape}` !== `${[rows, FEATURES]}`) throw new Error('shape does not fit the data')
  const head = JSON.stringify({
    ...(typeof id === 'string' ? { id } : {}),
    model_name: model.name,
    model_version: model.version
  })
  const outputs = [...tensors].map(
    ([name, values]) =>
      `{"name":"${name}","datatype":"FP32","shape":[${rows},2],"data":[${values.map(String).join(',')}]}`
  )
  return { status: 200, body: `${head.slice(0, -1)},"outputs":[${outputs.join(',')}]}` }
}

async function predictV1(session: InferenceSession, body: string): Promise<Answer> {
  const request: unknown = JSON.parse(body)
  const { instances } = isRecord(request) ? request : {}
  const { rows, tensors } = await run(session, instances)
  const values = tensors.get(OUTPUT) ?? []
  const lists = Array.from({ length: rows }, (_, i) => `[${values[2 * i]},${values[2 * i + 1]}]`)
  return { status: 200, body: `{"predictions":[${lists.join(',')}]}` }
}

/** One pass of the model over `data` (flat or nested lists of numbers, FEATURES a row). */
async function run(
  session: InferenceSession,
  data: unknown
): Promise<{ readonly rows: number; readonly tensors: ReadonlyMap<string, readonly number[]> }> {
  const numbers = Array.isArray(data) ? data.flat(3).map(Number) : []
  const rows = numbers.length / FEATURES
  if (rows < 1 || !Number.isInteger(rows)) {
    throw new Error(`unexpected shape for input '${INPUT}', expecting [-1,${FEATURES}]`)
  }
  const input = new onnx.Tensor('float32', Float32Array.from(numbers), [rows, FEATURES])
  const results = await session.run({ [INPUT]: input })
  const tensors = session.outputNames.map((name): [string, readonly number[]] => {
    const { [name]: output } = results
    if (!(output?.data instanceof Float32Array)) throw new Error('the model gave no floats')
    return [name, [...output.data]]
  })
  return { rows, tensors: new Map(tensors) }
}

function metadata(model: Model): unknown {
  return {
    name: model.name,
    versions: [model.version],
    platform: 'onnxruntime_onnx',
    inputs: [{ name: INPUT, datatype: 'FP32', shape: [-1, FEATURES] }],
    outputs: model.outputs.map(output => ({ name: output, datatype: 'FP32', shape: [-1, 2] }))
  }
}

/** `PUT /fault` on the control listener, with the fault as JSON; `dead` ends the process as a crash does. */
async function setFault(state: Faults, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method !== 'PUT' || req.url !== '/fault') return send(res, problem(404, 'PUT /fault'))
  let fault: Fault
  try {
    fault = faultOf(JSON.parse(await bodyOf(req)))
  } catch (error) {
    return send(res, problem(400, String(error)))
  }
  send(res, json(fault))
  if (fault.kind === 'dead') process.kill(process.pid, 'SIGKILL')
  state.set(fault)
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return `http://${host}:${address.port}`
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req) {
    size += chunk.length
    if (size > BODY_LIMIT) throw new Error('request too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function send(res: ServerResponse, { status, body }: Answer): void {
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body)
  })
  res.end(body)
}

function json(value: unknown): Answer {
  return { status: 200, body: JSON.stringify(value) }
}

function problem(status: number, error: string): Answer {
  return { status, body: JSON.stringify({ error }) }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } & {
  readonly name?: unknown
  readonly data?: unknown
  readonly shape?: unknown
} {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
