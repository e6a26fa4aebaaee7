import { test } from 'tap'
import { rulesOf, TriggerDetectors } from '../../../src/domain/trigger/trigger.ts'
import type { TriggerName } from '../../../src/domain/trigger-settings.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const LOG_C = 22.15

/** Detectors of a trigger after ticks with these counts: [nc, xc, nb, xb]. */
function after(trigger: TriggerName, ticks: readonly (readonly number[])[], logC = LOG_C) {
  const rule = rulesOf(DEFAULTS).find(rule => rule.trigger === trigger)
  if (!rule) throw new Error(trigger)
  const detectors = new TriggerDetectors(rule, 1, logC, 0)
  ticks.forEach(([nc = 0, xc = 0, nb = 0, xb = 0], tick) => {
    detectors.add(tick, [{ nc, xc, nb, xb }], 1, null)
  })
  return detectors
}
const times = (n: number, ...counts: number[]) => Array.from({ length: n }, () => counts)

test('triggers that are off have no rules', async t => {
  t.strictSame(
    rulesOf({ ...DEFAULTS, errors: null, latency: null }).map(({ trigger }) => trigger),
    ['client_errors', 'bad_predictions']
  )
  t.ok(Math.abs((rulesOf(DEFAULTS).at(-1)?.max ?? 0) - 0.01) < 1e-12, 'p99 is 1 % beyond the SLA')
})

test('errors roll back when there are five times as many as the champion has', async t => {
  const found = after('errors', times(60, 50, 4, 950, 10)).find()
  t.strictSame(found, { verdict: 'rollback', cause: 'ratio' })
})

test('errors pause when there are three times as many', async t => {
  const detectors = after('errors', times(120, 50, 1.5, 950, 9.5))
  t.equal(detectors.find().verdict, 'pause')
  t.ok((detectors.above.ratio() ?? 9) < 5)
})

test('errors do nothing when the ratio is high and the rate is below 0.1 %', async t => {
  const ticks = Array.from({ length: 4000 }, (_, i) => [500, i % 4 ? 0 : 1, 9500, i % 20 ? 0 : 1])
  const found = after('errors', ticks).find()
  t.not(found.verdict, 'rollback', 'a quarter of a tick is 0.05 %')
})

test('errors roll back when the share is above its limit and above that of the champion', async t => {
  const found = after('errors', times(80, 50, 14, 950, 95)).find()
  t.strictSame(found, { verdict: 'rollback', cause: 'share' })
  t.equal(after('errors', times(300, 50, 14, 950, 266)).find().verdict, 'none', 'as the champion')
})

test('bad predictions roll back above the limit, and only pause when the champion is as bad', async t => {
  t.equal(after('bad_predictions', times(80, 50, 3, 950, 2)).find().verdict, 'rollback')
  t.equal(after('bad_predictions', times(80, 50, 3, 950, 57)).find().verdict, 'pause')
  t.equal(after('bad_predictions', times(400, 50, 0.4, 950, 1)).find().verdict, 'none')
})

test('evidence rests on nothing when an arm has no requests', async t => {
  const detectors = after('client_errors', times(100, 50, 50, 0, 0))
  t.equal(detectors.find().verdict, 'none')
  t.equal(detectors.above.ratio(), null)
})

test('fewer than five failures are no evidence for a ratio when a high alpha would take them', async t => {
  const ticks = (failures: number) => [...times(10, 1, 0, 1e6, 0), ...times(failures, 1, 1, 1e6, 0)]
  const four = after('client_errors', ticks(4), 12)
  t.ok(four.above.atLeast(12))
  t.not(four.find().verdict, 'rollback')
  t.equal(after('client_errors', ticks(5), 12).find().verdict, 'rollback')
})

test('the first tick of the evidence is that of the oldest alternative that is positive', async t => {
  const detectors = after('errors', [...times(100, 50, 0, 950, 9), ...times(5, 50, 10, 950, 9)])
  t.equal(detectors.firstTick(), 100)
  t.equal(after('errors', times(100, 50, 0, 950, 9)).firstTick(), Infinity)
})
