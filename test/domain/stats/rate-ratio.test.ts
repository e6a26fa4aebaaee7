import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { binomialTail } from '../../../src/domain/stats/binomial.ts'
import { rateRatio, rateRatioInterval, rateRatioP } from '../../../src/domain/stats/rate-ratio.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/stats-edetector.json', import.meta.url), 'utf8')
)

test('the conditional test gives the reference p when a canary has three times the errors', async t => {
  const { inputs, expected, tolerance } = cases['cond-binomial-canary']
  t.ok(Math.abs(rateRatioP(inputs) - expected.p) <= tolerance)
})

test('the conditional test gives half of the two-sided reference p at least when rates are of person-years', async t => {
  const { inputs, expected } = cases['poisson-ratio']
  const [xc, xb] = inputs.x
  const [nc, nb] = inputs.exposure
  const p = rateRatioP({ nc, nb, xc, xb })
  t.ok(p < expected.p_exact_cond_two_sided && p > expected.p_exact_cond_two_sided / 3)
  t.ok(Math.abs((rateRatio({ nc, nb, xc, xb: xb - 0.5 }) ?? 0) - expected.ratio) < 1e-9)
})

test('the interval holds the ratios that the exact test does not reject when both arms have events', async t => {
  const counts = { nc: 300, xc: 9, nb: 5700, xb: 57 }
  const { low, high } = rateRatioInterval(counts)
  const theta = (r: number) => (r * 300) / (r * 300 + 5700)
  t.ok(Math.abs(binomialTail(9, 66, theta(low)) - 0.025) < 1e-9)
  t.ok(Math.abs(1 - binomialTail(10, 66, theta(high)) - 0.025) < 1e-9)
})

test('the interval is open above when the champion has no events, and says nothing without any', async t => {
  const { low, high } = rateRatioInterval({ nc: 50, xc: 9, nb: 950, xb: 0 })
  t.ok(low > 1)
  t.equal(high, Infinity)
  t.strictSame(rateRatioInterval({ nc: 50, xc: 0, nb: 950, xb: 0 }), { low: 0, high: Infinity })
  t.strictSame(rateRatioInterval({ nc: 0, xc: 0, nb: 950, xb: 3 }), { low: 0, high: Infinity })
})

test('there is no ratio and no test when an arm has no requests', async t => {
  t.equal(rateRatio({ nc: 0, xc: 0, nb: 10, xb: 1 }), null)
  t.equal(rateRatio({ nc: 10, xc: 1, nb: 0, xb: 0 }), null)
  t.equal(rateRatioP({ nc: 10, xc: 1, nb: 0, xb: 0 }), 1)
})
