import { test } from 'tap'
import { RunningMean, studentQuantile } from '../../../src/domain/stats/running-mean.ts'
import { seeded } from '../../helpers/seeded.ts'

test('quantiles are those of Student’s tables when degrees of freedom are few or many', async t => {
  for (const [df, expected] of [
    [1, 12.7062047364],
    [4, 2.7764451052],
    [30, 2.0422724563],
    [1e6, 1.9599663568]
  ] as const) {
    t.ok(Math.abs(studentQuantile(df, 0.95) - expected) < 1e-6, `${studentQuantile(df, 0.95)}`)
  }
})

test('mean and interval are those of a formula over all values when they are far from 0', async t => {
  const next = seeded(7)
  const values = Array.from({ length: 500 }, () => 1e9 + next())
  const running = new RunningMean()
  for (const value of values) running.add(value)
  const mean = values.reduce((sum, value) => sum + (value - 1e9), 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - 1e9 - mean) ** 2, 0) / 499
  const half = studentQuantile(499, 0.95) * Math.sqrt(variance / 500)
  const interval = running.interval()
  t.ok(Math.abs((interval?.mean ?? 0) - 1e9 - mean) < 1e-6)
  t.ok(Math.abs((interval?.high ?? 0) - (interval?.mean ?? 0) - half) < 1e-6)
  t.ok(Math.abs((interval?.mean ?? 0) - (interval?.low ?? 0) - half) < 1e-6)
})

test('there is no mean without values and no interval from one, and what is not finite is left out', async t => {
  const running = new RunningMean()
  t.equal(running.interval(), null)
  running.add(Number.NaN)
  running.add(Infinity)
  t.equal(running.interval(), null)
  running.add(3)
  t.strictSame(running.interval(), { mean: 3, low: null, high: null })
  running.add(3)
  t.strictSame(running.interval(), { mean: 3, low: 3, high: 3 })
})
