import { test } from 'tap'
import {
  ADDRESS_FLAGS,
  ADDRESSES,
  AT,
  type Counters,
  FAIL,
  type Outcome
} from '../../../src/domain/counts.ts'
import { Contribution } from '../../../src/domain/fleet/contribution.ts'
import { KIND_ROW } from '../../../src/domain/fleet/totals.ts'
import { recordSent, startGeneration } from '../../../src/domain/record.ts'
import type { Arm, WatchInput } from '../../../src/domain/watch.ts'
import { freshCounters, request } from '../../helpers/observation.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const SECOND = 1_000

/** A replica with a champion that answers in 20 ms, and a clock of seconds. */
function scene(splits = 0) {
  const [stable, canary] = [freshCounters(splits), freshCounters(splits)]
  let eras = 0
  const contribution = new Contribution({ settings: DEFAULTS, splits, nextEra: () => ++eras })
  const clock = { now: 100_000, units: 0 }
  const arm = (c: Counters, weight: number): Arm => ({
    counters: [c],
    addresses: [{ slot: 0, healthy: true }],
    weight
  })
  const send = (c: Counters, n: number, outcome: Outcome = 'ok', more = {}) => {
    for (let i = 0; i < n; i++) {
      const unit = ++clock.units
      const sentAt = clock.now + 10 + (i % 4) * 200
      request(c, { outcome, unit, bucket: unit % 10_000, sentAt, endedAt: sentAt + 20, ...more })
    }
  }
  const beat = (over: Partial<WatchInput> = {}) => {
    clock.now += SECOND
    contribution.tick({
      now: clock.now,
      generation: 1,
      champion: arm(stable, 9_000),
      championHealthy: true,
      challengers: new Map([['canary', arm(canary, 1_000)]]),
      stalled: false,
      ...over
    })
  }
  beat()
  for (let i = 0; i < 30; i++) {
    send(stable, 40)
    beat()
  }
  const totals = () => {
    const found = contribution.arms('canary', 'label', clock.now)
    if (!found) throw new Error('no totals of canary')
    return found
  }
  /** n and x of a kind: of the challenger, and what the champion gained since the start of the scene. */
  const started = Float64Array.from(totals().words)
  const counts = (kind: number, stratum = 0) => {
    const at = 2 * stratum * KIND_ROW.size + 2 * kind
    const { words } = totals()
    return [at, at + 1, at + KIND_ROW.size, at + KIND_ROW.size + 1].map(
      i => (words[i] ?? 0) - (started[i] ?? 0)
    )
  }
  return { stable, canary, contribution, clock, arm, send, beat, totals, counts }
}

test('counts of both arms are added at once when nothing fails', async t => {
  const { stable, canary, send, beat, counts } = scene()
  send(stable, 40)
  send(canary, 4)
  beat()
  t.strictSame(counts(0), [4, 0, 40, 0])
  t.strictSame(counts(2), [4, 0, 40, 0])
})

test('failures are added with their units when the champion was well', async t => {
  const { stable, canary, send, beat, counts, totals } = scene()
  send(stable, 40)
  send(canary, 4, 'upstream_error')
  beat()
  t.strictSame(counts(0), [4, 4, 40, 0])
  t.equal(totals().units.length, 4)
  t.ok(totals().units.every(({ kinds, count }) => kinds === FAIL.errors && count === 1))
  t.equal(totals().leftOut, 0)
})

test('counts of both arms wait when nobody can say yet how the champion is', async t => {
  const { stable, canary, send, beat, counts } = scene()
  send(canary, 2, 'upstream_error')
  send(stable, 2)
  beat()
  t.strictSame(counts(0), [0, 0, 0, 0])
  send(stable, 40)
  send(canary, 2)
  beat()
  t.strictSame(counts(0), [4, 2, 42, 0])
})

test('one kind of failure does not hold up another when the champion is asked about it', async t => {
  const { stable, canary, send, beat, counts } = scene()
  send(canary, 2, 'upstream_error')
  send(stable, 2)
  beat()
  t.strictSame(counts(2).slice(0, 1), [0], 'an error has no predictions')
  t.strictSame(counts(2).slice(2), [2, 0])
  t.strictSame(counts(0), [0, 0, 0, 0])
})

