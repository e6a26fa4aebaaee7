import { test } from 'tap'
import { compareAnswers, compareSteps } from '../../../src/domain/compare/compare.ts'
import type { ComparedSide, CompareSettings } from '../../../src/domain/compare/comparison.ts'
import { PIECE, STEP } from '../../../src/domain/compare/pace.ts'
import { redactBody, redactSteps } from '../../../src/domain/compare/redact.ts'
import { answer, OF_PROTOCOL, SETTINGS } from '../../helpers/answer-side.ts'
import { countBlocks } from '../../helpers/block-counts.ts'
import { CAPTURED } from '../../helpers/compare-bodies.ts'
import { seeded } from '../../helpers/seeded.ts'

type Case = readonly [ComparedSide, ComparedSide, CompareSettings]

/** Most times that any block may run in one step: what a step is, one of the reader of JSON, and their last pieces. */
const MOST = 2 * STEP + 2 * PIECE

const list = (count: number, item: (i: number) => unknown) =>
  Array.from({ length: count }, (_, i) => item(i))
const lines = (text: string, type = 'application/x-ndjson') => answer(text, { contentType: type })
const EVENTS = 'text/event-stream'

/** An Open Inference answer with one tensor in binary form. */
function tensor(datatype: string, count: number, bytes: Uint8Array): ComparedSide {
  const parameters = { binary_data_size: bytes.length }
  const head = JSON.stringify({ outputs: [{ name: 'y', shape: [count], datatype, parameters }] })
  const body = new Uint8Array(Buffer.concat([Buffer.from(head), bytes]))
  return answer(body, { inferenceHeaderLength: head.length })
}

const floats = (count: number, value: (i: number) => number) =>
  new Uint8Array(Float32Array.from({ length: count }, (_, i) => value(i)).buffer)

/** What would be done at once if a loop forgot to pause. */
const LARGE: Readonly<Record<string, () => Case>> = {
  'a string has 100,000 escapes': () => {
    const text = '\\u0061\\n'.repeat(50_000)
    return [answer(`"${text}x"`), answer(`"${text}y"`), SETTINGS]
  },
  'texts part after 200,000 characters': () => {
    const text = 'some words '.repeat(20_000)
    return [
      lines(`${text}a${text}`, 'text/plain'),
      lines(`${text}b${text}`, 'text/plain'),
      SETTINGS
    ]
  },
  'a text has 200,000 spaces at its ends': () => {
    const space = ' '.repeat(100_000)
    return [answer(`"${space}a${space}"`), answer(`${space}"b${space}"${space}`), SETTINGS]
  },
  'lines are empty': () => [
    lines(`${'\n'.repeat(150_000)}{"a":1}`),
    lines(`${'\r\n'.repeat(100_000)}{"a":2}`),
    SETTINGS
  ],
  'events are empty': () => [
    lines(`${'\n'.repeat(150_000)}data: 1\n\n`, EVENTS),
    lines(`${': \n'.repeat(100_000)}data: 2\n\n`, EVENTS),
    SETTINGS
  ],
  'an event has 100,000 lines': () => {
    const event = `data: [1\n${'data:\n'.repeat(100_000)}data:]\n\n`
    return [lines(event, EVENTS), lines(event, EVENTS), SETTINGS]
  },
  'an array has 90,000 numbers': () => [
    answer(list(90_000, i => i * 1.7)),
    answer(list(90_000, i => (i === 9 ? 1e9 : i * 1.7))),
    SETTINGS
  ],
  'a ranking has 80,000 items': () => {
    const items = list(80_000, i => `item ${i}`)
    return [answer(items), answer([...items.slice(0, -1), 'other']), SETTINGS]
  },
  'an object has 90,000 members and many are named': () => {
    const object = Object.fromEntries(list(90_000, i => [`k${i}`, i]) as [string, unknown][])
    const ignore = ['/k80000', '/*/a', '/none', '/*']
    return [answer(object), answer(object), { ...SETTINGS, ignore, redact: ['/*', '/k7'] }]
  },
  'arrays are nested 90,000 levels deep': () => {
    const nested = (value: string) => `${'['.repeat(90_000)}${value}${']'.repeat(90_000)}`
    return [answer(nested('1')), answer(nested('2')), { ...SETTINGS, ignore: ['/0/0/1'] }]
  },
  'objects are nested 90,000 levels deep': () => {
    const nested = (value: string) => `${'{"a":'.repeat(90_000)}${value}${'}'.repeat(90_000)}`
    return [answer(nested('1')), answer(nested('2')), { ...SETTINGS, redact: ['/a/a'] }]
  },
  'probabilities of 90,000 labels rise': () => {
    const all = (90_000 * 90_001) / 2
    const p = list(90_000, i => (i + 1) / all)
    return [answer({ p }), answer({ p: [...p].reverse() }), SETTINGS]
  },
  'an embedding has 90,000 dimensions': () => [
    answer({ embedding: list(90_000, i => Math.sin(i)) }),
    answer({ embedding: list(90_000, i => Math.cos(i)) }),
    SETTINGS
  ],
  'embeddings are base64': () => {
    const of = (k: number) => {
      const embedding = Buffer.from(floats(60_000, i => Math.sin(i * k))).toString('base64')
      return answer({ data: [{ index: 0, embedding }] })
    }
    return [of(1), of(2), OF_PROTOCOL('openai')]
  },
  'a chat has 40,000 parts': () => {
    const of = (word: string) =>
      answer({ choices: [{ message: { content: list(40_000, i => ({ text: `${word}${i}` })) } }] })
    return [of('a'), of('b'), OF_PROTOCOL('openai')]
  },
  'arguments of a tool are long': () => {
    const of = (end: string) => {
      const args = `{"a":"${'some words '.repeat(15_000)}${end}"}`
      const call = { function: { name: 'f', arguments: args } }
      return answer({ choices: [{ message: { tool_calls: [call] } }] })
    }
    return [of('a'), of('b'), OF_PROTOCOL('openai')]
  },
  'a line holds 90,000 values': () => {
    const of = (k: number) =>
      lines(
        `${JSON.stringify({ a: list(45_000, i => i * k), b: list(45_000, i => `${i + k}`) })}\n`
      )
    return [of(1), of(2), SETTINGS]
  },
  'a tensor has 100,000 halves': () => {
    const halves = (k: number) =>
      new Uint8Array(Uint16Array.from({ length: 100_000 }, (_, i) => (i * k) & 0x7bff).buffer)
    const of = (k: number) => tensor('FP16', 100_000, halves(k))
    return [of(7), of(9), OF_PROTOCOL('open-inference')]
  },
  'a tensor has 100,000 large integers': () => {
    const integers = (step: bigint) =>
      new Uint8Array(
        BigInt64Array.from(list(100_000, i => 2n ** 60n + BigInt(i) * step) as bigint[]).buffer
      )
    const of = (step: bigint) => tensor('INT64', 100_000, integers(step))
    return [of(1n), of(1n), OF_PROTOCOL('open-inference')]
  },
  'a tensor has 100,000 texts': () => {
    const texts = (k: number) => {
      const bytes = Buffer.alloc(800_000)
      for (let i = 0; i < 100_000; i++) {
        bytes.writeUInt32LE(4, i * 8)
        bytes.write(String((i + k) % 10_000).padStart(4, '0'), i * 8 + 4)
      }
      return new Uint8Array(bytes)
    }
    return [
      tensor('BYTES', 1e5, texts(0)),
      tensor('BYTES', 1e5, texts(1)),
      OF_PROTOCOL('open-inference')
    ]
  },
  'bytes of no protocol part at their end': () => {
    const bytes = new Uint8Array(200_000)
    return [answer(bytes), answer(Uint8Array.from(bytes).fill(1, -1)), OF_PROTOCOL('opaque')]
  }
}

