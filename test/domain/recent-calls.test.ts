import { test } from 'tap'
import { RecentCalls } from '../../src/domain/recent-calls.ts'

/** So many ticks with a gain each; gives the total after them. */
function ticks(
  calls: RecentCalls,
  from: number,
  n: number,
  gain: number,
  inTraffic = true,
  run = 'r'
): number {
  let total = from
  for (let i = 0; i < n; i++) {
    total = (total + gain) >>> 0
    calls.tick(new Map([['v4', { run, total, inTraffic }]]))
  }
  return total
}

test('counts the calls of the last minute when the challenger is in traffic', async t => {
  const calls = new RecentCalls()
  let total = ticks(calls, 0, 1, 0)
  total = ticks(calls, total, 100, 3)
  t.same(calls.counts(), { v4: 300 })
  total = ticks(calls, total, 1_000, 2)
  t.same(calls.counts(), { v4: 480 })
  ticks(calls, total, 240, 0)
  t.same(calls.counts(), { v4: 0 }, 'a minute without calls')
})

test('keeps the figure when the challenger is out, with the calls of the moment in which it left', async t => {
  const calls = new RecentCalls()
  let total = ticks(calls, ticks(calls, 0, 1, 0), 240, 2)
  total = ticks(calls, total, 1, 5, false)
  total = ticks(calls, total, 10_000, 0, false)
  t.same(calls.counts(), { v4: 485 })
  total = ticks(calls, total, 239, 1)
  t.same(calls.counts(), { v4: 239 + 7 }, 'the last tick goes with its late calls')
  ticks(calls, total, 1, 1)
  t.same(calls.counts(), { v4: 240 })
})

test('counts on when the total wraps', async t => {
  const calls = new RecentCalls()
  const total = ticks(calls, 0xffff_fff0, 1, 0)
  ticks(calls, total, 10, 4)
  t.same(calls.counts(), { v4: 40 })
})

test('starts from nothing when it is another run, and forgets who is not there', async t => {
  const calls = new RecentCalls()
  const total = ticks(calls, ticks(calls, 0, 1, 0), 10, 4)
  ticks(calls, total, 1, 4, true, 'next')
  t.same(calls.counts(), { v4: 0 })
  calls.tick(new Map())
  t.same(calls.counts(), {})
})

test('does not count what was there before it looked', async t => {
  const calls = new RecentCalls()
  ticks(calls, 5_000, 1, 0)
  t.same(calls.counts(), { v4: 0 })
})