test('failures are left out when the champion is not well', async t => {
  const { stable, canary, send, beat, counts, totals } = scene()
  for (let i = 0; i < 20; i++) {
    send(stable, 30, 'upstream_error')
    send(stable, 10)
    send(canary, 4, 'upstream_error')
    beat()
  }
  const [nc = 0, xc = 0, nb = 0, xb = 0] = counts(0)
  t.equal(nc, 80)
  t.strictSame([nb, xb], [800, 600])
  t.ok(xc <= 60, `${xc} of 80 are as many as of the champion`)
  t.equal(totals().leftOut, 80 - xc)
  t.strictSame(totals().units, [], 'and they name nobody')
})

test('failures are left out when the champion has not answered what was sent since', async t => {
  const { stable, canary, clock, send, beat, counts, totals } = scene()
  for (let second = 0; second < 8; second++) {
    for (let i = 0; i < 20; i++) recordSent(stable, clock.now + 10 + i, 0, true, 0)
    send(canary, 3, 'upstream_error')
    beat()
  }
  t.equal(counts(0)[1], 0)
  t.ok(totals().leftOut > 0)
})

test('counts begin anew under another era when ranges change', async t => {
  const { stable, canary, send, beat, totals } = scene()
  send(stable, 40)
  send(canary, 4)
  beat()
  const { era } = totals()
  for (const c of [stable, canary]) startGeneration(c, 2)
  send(stable, 20, 'ok', { generation: 2 })
  send(canary, 3, 'ok', { generation: 2 })
  send(canary, 5, 'timeout', { generation: 1 })
  beat({ generation: 2 })
  t.ok(totals().era > era)
  t.strictSame([totals().words[0], totals().words[KIND_ROW.size]], [3, 20])
})

test('slow answers are left out of both arms when an event loop of ours stalled', async t => {
  const { stable, canary, send, beat, counts } = scene()
  send(stable, 40, 'ok', { slow: true })
  send(canary, 4, 'ok', { slow: true })
  beat({ stalled: true })
  t.strictSame(counts(3), [0, 0, 0, 0])
  t.strictSame(counts(0), [4, 0, 40, 0])
})

test('there are no questions to a champion when it is out of traffic', async t => {
  const { stable, canary, arm, send, beat, counts } = scene()
  send(canary, 5, 'upstream_error')
  beat({ champion: arm(stable, 0), challengers: new Map([['canary', arm(canary, 10_000)]]) })
  t.strictSame(counts(0).slice(0, 2), [5, 5])
})

test('overrides with a split are rows of their own when a route has them', async t => {
  const { stable, canary, send, beat, counts } = scene(1)
  send(stable, 10, 'ok', { stratum: 1, cohort: 1 })
  send(canary, 10, 'ok', { stratum: 1, cohort: 1 })
  send(canary, 7, 'upstream_error', { stratum: 2, cohort: 2 })
  beat()
  t.strictSame(counts(0, 1), [10, 0, 10, 0])
  t.strictSame(counts(0, 0), [0, 0, 0, 0], 'other cohorts are compared with nobody')
})

test('a restart is told when an address that was warm is cold again', async t => {
  const { canary, beat, totals } = scene()
  const at = AT.addresses + ADDRESSES.flags
  beat()
  t.equal(totals().restarts, 0, 'cold from the beginning')
  canary.words[at] = ADDRESS_FLAGS.warm
  beat()
  canary.words[at] = 0
  beat()
  beat()
  t.equal(totals().restarts, 1)
})

test('groups of units are summed over threads when the champion has several', async t => {
  const contribution = new Contribution({ settings: DEFAULTS, splits: 0, nextEra: () => 1 })
  const threads = [freshCounters(), freshCounters()]
  for (const c of threads) {
    request(c, { bucket: 65, outcome: 'upstream_error' })
    request(c, { bucket: 65, outcome: 'client_error' })
    request(c, { bucket: 2, outcome: 'ok', slow: true })
  }
  const { words } = contribution.groups(threads)
  const group = (g: number) => [...words.subarray(g * KIND_ROW.size, (g + 1) * KIND_ROW.size)]
  t.strictSame(group(1), [4, 2, 4, 2, 0, 0, 4, 0])
  t.strictSame(group(2), [2, 0, 2, 0, 2, 0, 2, 2])
})

test('a challenger has no totals when it is not in traffic', async t => {
  const { contribution, beat, clock } = scene()
  beat({ challengers: new Map() })
  t.equal(contribution.arms('canary', 'label', clock.now), null)
  t.equal(contribution.arms('constructor', 'label', clock.now), null)
})
