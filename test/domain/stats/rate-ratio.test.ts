import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { binomialTail } from '../../../src/domain/stats/binomial.ts'
import { type Counts, rateRatioInterval } from '../../../src/domain/stats/rate-ratio.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/stats-edetector.json', import.meta.url), 'utf8')
)

test('the interval starts at equal rates when its level is that of the reference p', async t => {
  const { inputs, expected } = cases['cond-binomial-canary']
  const { low } = rateRatioInterval(inputs, 1 - 2 * expected.p)
  t.ok(Math.abs(low - 1) <= 1e-9, `${low}`)
  const { high } = rateRatioInterval(mirrored(inputs), 1 - 2 * expected.p)
  t.ok(Math.abs(high - 1) <= 1e-9, `${high}`)
})

test('the interval agrees with the two-sided reference test when rates are of person-years', async t => {
  const { inputs, expected } = cases['poisson-ratio']
  const [xc, xb] = inputs.x
  const [nc, nb] = inputs.exposure
  const p = expected.p_exact_cond_two_sided
  t.ok(rateRatioInterval({ nc, nb, xc, xb }, 1 - 2 * p).low > 1)
  t.ok(rateRatioInterval({ nc, nb, xc, xb }, 1 - (2 * p) / 3).low < 1)
  const { low, high } = rateRatioInterval({ nc, nb, xc, xb })
  t.ok(low < expected.ratio && expected.ratio < high)
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

/** The same experiment with the arms exchanged. */
function mirrored({ nc, xc, nb, xb }: Counts): Counts {
  return { nc: nb, xc: xb, nb: nc, xb: xc }
}
