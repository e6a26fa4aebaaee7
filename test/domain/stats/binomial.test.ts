import { test } from 'tap'
import {
  binomialBelow,
  binomialTail,
  shareHigh,
  shareInterval,
  shareLow
} from '../../../src/domain/stats/binomial.ts'

/** By summing up the terms. */
function tailBySum(k: number, n: number, p: number): number {
  let sum = 0
  for (let i = k; i <= n; i++) {
    let term = p ** i * (1 - p) ** (n - i)
    for (let j = 1; j <= i; j++) term *= (n - i + j) / j
    sum += term
  }
  return sum
}

test('a tail is the sum of its terms when n is small', async t => {
  for (const p of [0.02, 0.3, 0.9]) {
    for (let k = 1; k <= 12; k++) {
      const exact = tailBySum(k, 12, p)
      t.ok(Math.abs(binomialTail(k, 12, p) / exact - 1) < 1e-9, `k ${k}, p ${p}`)
    }
  }
})

test('a tail is 0 or 1 when k is outside 1..n or p is 0 or 1', async t => {
  t.equal(binomialTail(0, 12, 0.02), 1)
  t.equal(binomialTail(13, 12, 0.02), 0)
  t.equal(binomialTail(3, 12, 0), 0)
  t.equal(binomialTail(3, 12, 1), 1)
})

test('below is the complement of the tail when x is an integer, and grows between integers', async t => {
  for (let x = 0; x < 20; x++) {
    t.ok(Math.abs(binomialBelow(x, 20, 0.3) + binomialTail(x + 1, 20, 0.3) - 1) < 1e-12)
    t.ok(binomialBelow(x + 0.5, 20, 0.3) > binomialBelow(x, 20, 0.3))
  }
  t.equal(binomialBelow(20, 20, 0.3), 1)
  t.ok(Math.abs(binomialBelow(0, 5, 0.5) - 1 / 32) < 1e-15)
})

test('an interval is that of Clopper and Pearson when there are successes, none, or only such', async t => {
  const close = (value: number, expected: number) => Math.abs(value - expected) < 1e-9
  t.ok(close(shareInterval(0, 10, 0.95).high, 1 - 0.025 ** (1 / 10)))
  t.equal(shareInterval(0, 10, 0.95).low, 0)
  t.ok(close(shareInterval(10, 10, 0.95).low, 0.025 ** (1 / 10)))
  t.equal(shareInterval(10, 10, 0.95).high, 1)
  const { low, high } = shareInterval(3, 20, 0.95)
  t.ok(close(binomialTail(3, 20, low), 0.025))
  t.ok(close(binomialBelow(3, 20, high), 0.025))
  t.strictSame(shareInterval(0, 0, 0.95), { low: 0, high: 1 })
})

test('one-sided bounds enclose the share when alpha is small', async t => {
  t.ok(shareLow(5, 100, 0.001) < 0.05)
  t.ok(shareHigh(5, 100, 0.001) > 0.05)
  t.ok(Math.abs(binomialBelow(5, 100, shareHigh(5, 100, 0.001)) - 0.001) < 1e-12)
})
