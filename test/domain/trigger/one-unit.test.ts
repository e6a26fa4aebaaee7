import { test } from 'tap'
import { type Counters, ROW } from '../../../src/domain/counts.ts'
import { EvidenceReader } from '../../../src/domain/trigger/evidence.ts'
import { FailingUnits } from '../../../src/domain/trigger/failing-units.ts'
import { LastCalls } from '../../../src/domain/trigger/last-calls.ts'
import { OneUnitRule } from '../../../src/domain/trigger/one-unit.ts'
import { TickHistory } from '../../../src/domain/trigger/tick-history.ts'
import { rulesOf, TriggerDetectors } from '../../../src/domain/trigger/trigger.ts'
import { freshCounters, request } from '../../helpers/observation.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const LOG_C = 22.15
const [ERRORS] = rulesOf(DEFAULTS)

/** Ticks of a challenger; `fail` gives the units that fail in a tick, ten other calls are good. */
function scene(ticks: number, fail: (tick: number) => readonly number[], good = 10) {
  if (!ERRORS) throw new Error('errors')
  const c: Counters = freshCounters()
  const [reader, units, calls] = [new EvidenceReader(0), new FailingUnits(), new LastCalls()]
  const history = new TickHistory()
  const detectors = new TriggerDetectors(ERRORS, 1, LOG_C, 0)
  const champion = new Float64Array(3 * ROW.size)
  champion[ROW.calls] = 190
  champion[ROW.errors] = 2
  reader.read([c], 1)
  units.read([c], 1, 0, true)
  calls.read([c], 1, true)
  const rule = new OneUnitRule()
  let tick = 0
  const step = () => {
    tick++
    for (let i = 0; i < good; i++) request(c, { unit: 1_000_000 + tick * 100 + i })
    for (const unit of fail(tick)) request(c, { unit, outcome: 'upstream_error' })
    reader.read([c], 1)
    units.read([c], 1, tick, false)
    calls.read([c], 1, false)
    history.push(tick, 0, reader.rows, champion, 0)
    const [nc = 0, xc = 0] = [reader.rows[ROW.calls], reader.rows[ROW.errors]]
    detectors.add(tick, [{ nc, xc, nb: 190, xb: 2 }], 1, null)
  }
  const check = () =>
    rule.check({
      detectors,
      finding: detectors.find(),
      units,
      calls,
      history,
      strata: 1,
      logC: LOG_C,
      phi: 1,
      frozen: null,
      tick
    })
  for (let i = 0; i < ticks; i++) step()
  return { check, step, detectors }
}

test('evidence holds when many units fail', async t => {
  const { check, detectors } = scene(30, tick => [tick * 2, tick * 2 + 1])
  t.equal(detectors.find().verdict, 'rollback')
  const { finding, top } = check()
  t.strictSame(finding, detectors.find())
  t.ok((top?.units ?? 0) > 3)
})

test('evidence falls when one unit has nearly all failures', async t => {
  const { check, detectors } = scene(30, tick => (tick % 10 === 0 ? [7, 7, tick] : [7, 7]))
  t.equal(detectors.find().verdict, 'rollback')
  const { finding, top } = check()
  t.equal(finding.verdict, 'none')
  t.equal(top?.unit, 7)
})

test('two units are not enough, however often they fail', async t => {
  const { check, detectors } = scene(30, () => [7, 8])
  t.equal(detectors.find().verdict, 'rollback')
  t.equal(check().finding.verdict, 'none')
})

test('one unit is enough when it makes all calls and half of the last 20 failed', async t => {
  const { check } = scene(30, () => [7, 7, 7], 0)
  t.equal(check().finding.verdict, 'rollback')
})

test('the answer changes when other units begin to fail', async t => {
  const others: number[] = []
  const { check, step } = scene(30, tick => (others.length > 0 ? [7, 7, tick, tick + 500] : [7, 7]))
  t.equal(check().finding.verdict, 'none')
  others.push(1)
  for (let i = 0; i < 20; i++) {
    step()
    check()
  }
  t.equal(check().finding.verdict, 'rollback')
})
