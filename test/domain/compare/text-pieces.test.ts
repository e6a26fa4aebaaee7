import { test } from 'tap'
import { fromBase64, toBase64 } from '../../../src/domain/compare/base64.ts'
import { Unescaping, unescaped } from '../../../src/domain/compare/escapes.ts'
import { finished, Pace, STEP } from '../../../src/domain/compare/pace.ts'
import { jensenShannon, jensenShannonSteps } from '../../../src/domain/compare/probabilities.ts'
import { TextPieces } from '../../../src/domain/compare/text-pieces.ts'
import { LONGEST, readJson } from '../../../src/domain/compare/tolerant-json.ts'
import { trimmed } from '../../../src/domain/compare/trim.ts'
import { utf8Steps } from '../../../src/domain/compare/utf8.ts'
import { compareBodies, differences } from '../../helpers/answer-side.ts'
import { seeded } from '../../helpers/seeded.ts'

test('a long text is trimmed as the platform trims it, whatever space it has', async t => {
  for (const length of [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP]) {
    const space = '\u00a0\t \n\ufeff\u2028'.repeat(Math.ceil(length / 6)).slice(0, length)
    for (const text of [`${space}a b${space}`, `${space}a`, `a${space}`, space]) {
      t.ok(finished(trimmed(text, new Pace())) === text.trim(), `${length} characters of space`)
    }
  }
})

test('long bytes are decoded as at once when pieces end within characters', async t => {
  for (const text of ['aé日😀'.repeat(120_000), 'x'.repeat(900_001)]) {
    const bytes = new TextEncoder().encode(text)
    t.ok(finished(utf8Steps(bytes, new Pace())) === text)
    t.equal(finished(utf8Steps(bytes.subarray(0, -1), new Pace())) === null, !text.endsWith('x'))
    t.equal(finished(utf8Steps(Uint8Array.from([...bytes.subarray(-9), 255]), new Pace())), null)
  }
})

test('escapes of a long string are undone as at once, wherever a step ends', async t => {
  const parts = ['\\u0041', '\\\\', '\\"', '\\n', 'a', 'é', '\\ud83d', '\\u005c', '/', '\\/']
  for (let seed = 1; seed <= 500; seed++) {
    const next = seeded(seed)
    const inner = Array.from({ length: 40 }, () => parts[Math.floor(next() * parts.length)]).join(
      ''
    )
    const text = `["${inner}"]`
    const unescaping = new Unescaping(text, 2, text.length - 2)
    const characters = 1 + Math.floor(next() * 20)
    while (!unescaping.step(characters));
    if (unescaping.text() !== JSON.parse(`"${inner}"`)) t.fail(`seed ${seed}: ${inner}`)
    if (unescaped(inner) !== unescaping.text()) t.fail(`seed ${seed}: at once`)
  }
})

test('a long string says what JSON.parse reads when it is full of escapes', async t => {
  const text = `{"a":"${'\\u00e9\\\\\\n x'.repeat(5_000)}","b":1}`
  const document = readJson(text)
  t.ok(typeof document !== 'string' && document.textOf(0, 'a') === JSON.parse(text).a)
})

test('pieces are joined as at once when there are thousands', async t => {
  for (const count of [0, 1, 1_023, 1_024, 1_025, 5_000]) {
    const list = Array.from({ length: count }, (_, i) => `${i % 7 === 0 ? '' : i}`)
    const pieces = new TextPieces(',')
    for (const piece of list) pieces.push(piece)
    t.ok(pieces.whole() === list.join(','), `${count}`)
  }
})

test('base64 is that of the platform when it is long', async t => {
  const bytes = Uint8Array.from({ length: 50_001 }, (_, i) => (i * 31) & 255)
  t.ok(toBase64(bytes) === Buffer.from(bytes).toString('base64'))
  t.ok(
    Buffer.from(bytes).equals(
      fromBase64(Buffer.from(bytes).toString('base64')) ?? bytes.subarray(1)
    )
  )
})

test('the distance of long vectors is the same in steps and at once', async t => {
  const next = seeded(7)
  const a = Float64Array.from({ length: 50_000 }, next)
  const b = Float64Array.from({ length: 50_000 }, next)
  t.equal(finished(jensenShannonSteps(a, b, new Pace())), jensenShannon(a, b))
})

test('a body is too large when a name, a number or a shape is longer than anybody writes', async t => {
  const digits = (count: number) => `[${'7'.repeat(count)}]`
  const name = (count: number) => `{"${'n'.repeat(count)}":1}`
  t.equal(readJson(digits(LONGEST + 1)), 'too_large')
  t.equal(readJson(name(LONGEST + 1)), 'too_large')
  t.not(readJson(digits(LONGEST - 1)), 'too_large')
  t.not(readJson(name(LONGEST - 2)), 'too_large')
  const shaped = (rank: number) => ({
    outputs: [{ name: 'y', datatype: 'FP32', shape: Array(rank).fill(1), data: [1] }]
  })
  const settings = { protocol: 'open-inference' } as const
  t.equal(compareBodies(shaped(1_025), shaped(1_025), settings).refusal, 'too_large')
  t.equal(compareBodies(shaped(1_024), shaped(1_024), settings).refusal, null)
})

test('what stands deeper than a path is long is counted with the others', async t => {
  const nested = (value: number) => `${'{"some_name":'.repeat(1_000)}${value}${'}'.repeat(1_000)}`
  t.strictSame(differences(compareBodies(nested(1), nested(2))), ['others number'])
})
