import { test } from 'tap'
import { fleetLogC, thresholds } from '../../../src/domain/trigger/thresholds.ts'

test('ln c is 22.15 when one process judges with alpha 0.001', async t => {
  t.equal(thresholds(0.001, 1, 1).logC.toFixed(2), '22.15')
})

test('each replica and the fleet get a part when there are several', async t => {
  const alone = thresholds(0.001, 1, 1)
  const three = thresholds(0.001, 3, 1)
  t.ok(Math.abs(three.logC - alone.logC - Math.log(4 / 2)) < 1e-12)
  t.ok(Math.abs(three.perLook * 2 - alone.perLook) < 1e-20)
})

test('the looks of the gross rule share its part when it tests several kinds', async t => {
  t.ok(Math.abs(thresholds(0.001, 1, 4).perLook * 4 - thresholds(0.001, 1, 1).perLook) < 1e-20)
})

test('the fleet looks 17,280 times a day when its counters are judged every 5 s', async t => {
  t.ok(Math.abs(fleetLogC(0.001, 5) - Math.log((17_280 * 6 * 6) / 0.001)) < 1e-12)
})
