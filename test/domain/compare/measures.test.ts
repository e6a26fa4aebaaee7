import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { fromBase64, toBase64 } from '../../../src/domain/compare/base64.ts'
import { editDistance, levenshtein, MEASURED } from '../../../src/domain/compare/edit-distance.ts'
import { sameEmbedding } from '../../../src/domain/compare/embedding.ts'
import { areProbabilities, jensenShannon } from '../../../src/domain/compare/probabilities.ts'
import { rankBiasedOverlap } from '../../../src/domain/compare/rankings.ts'
import { seeded } from '../../helpers/seeded.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/stats-pairs.json', import.meta.url), 'utf8')
)
const floats = (list: readonly number[]) => Float64Array.from(list)

/** By the whole table. */
function levenshteinByTable(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const other = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(other, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

test('the edit distance is that of the whole table when texts are random', async t => {
  for (let seed = 1; seed <= 400; seed++) {
    const next = seeded(seed)
    const letters = 2 + Math.floor(next() * 6)
    const text = () =>
      Array.from({ length: Math.floor(next() * 150) }, () =>
        String.fromCharCode(97 + Math.floor(next() * letters))
      ).join('')
    const a = text()
    const b = text()
    if (levenshtein(a, b) !== levenshteinByTable(a, b)) t.fail(`seed ${seed}: ${a} ${b}`)
    const { normalised } = editDistance(a, b)
    const expected = levenshteinByTable(a, b) / Math.max(a.length, b.length, 1)
    if (Math.abs(normalised - expected) > 1e-12) t.fail(`seed ${seed}: normalised ${normalised}`)
  }
})

test('the edit distance is exact when long texts differ in a few places that are near', async t => {
  const text = 'lorem ipsum '.repeat(50_000)
  const { normalised, steps, parts } = editDistance(`${text}a${text}`, `${text}b${text}`)
  t.equal(normalised, 1 / (2 * text.length + 1))
  t.equal(steps, 1)
  t.equal(parts, text.length)
})

test('what the edit distance costs is bounded when long texts have nothing in common', async t => {
  const { normalised, steps } = editDistance('a'.repeat(900_000), 'b'.repeat(500_000))
  t.equal(normalised, 1)
  t.ok(steps <= (MEASURED / 32) * MEASURED)
  t.equal(editDistance('', 'b').normalised, 1)
  t.equal(editDistance('', '').normalised, 0)
})

test('the distance of Jensen and Shannon is that of the reference when vectors are its examples', async t => {
  const bins = cases['psi-js']
  const distance = jensenShannon(floats(bins.inputs.ref), floats(bins.inputs.cur))
  t.ok(Math.abs(distance - bins.expected.js_distance_nat) <= bins.tolerance)
  const { inputs, expected, tolerance } = cases['js-doc']
  inputs.cases.forEach(([p, q, base]: [number[], number[], number | null], i: number) => {
    const d = jensenShannon(floats(p), floats(q)) / Math.sqrt(base === null ? 1 : Math.log(base))
    t.ok(Math.abs(d - expected.d[i]) <= tolerance, `${d}`)
  })
})

test('a vector is of probabilities when it has two elements in 0..1 that sum to 1', async t => {
  t.ok(areProbabilities(floats([0.25, 0.75])))
  t.ok(areProbabilities(floats([0.3334, 0.3333, 0.3333])))
  t.notOk(areProbabilities(floats([1])))
  t.notOk(areProbabilities(floats([0.5, 0.502])))
  t.notOk(areProbabilities(floats([1.5, -0.5])))
  t.notOk(areProbabilities(floats([Number.NaN, 1])))
})

test('rank-biased overlap is 1 for one ranking, 0 for two of other items, and falls with the rank', async t => {
  const items = Array.from({ length: 20 }, (_, i) => `i${i}`)
  t.ok(Math.abs(rankBiasedOverlap(items, items) - 1) < 1e-12)
  t.equal(
    rankBiasedOverlap(
      items,
      items.map(item => `${item}x`)
    ),
    0
  )
  const swapped = (at: number) => {
    const list = [...items]
    const [a = '', b = ''] = list.slice(at, at + 2)
    list[at] = b
    list[at + 1] = a
    return list
  }
  t.ok(rankBiasedOverlap(items, swapped(0)) < rankBiasedOverlap(items, swapped(10)))
  // By hand: agreements 0, 1 at depths 1, 2 and extrapolated.
  t.ok(Math.abs(rankBiasedOverlap(['a', 'b'], ['b', 'a']) - (0.1 * 0.9 + 0.81)) < 1e-12)
})

test('embeddings without a direction are the same only when equal', async t => {
  t.strictSame(sameEmbedding(floats([0, 0]), floats([0, 0])), { same: true, distance: 0 })
  t.strictSame(sameEmbedding(floats([0, 0]), floats([1, 0])), { same: false, distance: null })
  t.strictSame(sameEmbedding(floats([Number.NaN, 1]), floats([Number.NaN, 1])).same, true)
  t.strictSame(sameEmbedding(floats([Number.NaN, 1]), floats([1, 1])).same, false)
  t.equal(sameEmbedding(floats([1e200, 1e200]), floats([1e-200, 1e-200])).same, true)
  t.equal(sameEmbedding(floats([1, 0]), floats([-1, 0])).distance, 2)
})

test('base64 is that of the platform when lengths and padding vary', async t => {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255)
    const text = Buffer.from(bytes).toString('base64')
    t.equal(toBase64(bytes), text)
    t.strictSame(fromBase64(text), bytes)
    t.strictSame(fromBase64(text.replaceAll('=', '')), bytes)
  }
  t.equal(fromBase64('a'), null)
  t.equal(fromBase64('ab%d'), null)
  t.equal(fromBase64('abé='), null)
})
