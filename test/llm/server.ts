/**
 * A server of one small language model with the API of OpenAI: chat completions, whole and as a stream of events, and
 * embeddings. Every token is made by llama.cpp at the moment when it is sent.
 *
 * A second listener on loopback changes how it behaves at run time (`PUT /behaviour`), as behaviour.ts says, and tells
 * how many answers are under way (`GET /generating`); the router is never told. When all is up it prints one line: {"msg":"ready","url":…,"control":…,"pid":…}.
 * Arguments: --model FILE, --modules FOLDER (of packages), --name NAME, --port N.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Behaviour, behaviourOf, WELL } from './behaviour.ts'
import { type ChatRequest, chatRequest, embeddingInputs, RequestError } from './requests.ts'
import { type Generation, type LanguageModel, loadModel } from './runtime.ts'
import { CONTEXT } from './tiny-model.ts'

const BODY_LIMIT = 1024 * 1024
const FAILS_AFTER = 3 // tokens of a stream

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    modules: { type: 'string' },
    name: { type: 'string', default: 'tiny' },
    port: { type: 'string', default: '0' }
  }
})
await serve(values.model ?? '', values.modules ?? '', values.name)

type Served = {
  readonly name: string
  readonly model: LanguageModel
  behaviour: Behaviour
  generating: number // answers under way
}

async function serve(file: string, modules: string, name: string): Promise<void> {
  const served: Served = {
    name,
    model: await loadModel(file, modules, CONTEXT),
    behaviour: WELL,
    generating: 0
  }
  const server = createServer((req, res) => void answer(served, req, res))
  const controls = createServer((req, res) => void control(served, req, res))
  const url = await listen(server, Number(values.port))
  const controlUrl = await listen(controls, 0)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0))
  process.stdout.write(
    `${JSON.stringify({ msg: 'ready', url, control: controlUrl, pid: process.pid })}\n`
  )
}

async function answer(served: Served, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const { pathname } = new URL(req.url ?? '/', 'http://model')
    const call = `${req.method} ${pathname}`
    if (call === 'GET /health') return send(res, 200, { status: 'ok' })
    if (call === 'GET /v1/models') {
      return send(res, 200, { object: 'list', data: [{ id: served.name, object: 'model' }] })
    }
    if (call !== 'POST /v1/chat/completions' && call !== 'POST /v1/embeddings') {
      return refuse(res, 404, `Unknown request URL: ${call}`)
    }
    const body: unknown = JSON.parse(await bodyOf(req))
    if (served.behaviour.kind === 'errors') return refuse(res, 500, 'The model failed')
    if (call === 'POST /v1/embeddings') return await embed(served, embeddingInputs(body), res)
    served.generating++
    await chat(served, chatRequest(body), res).finally(() => served.generating--)
  } catch (error) {
    const known = error instanceof RequestError || error instanceof SyntaxError
    const status = known || error instanceof RangeError ? 400 : 500
    if (res.headersSent) return void res.destroy()
    refuse(res, status, error instanceof Error ? error.message : String(error))
  }
}

async function chat(served: Served, request: ChatRequest, res: ServerResponse): Promise<void> {
  const left = new AbortController()
  res.once('close', () => left.abort())
  const generation = await served.model.generate(request.prompt, {
    maxTokens: request.maxTokens,
    temperature: request.temperature,
    seed: request.seed,
    signal: left.signal
  })
  const base = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: served.name
  }
  if (request.stream) return stream(served, request, generation, base, res)

  let content = ''
  let made = 0
  for await (const piece of generation.pieces) {
    content += piece
    made++
    await pause(served.behaviour.tokenMs)
  }
  if (left.signal.aborted) return
  const message = { role: 'assistant', content: served.behaviour.kind === 'empty' ? null : content }
  send(res, 200, {
    ...base,
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason: generation.finish() }],
    usage: usageOf(generation.promptTokens, made)
  })
}

/** Role first, then every token as an event of its own, the reason of the end, the usage where asked, `[DONE]`. */
async function stream(
  served: Served,
  request: ChatRequest,
  generation: Generation,
  base: object,
  res: ServerResponse
): Promise<void> {
  const event = (value: unknown) => res.write(`data: ${JSON.stringify(value)}\n\n`)
  const chunk = (delta: object, finish: string | null) =>
    event({
      ...base,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(request.includeUsage ? { usage: null } : {})
    })
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  chunk({ role: 'assistant', content: '' }, null)
  await pause(served.behaviour.firstMs)
  let made = 0
  for await (const piece of generation.pieces) {
    if (served.behaviour.kind === 'stream-error' && made >= FAILS_AFTER) {
      event({ error: { message: 'The model failed', type: 'server_error', code: null } })
      return void res.end()
    }
    made++
    if (piece !== '' && served.behaviour.kind !== 'empty') chunk({ content: piece }, null)
    await pause(served.behaviour.tokenMs)
  }
  chunk({}, generation.finish())
  if (request.includeUsage) {
    const usage = usageOf(generation.promptTokens, made)
    event({ ...base, object: 'chat.completion.chunk', choices: [], usage })
  }
  res.end('data: [DONE]\n\n')
}

async function embed(
  served: Served,
  inputs: readonly string[],
  res: ServerResponse
): Promise<void> {
  const data: object[] = []
  let tokens = 0
  for (const [index, input] of inputs.entries()) {
    const embedding = await served.model.embed(input)
    data.push({ object: 'embedding', index, embedding: embedding.vector })
    tokens += embedding.tokens
  }
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  send(res, 200, { object: 'list', data, model: served.name, usage })
}

async function control(served: Served, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const call = `${req.method} ${req.url}`
    if (call === 'GET /generating') return send(res, 200, { generating: served.generating })
    if (call !== 'PUT /behaviour') return refuse(res, 404, `Unknown request URL: ${call}`)
    served.behaviour = behaviourOf(JSON.parse(await bodyOf(req)))
    send(res, 200, served.behaviour)
  } catch (error) {
    refuse(res, 400, String(error))
  }
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await delay(ms)
}

function usageOf(prompt: number, made: number) {
  return { prompt_tokens: prompt, completion_tokens: made, total_tokens: prompt + made }
}

async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return `http://127.0.0.1:${address.port}`
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req) {
    size += chunk.length
    if (size > BODY_LIMIT) throw new RequestError('request too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function send(res: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value)
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body)
  })
  res.end(body)
}

function refuse(res: ServerResponse, status: number, message: string): void {
  const type = status < 500 ? 'invalid_request_error' : 'server_error'
  send(res, status, { error: { message, type, param: null, code: null } })
}
