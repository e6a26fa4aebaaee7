import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { wilsonInterval } from '../../../src/domain/stats/wilson.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/stats-pairs.json', import.meta.url), 'utf8')
)

test('the interval is that of the reference when shares are Newcombe’s', async t => {
  for (const id of ['wilson-81-263', 'wilson-15-148', 'wilson-0-20']) {
    const { inputs, expected, tolerance } = cases[id]
    const { low, high } = wilsonInterval(inputs.x, inputs.n)
    t.ok(Math.abs(low - expected.wilson[0]) <= tolerance, `${id} ${low}`)
    t.ok(Math.abs(high - expected.wilson[1]) <= tolerance, `${id} ${high}`)
  }
})

test('the interval is mirrored when successes and failures change places, and is 0..1 without data', async t => {
  for (const x of [0, 1, 7, 20]) {
    const one = wilsonInterval(x, 20)
    const other = wilsonInterval(20 - x, 20)
    t.ok(Math.abs(one.low - (1 - other.high)) < 1e-12)
    t.ok(one.low >= 0 && one.low <= x / 20 && one.high >= x / 20 && one.high <= 1)
  }
  t.strictSame(wilsonInterval(0, 0), { low: 0, high: 1 })
})
