import { test } from 'tap'
import { backOff } from '../../../src/io/kafka/back-off.ts'

test('stays between 0.1 and 30 s and grows to it when failures follow each other', async t => {
  t.equal(backOff(1, 0), 100)
  t.equal(backOff(10_000, 0.999_999), 30_000)
  let last = 0
  for (let failures = 1; failures < 40; failures++) {
    const least = backOff(failures, 0)
    t.ok(least >= last && least >= 100)
    t.ok(backOff(failures, 0.999_999) <= 30_000)
    last = least
  }
  t.equal(last, 15_000)
})

test('spreads replicas when they lost a broker at the same moment', async t => {
  const waits = Array.from({ length: 100 }, (_, i) => backOff(6, i / 100))
  t.equal(new Set(waits).size, 100)
  t.ok(Math.max(...waits) > 1.9 * Math.min(...waits))
})
