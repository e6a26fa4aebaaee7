import { test } from 'tap'
import { CALLED, FAIL } from '../../../src/domain/counts.ts'
import { LastCalls } from '../../../src/domain/trigger/last-calls.ts'
import { freshCounters, request } from '../../helpers/observation.ts'

const units = (calls: LastCalls) =>
  Array.from({ length: calls.size }, (_, back) => calls.unitOf(calls.size - 1 - back))

test('calls of two threads are in the order in which they ended', async t => {
  const [a, b] = [freshCounters(), freshCounters()]
  const calls = new LastCalls()
  calls.read([a, b], 1, true)
  request(a, { unit: 1, endedAt: 1010 })
  request(a, { unit: 3, endedAt: 1030 })
  request(b, { unit: 2, endedAt: 1020 })
  request(b, { unit: 4, endedAt: 1040 })
  t.equal(calls.read([a, b], 1, false), true)
  t.strictSame(units(calls), [1, 2, 3, 4])
  t.equal(calls.read([a, b], 1, false), false)
})

test('the last 48 are kept when more than a ring came between two ticks', async t => {
  const c = freshCounters()
  const calls = new LastCalls()
  calls.read([c], 1, true)
  for (let unit = 1; unit <= 200; unit++) request(c, { unit })
  calls.read([c], 1, false)
  t.ok(calls.size >= 47)
  t.equal(calls.unitOf(0), 200)
})

test('calls before the first look, or under other ranges, do not enter', async t => {
  const c = freshCounters()
  const calls = new LastCalls()
  request(c)
  calls.read([c], 1, true)
  t.equal(calls.size, 0)
  request(c, { generation: 1 })
  calls.read([c], 2, false)
  t.equal(calls.size, 0)
})

test('failures and good answers to others are told apart when one unit fails', async t => {
  const c = freshCounters()
  const calls = new LastCalls()
  calls.read([c], 1, true)
  for (let i = 0; i < 10; i++) request(c, { unit: 1, outcome: 'reset' })
  for (let unit = 2; unit < 5; unit++) request(c, { unit })
  request(c, { unit: 1 })
  request(c, { unit: 9, outcome: 'client_error' })
  calls.read([c], 1, false)
  t.equal(calls.failures(FAIL.errors, 48), 10)
  t.equal(calls.failures(FAIL.errors, 6), 1)
  t.equal(calls.goodToOthers(FAIL.errors, 1), 4)
  t.equal(calls.goodToOthers(FAIL.clientErrors, 1), 3)
  t.equal(calls.kindsOf(0), FAIL.clientErrors | CALLED)
  calls.clear()
  t.equal(calls.size, 0)
})
