import { test } from 'tap'
import { buildTable, decide } from '../../src/data-plane/decide.ts'
import { bucketOfHash, hashText, saltPrefix } from '../../src/domain/hash.ts'
import { flatten, type Ledger, ownerOf, reallocate, sizeOf } from '../../src/domain/ranges.ts'
import { requestFacts, routeSnapshot, snapshotOf } from '../helpers/route-snapshot.ts'
import { seeded } from '../helpers/seeded.ts'

function ownersOf(ledger: Ledger): string[] {
  const table = flatten(ledger, 'champion')
  return Array.from({ length: 10_000 }, (_, bucket) => ownerOf(table, bucket) ?? 'nobody')
}

test('moves buckets only between champion and challenger when weights change in any history', t => {
  const random = seeded(20_260_101)
  const names = ['a', 'b', 'c', 'd']
  let refused = 0
  for (let history = 0; history < 40; history++) {
    let ledger: Ledger = {}
    let owners = ownersOf(ledger)
    for (let step = 0; step < 25; step++) {
      const targets = new Map<string, number>()
      let left = 10_000
      for (const name of names) {
        const share = random() < 0.25 ? 0 : Math.floor(random() * left)
        targets.set(name, share)
        left -= share
      }
      const result = reallocate(ledger, targets)
      if (!result.ok) {
        refused++
        continue
      }
      const after = ownersOf(result.ledger)
      for (let bucket = 0; bucket < 10_000; bucket++) {
        const [from, to] = [owners[bucket], after[bucket]]
        if (from !== to && from !== 'champion' && to !== 'champion')
          t.fail(`bucket ${bucket} moved from ${from} to ${to}`)
        if (to === 'nobody') t.fail(`bucket ${bucket} has no owner`)
      }
      for (const [name, size] of targets) {
        if (sizeOf(result.ledger[name] ?? []) !== size)
          t.fail(`${name} has not its ${size} buckets`)
      }
      ledger = result.ledger
      owners = after
    }
  }
  t.ok(refused > 0, 'some change needed more than the champion had')
  t.end()
})

test('moves nobody who was in when a challenger grows through every ramp', t => {
  for (const ramp of [
    [1, 5, 20, 50, 100],
    [10, 25, 75],
    [0.01, 0.02, 3.33, 99.99]
  ]) {
    let ledger: Ledger = {}
    for (const percent of ramp) {
      const before = ownersOf(ledger)
      const result = reallocate(ledger, new Map([['canary', Math.round(percent * 100)]]))
      if (!result.ok) throw new Error('refused')
      ledger = result.ledger
      const after = ownersOf(ledger)
      const lost = before.filter((owner, at) => owner === 'canary' && after[at] !== 'canary')
      t.equal(lost.length, 0, `at ${percent} percent`)
    }
  }
  t.end()
})

test('sends nobody at 0 and everybody at 100 when users are decided one by one', t => {
  const units = Array.from({ length: 20_000 }, (_, i) => `user-${i}`)
  for (const [percent, expected] of [
    [0, 0],
    [100, units.length]
  ] as const) {
    const ledger = reallocate({}, new Map([['v4', percent * 100]]))
    if (!ledger.ok) throw new Error('refused')
    const ranges = flatten(ledger.ledger, 'v3').map(({ start, end, variant }) => ({
      start,
      end,
      variant: variant === 'v4' ? 1 : 0
    }))
    const table = buildTable(snapshotOf([routeSnapshot({ ranges })]))
    const challenged = units.filter(unit => {
      const decision = decide(table, requestFacts({ rawHeaders: ['X-User-Id', unit] }))
      return decision.kind === 'forward' && decision.variant === 1
    })
    t.equal(challenged.length, expected)
  }
  t.end()
})

const SALTS = 200
const BINS = 100

test('spreads users evenly when 200 salts are tried', t => {
  const p: number[] = []
  const n = 10_000
  const units = Array.from({ length: n }, (_, i) => unitName(i))
  for (let salt = 0; salt < SALTS; salt++) {
    const prefix = saltPrefix(`uniform-${salt}`)
    const counts = new Float64Array(BINS)
    for (const unit of units) {
      const bin = Math.floor(bucketOfHash(hashText(prefix, unit)) / (10_000 / BINS))
      counts[bin] = (counts[bin] ?? 0) + 1
    }
    const expected = n / BINS
    const chi2 = counts.reduce((sum, x) => sum + (x - expected) ** 2 / expected, 0)
    p.push(chiSquareTail(chi2, BINS - 1))
  }
  t.ok(ksUniform(p) > 0.001, `p-values are uniform: ${ksUniform(p)}`)
  t.end()
})

test('assigns independently when the same users meet two salts', t => {
  const p = pairwise(SALTS, i => saltPrefix(`independent-${i}`))
  t.ok(ksUniform(p) > 0.001, `p-values are uniform: ${ksUniform(p)}`)
  t.end()
})

test('notices when two experiments share their buckets', t => {
  t.ok(ksUniform(pairwise(20, () => saltPrefix('the-same'))) < 1e-6)
  t.end()
})

/** For each salt and its neighbour the p-value of independence: phi squared times n is chi-square with 1 df. */
function pairwise(pairs: number, prefixOf: (salt: number) => Uint8Array): number[] {
  const n = 5_000
  const units = Array.from({ length: n }, (_, i) => unitName(i))
  const halves = (salt: number) =>
    units.map(unit => bucketOfHash(hashText(prefixOf(salt), unit)) < 5000)
  const p: number[] = []
  let one = halves(0)
  for (let salt = 1; salt <= pairs; salt++) {
    const two = halves(salt)
    const first = one.filter(Boolean).length
    const second = two.filter(Boolean).length
    const both = one.filter((inOne, i) => inOne && two[i]).length
    const spread = Math.sqrt(first * (n - first) * second * (n - second))
    const phi = (n * both - first * second) / spread
    p.push(chiSquareTail(n * phi * phi, 1))
    one = two
  }
  return p
}

/** Sequential numbers, names and ids that look like UUIDs, in turn. */
function unitName(i: number): string {
  if (i % 3 === 0) return String(i)
  if (i % 3 === 1) return `user-${i}`
  return `${((i * 2654435761) >>> 0).toString(16).padStart(8, '0')}-0000-4000-8000-${i.toString(16).padStart(12, '0')}`
}

/** P(chi2 > x): exact for one degree, Wilson-Hilferty for many (relative error below 1 % at 99). */
function chiSquareTail(x: number, df: number): number {
  if (df === 1) return 2 * normalTail(Math.sqrt(x))
  const spread = 2 / (9 * df)
  return normalTail(((x / df) ** (1 / 3) - (1 - spread)) / Math.sqrt(spread))
}

/** Upper tail of the normal distribution (Abramowitz and Stegun 26.2.17, error below 7.5e-8). */
function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z)
  const k = 1 / (1 + 0.2316419 * z)
  const poly =
    k * (0.31938153 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly
}

/** P-value of the Kolmogorov-Smirnov test against uniform on 0..1. */
function ksUniform(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const n = sorted.length
  let d = 0
  sorted.forEach((value, i) => {
    d = Math.max(d, value - i / n, (i + 1) / n - value)
  })
  const lambda = (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n)) * d
  let sum = 0
  for (let j = 1; j <= 100; j++) sum += (j % 2 ? 2 : -2) * Math.exp(-2 * (j * lambda) ** 2)
  return Math.min(1, Math.max(0, sum))
}
