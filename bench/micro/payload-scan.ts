/**
 * What does it cost to read an answer while it passes, a byte of a long one and the whole of a short one?
 *
 * Subjects take turns in every round, since other work on the machine comes and goes, and time is the processor's of
 * this thread. JSON.parse over the same bytes is the measure beside them. It is no rival: it throws on NaN and needs the
 * whole body.
 */
import { answerReader } from '../../src/domain/payload/answer-reader.ts'
import type { AnswerHeadFacts } from '../../src/domain/payload/reading.ts'
import type { Protocol } from '../../src/domain/route.ts'
import { figure, machine, modeOf, publish, ratio, show } from '../harness.ts'

type Subject = {
  readonly name: string
  readonly head: AnswerHeadFacts
  readonly body: Buffer
  readonly parse: (() => number) | null // JSON.parse over the same, where it can
}

const PIECE = 16_384 // bytes as a socket gives them

const SUBJECTS: readonly Subject[] = [
  subject('tensor of 100 kB', 'open-inference', tensor(10_500)),
  subject('rows of 100 kB, Python spaces', 'kserve-v1', rows(4_800)),
  subject('chat of 100 kB', 'openai', chat(100_000)),
  subject('embedding of 100 kB in base64', 'openai', embedding(19_000), '/v1/embeddings'),
  subject('chat stream of 100 kB', 'openai', events(480), undefined, 'text/event-stream'),
  subject('tensor of 100 kB in bytes', 'open-inference', ...binary(25_000)),
  subject('tensor of 200 bytes', 'open-inference', tensor(11)),
  subject('rows of 100 bytes', 'json', Buffer.from('{"score":0.9731,"label":"spam"}')),
  subject('chat of 300 bytes', 'openai', chat(60))
]

const mode = modeOf()
const rounds = mode === 'smoke' ? 1 : 9
const read = new Map<string, number[]>()
const parsed = new Map<string, number[]>()
let kept = 0
for (let round = 0; round < rounds; round++)
  for (const one of SUBJECTS) {
    keep(read, one.name, calls => {
      for (let i = 0; i < calls; i++) kept += readOnce(one)
    })
    const { parse } = one
    if (parse === null) continue
    keep(parsed, one.name, calls => {
      for (let i = 0; i < calls; i++) kept += parse()
    })
  }

publish({
  bench: 'micro/payload-scan',
  question: 'What does it cost to read an answer while it passes?',
  mode,
  machine: machine(),
  tables: [
    {
      title: 'Median (quartiles)',
      columns: ['answer', 'bytes', 'ns a byte', 'µs an answer', 'JSON.parse, ns a byte'],
      rows: SUBJECTS.map(({ name, body }) => [
        name,
        String(body.length),
        show(perByte(read.get(name), body), 2),
        show(figure((read.get(name) ?? []).map(ns => ns / 1000)), 2),
        parsed.has(name) ? show(perByte(parsed.get(name), body), 2) : '–'
      ])
    }
  ],
  ratios: SUBJECTS.filter(({ name }) => parsed.has(name)).map(({ name }) =>
    ratio(`${name}: reading over JSON.parse`, read.get(name) ?? [], parsed.get(name) ?? [])
  ),
  notes: [`long answers come in pieces of ${PIECE} bytes`]
})
if (!Number.isFinite(kept)) throw new Error('a loop gave no number')

function readOnce({ head, body }: Subject): number {
  const reader = answerReader(head)
  if (reader === null) throw new Error('an answer that is not read')
  for (let at = 0; at < body.length; at += PIECE) reader.push(body.subarray(at, at + PIECE))
  const { judged, bad } = reader.end(true)
  if (!judged || bad !== 0) throw new Error(`bad ${bad}`)
  return 1
}

function keep(into: Map<string, number[]>, name: string, batch: (calls: number) => void): void {
  into.set(name, [...(into.get(name) ?? []), cpuNanos(batch)])
}

/** Nanoseconds of processor time per call, of as many calls as fill a round. */
function cpuNanos(batch: (calls: number) => void): number {
  const target = mode === 'smoke' ? 5e6 : 50e6
  let calls = 16
  for (;;) {
    const before = process.threadCpuUsage()
    batch(calls)
    const { user, system } = process.threadCpuUsage(before)
    const spent = (user + system) * 1000
    if (spent >= target) return spent / calls
    calls *= 2
  }
}

function perByte(samples: readonly number[] | undefined, body: Buffer) {
  return figure((samples ?? []).map(ns => ns / body.length))
}

function subject(
  name: string,
  protocol: Protocol,
  body: Buffer,
  path = protocol === 'openai' ? '/v1/chat/completions' : '/v2/models/m/infer',
  contentType = 'application/json',
  inferenceHeaderLength: number | null = null
): Subject {
  const whole = contentType === 'application/json'
  return {
    name,
    head: { protocol, predictions: [], path, status: 200, contentType, inferenceHeaderLength },
    body,
    parse: whole ? () => (JSON.parse(body.toString()) === null ? 0 : 1) : null
  }
}

function tensor(values: number): Buffer {
  const data = Array.from({ length: values }, (_, i) => (Math.sin(i) * 1000).toFixed(5)).join(',')
  return Buffer.from(
    `{"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"FP32","shape":[${values}],"data":[${data}]}]}`
  )
}

function rows(values: number): Buffer {
  const row = (i: number) => `[${Math.abs(Math.sin(i))}, ${Math.cos(i)}]`
  const all = Array.from({ length: values / 2 }, (_, i) => row(i + 1)).join(', ')
  return Buffer.from(`{"predictions": [${all}]}`)
}

function chat(bytes: number): Buffer {
  const line = 'The quick brown fox said \\"jumps over\\" the lazy dog, and then it went on.\\n'
  const content = line
    .repeat(Math.ceil(bytes / line.length))
    .slice(0, bytes - (bytes % line.length))
  return Buffer.from(
    `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":` +
      `{"role":"assistant","content":"${content || 'Hello there'}","refusal":null},"logprobs":null,"finish_reason":"stop"}],` +
      `"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}`
  )
}

function embedding(values: number): Buffer {
  const floats = Buffer.from(Float32Array.from({ length: values }, (_, i) => Math.sin(i)).buffer)
  return Buffer.from(
    `{"object":"list","model":"e","data":[{"object":"embedding","index":0,"embedding":"${floats.toString('base64')}"}]}`
  )
}

function events(count: number): Buffer {
  const event = (i: number) =>
    `data: {"id":"chatcmpl-123456","object":"chat.completion.chunk","created":1700000000,"model":"some-model","system_fingerprint":null,` +
    `"choices":[{"index":0,"delta":{"content":" word${i}"},"logprobs":null,"finish_reason":null}]}\n\n`
  return Buffer.from(
    `${Array.from({ length: count }, (_, i) => event(i)).join('')}data: [DONE]\n\n`
  )
}

function binary(values: number): [Buffer, string, string, number] {
  const floats = Buffer.from(Float32Array.from({ length: values }, (_, i) => Math.sin(i)).buffer)
  const head = Buffer.from(
    `{"model_name":"m","outputs":[{"name":"y","datatype":"FP32","shape":[${values}],"parameters":{"binary_data_size":${floats.length}}}]}`
  )
  const body = Buffer.concat([head, floats])
  return [body, '/v2/models/m/infer', 'application/octet-stream', head.length]
}