test('no block of code runs more often in a step than a step is long, whatever the bodies', async t => {
  const blocks = countBlocks('/src/domain/compare/')
  const results = new Map<string, unknown>()
  for (const [when, make] of Object.entries(LARGE)) {
    const [a, b, settings] = make()
    const steps = compareSteps(a, b, settings)
    const seen = largestOf(steps, blocks)
    t.ok(seen.count <= MOST, `${when}: ${seen.count} times ${seen.where}`)
    t.ok(seen.steps > 5, `${when}: ${seen.steps} steps`)
    results.set(when, seen.result)
  }
  blocks.end()
  for (const [when, make] of Object.entries(LARGE)) {
    t.strictSame(results.get(when), compareAnswers(...make()), when)
  }
})

test('no block of code runs more often in a step than a step is long when a body is redacted', async t => {
  const blocks = countBlocks('/src/domain/compare/')
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const many = bytes(list(90_000, i => `item ${i}`))
  const cases: readonly (readonly [Uint8Array, string, readonly string[], number])[] = [
    [many, 'application/json', ['/*', '/5', '/*'], 1e7],
    [many, 'application/json', ['/*'], 1_000],
    [bytes({ a: 'x'.repeat(200_000) }), 'application/json', ['/b'], 1e7],
    [new Uint8Array(200_000).fill(255), 'image/png', [], 1e7]
  ]
  for (const [body, type, pointers, cap] of cases) {
    const seen = largestOf(redactSteps(body, type, pointers, cap), blocks)
    t.ok(seen.count <= MOST, `${seen.count} times ${seen.where}`)
    t.ok(seen.steps > 1, `${seen.steps} steps`)
    t.strictSame(seen.result, redactBody(body, type, pointers, cap))
    blocks.largest()
  }
  blocks.end()
})

test('two comparisons say what each says alone when their steps are mixed', async t => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = seeded(seed)
    const chosen = [0, 1].map(() => CAPTURED[Math.floor(next() * CAPTURED.length)])
    const cases = chosen.flatMap((each): readonly Case[] => {
      if (each === undefined) return []
      const other = CAPTURED.find(
        ({ protocol, id }) => protocol === each.protocol && id !== each.id
      )
      return [[each.side, (other ?? each).side, OF_PROTOCOL(each.protocol)]]
    })
    const running = cases.map(each => compareSteps(...each))
    const results: unknown[] = []
    while (results.filter(each => each !== undefined).length < running.length) {
      const at = Math.floor(next() * running.length)
      const step = results[at] === undefined ? running[at]?.next() : undefined
      if (step?.done) results[at] = step.value
    }
    t.strictSame(
      results,
      cases.map(each => compareAnswers(...each)),
      `seed ${seed}`
    )
  }
})

/** All steps, and how often the busiest block ran in one of them. */
function largestOf<T>(steps: Iterator<undefined, T>, blocks: ReturnType<typeof countBlocks>) {
  blocks.largest()
  let busiest = { count: 0, where: '' }
  const look = () => {
    const here = blocks.largest()
    if (here.count > busiest.count) busiest = here
  }
  for (let count = 1; ; count++) {
    const step = steps.next()
    look()
    if (step.done) return { ...busiest, steps: count, result: step.value }
  }
}
