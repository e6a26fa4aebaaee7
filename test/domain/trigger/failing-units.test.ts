import { test } from 'tap'
import { FAIL, TICK_MS } from '../../../src/domain/counts.ts'
import { FailingUnits, removalKey } from '../../../src/domain/trigger/failing-units.ts'
import { freshCounters, request } from '../../helpers/observation.ts'

test('the unit with most failures of a kind is found when several fail', async t => {
  const c = freshCounters()
  const units = new FailingUnits()
  units.read([c], 1, 1, true)
  for (let i = 0; i < 4; i++) request(c, { unit: 1, outcome: 'reset' })
  request(c, { unit: 2, outcome: 'reset' })
  for (let i = 0; i < 9; i++) request(c, { unit: 3, outcome: 'client_error' })
  units.read([c], 1, 2, false)
  t.strictSame(units.top(FAIL.errors, 0), { unit: 1, failures: 4, known: 5, units: 2 })
  t.strictSame(units.top(FAIL.clientErrors, 0), { unit: 3, failures: 9, known: 9, units: 1 })
  t.equal(units.top(FAIL.latency, 0), null)
  t.equal(units.top(FAIL.errors, 3), null, 'none since tick 3')
  t.strictSame([...units.ofUnit(1, FAIL.errors, 0)], [[removalKey(2, 0), 4]])
})

test('failures that end after the entry was read get one of their own', async t => {
  const c = freshCounters()
  const units = new FailingUnits()
  units.read([c], 1, 1, true)
  request(c, { unit: 1, outcome: 'reset' })
  units.read([c], 1, 2, false)
  request(c, { unit: 1, outcome: 'reset' })
  units.read([c], 1, 3, false)
  t.equal(units.top(FAIL.errors, 0)?.failures, 2)
  t.equal(units.top(FAIL.errors, 3)?.failures, 1)
})

test('the first failure is given in ms of the process when asked since a tick', async t => {
  const c = freshCounters()
  const units = new FailingUnits()
  units.read([c], 1, 1, true)
  request(c, { outcome: 'reset', endedAt: 5 * TICK_MS + 3 })
  request(c, { outcome: 'reset', endedAt: 9 * TICK_MS + 3 })
  units.read([c], 1, 2, false)
  t.equal(units.firstAt(FAIL.errors, 0), 5 * TICK_MS)
  t.equal(units.firstAt(FAIL.latency, 0), null)
})

test('lost failures name nobody when a ring overflows between two ticks', async t => {
  const c = freshCounters()
  const units = new FailingUnits()
  units.read([c], 1, 1, true)
  for (let unit = 1; unit <= 1000; unit++) request(c, { unit, outcome: 'reset' })
  units.read([c], 1, 2, false)
  const top = units.top(FAIL.errors, 0)
  t.ok(top && top.known <= 256 && top.units === top.known)
})

test('the list holds a bounded number of entries when failures go on for long', async t => {
  const c = freshCounters()
  const units = new FailingUnits()
  units.read([c], 1, 1, true)
  for (let tick = 2; tick < 60; tick++) {
    for (let unit = 1; unit <= 200; unit++)
      request(c, { unit: tick * 1000 + unit, outcome: 'reset' })
    units.read([c], 1, tick, false)
  }
  t.equal(units.top(FAIL.errors, 0)?.known, 4096)
})

test('failures of others are counted when a unit is noted', async t => {
  const c = freshCounters()
  const units = new FailingUnits()
  units.read([c], 1, 1, true)
  t.equal(units.others(FAIL.errors), 1, 'unknown before')
  units.note(FAIL.errors, 1)
  request(c, { unit: 1, outcome: 'reset' })
  units.read([c], 1, 2, false)
  t.equal(units.others(FAIL.errors), 0)
  request(c, { unit: 2, outcome: 'reset' })
  units.read([c], 1, 3, false)
  t.equal(units.others(FAIL.errors), 1)
})
