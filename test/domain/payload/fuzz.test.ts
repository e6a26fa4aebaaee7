/**
 * Damaged answers under every protocol, as many as SLUICE_FUZZ_BODIES says: nothing is thrown, nothing takes long, and the
 * pieces in which an answer comes change nothing.
 */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { answerReader } from '../../../src/domain/payload/answer-reader.ts'
import type { AnswerHeadFacts } from '../../../src/domain/payload/reading.ts'
import {
  damaged,
  pick,
  type Random,
  randomChat,
  randomRows,
  randomTensors
} from '../../helpers/payload-documents.ts'
import { headOf, readCut } from '../../helpers/payload-reading.ts'
import { seeded } from '../../helpers/seeded.ts'

const BODIES = Number(process.env['SLUICE_FUZZ_BODIES'] ?? 20_000)

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/payloads.json', import.meta.url), 'utf8')
) as { readonly cases: readonly { readonly body_b64?: string }[] }

/** Captured answers, those that are short enough to damage many times. */
const captured = cases
  .map(c => Buffer.from(c.body_b64 ?? '', 'base64'))
  .filter(body => body.length > 0 && body.length < 3000)

const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'text/event-stream',
  'application/x-ndjson',
  'text/plain',
  'text/html',
  'application/octet-stream',
  null
] as const
const PATHS = [
  '/v2/models/m/infer',
  '/v2/models/m/generate_stream',
  '/v1/models/m:explain',
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
  '/invocations'
] as const
const PROTOCOLS = ['open-inference', 'kserve-v1', 'openai', 'anthropic', 'mlflow', 'json'] as const
const POINTERS = [
  [],
  [],
  [],
  [''],
  ['/outputs/0/data'],
  ['/a~1b', '/result/0', '/choices/1/x']
] as const

function randomHead(random: Random): AnswerHeadFacts {
  return headOf(pick(random, PROTOCOLS), {
    path: pick(random, PATHS),
    predictions: pick(random, POINTERS),
    contentType: random() < 0.3 ? 'application/json' : pick(random, TYPES),
    inferenceHeaderLength: random() < 0.1 ? Math.floor(random() * 300) : null
  })
}

function randomBody(random: Random): Uint8Array {
  const r = random()
  if (r < 0.6) return captured[Math.floor(random() * captured.length)] ?? new Uint8Array(0)
  if (r < 0.7) return Buffer.from(randomRows(random, ['predictions', 'outputs', 'data']))
  if (r < 0.8) return Buffer.from(randomTensors(random))
  if (r < 0.9) return Buffer.from(randomChat(random))
  const events = Array.from(
    { length: 3 },
    () => `data: ${randomChat(random).replaceAll('\n', ' ')}\n\n`
  )
  return Buffer.from(events.join(''))
}

test(`says the same of ${BODIES} damaged answers when they come whole and in pieces`, t => {
  const wrong: string[] = []
  const bad = new Map<number, number>()
  let slowest = 0
  for (let seed = 1; seed <= BODIES; seed++) {
    const random = seeded(seed)
    const head = randomHead(random)
    const body = random() < 0.9 ? damaged(random, randomBody(random)) : randomBody(random)
    const complete = random() < 0.8
    const bound = random() < 0.9 ? 262_144 : Math.floor(random() * body.length)
    const cuts = Array.from({ length: 1 + Math.floor(random() ** 2 * 20) }, () =>
      Math.floor(random() * (body.length + 1))
    ).sort((a, b) => a - b)
    try {
      const start = process.threadCpuUsage()
      const whole = readCut(head, body, [], complete, bound)
      const { user, system } = process.threadCpuUsage(start)
      slowest = Math.max(slowest, user + system)
      const pieces = readCut(head, body, cuts, complete, bound)
      if (JSON.stringify(whole) !== JSON.stringify(pieces))
        wrong.push(`${seed}: ${JSON.stringify([head, whole, pieces])}`)
      if (whole !== null) bad.set(whole.bad, (bad.get(whole.bad) ?? 0) + 1)
    } catch (error) {
      wrong.push(`${seed} threw ${String(error)}`)
    }
  }
  t.same(wrong.slice(0, 5), [])
  t.ok(bad.size > 12, `${bad.size} combinations of kinds`)
  t.comment(`processor time of the slowest: ${slowest / 1000} ms`)
  t.end()
})

test('keeps no more memory when an answer has no end', t => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void // what the flag puts there
  const endless: readonly (readonly [string, AnswerHeadFacts, string, string])[] = [
    ['a number', headOf('json'), '{"score":1', '7'],
    ['a text', headOf('openai'), '{"choices":[{"message":{"content":"', 'NaN\\u00e9'],
    ['a name', headOf('json'), '{"', 'name'],
    ['a word', headOf('json'), '{"score":', 'n'],
    ['values', headOf('open-inference'), '{"outputs":[{"data":[1', ',1'],
    ['lists', headOf('open-inference'), '{"outputs":[{"data":[1', ',[[2],[]]'],
    ['levels', headOf('kserve-v1'), '{"predictions":', '['],
    ['tensors', headOf('open-inference'), '{"outputs":[{}', ',{"data":[1]}'],
    ['lines', headOf('json', { contentType: 'application/x-ndjson' }), '', '{"score":1}\n'],
    [
      'events',
      headOf('openai', { contentType: 'text/event-stream' }),
      '',
      'data: {"choices":[]}\n\n'
    ],
    ['a field', headOf('openai', { contentType: 'text/event-stream' }), '', 'strange'],
    [
      'choices',
      headOf('openai', { contentType: 'text/event-stream' }),
      'data: {"choices":[{}',
      ',{"index":7,"text":""}'
    ],
    ['base64', headOf('openai', { path: '/v1/embeddings' }), '{"data":[{"embedding":"', 'AAAA']
  ]
  for (const [what, head, start, more] of endless) {
    const reader = answerReader(head, Number.POSITIVE_INFINITY)
    reader?.push(Buffer.from(start))
    const piece = Buffer.from(more.repeat(65_536 / more.length))
    const push = (times: number) => {
      for (let i = 0; i < times; i++) reader?.push(piece)
      gc()
      return process.memoryUsage().heapUsed
    }
    const before = push(16)
    const grown = push(128) - before
    t.ok(grown < 1_000_000, `${what}: ${grown} bytes more after 8 MiB`)
    t.ok(reader?.end(false))
  }
  t.end()
})
