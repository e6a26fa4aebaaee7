import { test } from 'tap'
import { betaQuantile, incompleteBeta } from '../../../src/domain/stats/special.ts'

test('the incomplete beta function has its closed form when one parameter is 1', async t => {
  for (const x of [0.001, 0.2, 0.7]) {
    t.ok(Math.abs(incompleteBeta(3, 1, x) - x ** 3) < 1e-14)
    t.ok(Math.abs(incompleteBeta(1, 4, x) - (1 - (1 - x) ** 4)) < 1e-14)
  }
})

test('the quantile inverts it when p is inside 0..1', async t => {
  for (const p of [1e-6, 0.025, 0.5, 0.999]) {
    t.ok(Math.abs(incompleteBeta(7, 40, betaQuantile(7, 40, p)) - p) < 1e-9)
  }
})

test('both give the ends when the argument is at or beyond them, also where the package throws', async t => {
  t.equal(incompleteBeta(2, 3, 0), 0)
  t.equal(incompleteBeta(2, 3, -1), 0)
  t.equal(incompleteBeta(2, 3, 1), 1)
  t.equal(incompleteBeta(2, 3, Number.NaN), 0)
  t.equal(betaQuantile(2, 3, 0), 0)
  t.equal(betaQuantile(2, 3, 1), 1)
  for (const [a, b, x] of [
    [1e6, 1, 1e-3],
    [1, 1e6, 0.9],
    [1e8, 1e8, 0.5],
    [0.5, 1e9, 1e-12]
  ] as const) {
    const value = incompleteBeta(a, b, x)
    t.ok(value >= 0 && value <= 1, `I_${x}(${a}, ${b}) = ${value}`)
  }
})
