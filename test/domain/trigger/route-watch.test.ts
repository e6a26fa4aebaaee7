import { test } from 'tap'
import {
  ADDRESS_FLAGS,
  ADDRESSES,
  AT,
  type Counters,
  type Outcome,
  TICK_MS
} from '../../../src/domain/counts.ts'
import { startGeneration } from '../../../src/domain/record.ts'
import { createWatch } from '../../../src/domain/trigger/route-watch.ts'
import type { Arm, WatchInput } from '../../../src/domain/watch.ts'
import { freshCounters, request } from '../../helpers/observation.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const OFF = { action: 'rollback', dryRun: true } as const

/** A watch over two variants, and a clock that ticks it. */
function scene(settings: Partial<typeof DEFAULTS> = {}, splits = 0) {
  const stable = freshCounters(splits)
  const canary = freshCounters(splits)
  const watch = createWatch({ settings: { ...DEFAULTS, ...settings }, splits, replicas: 1 })
  const clock = { now: 1000, units: 0 }
  const arm = (c: Counters, weight: number): Arm => ({
    counters: [c],
    addresses: [{ slot: 0, healthy: true }],
    weight
  })
  const tick = (over: Partial<WatchInput> = {}) => {
    clock.now += TICK_MS
    return watch.tick({
      now: clock.now,
      generation: 1,
      champion: arm(stable, 9000),
      championHealthy: true,
      challengers: new Map([['canary', arm(canary, 1000)]]),
      stalled: false,
      ...over
    })
  }
  const send = (c: Counters, n: number, outcome: Outcome, more = {}) => {
    for (let i = 0; i < n; i++) {
      const unit = ++clock.units
      request(c, {
        outcome,
        unit,
        bucket: unit % 10_000,
        sentAt: clock.now + 10,
        endedAt: clock.now + 40,
        ...more
      })
    }
  }
  tick()
  /** Ordinary traffic for some seconds, so that answer times and phi are known. */
  const settle = (seconds: number) => {
    for (let i = 0; i < seconds * 4; i++) {
      send(stable, 25, 'ok')
      send(canary, 2, 'ok')
      tick()
    }
  }
  return { stable, canary, watch, clock, tick, send, settle, arm }
}

test('a dead challenger is rolled back with its evidence when nine units failed', async t => {
  const { stable, canary, tick, send, settle } = scene()
  settle(20)
  let decided = tick().decisions
  for (let ticks = 0; ticks < 10 && decided.length === 0; ticks++) {
    send(stable, 25, 'ok')
    send(canary, 3, 'connect')
    decided = tick().decisions
  }
  const [decision] = decided
  t.equal(decision?.variant, 'canary')
  t.equal(decision?.trigger, 'gross')
  t.equal(decision?.action, 'rollback')
  t.equal(decision?.dryRun, false)
  t.match(decision?.sentence, /^9 of the last 12 prediction calls of canary went wrong \(limit 8\)/)
  t.match(decision?.evidence, {
    test: 'errors',
    challenger: { requests: 12, failures: 9 },
    limit: 8,
    withoutTopUnit: 8,
    topUnits: { units: 9, failures: 9 },
    championCheck: { state: 'well', championMissed: 0, challengerMissed: 1 }
  })
})

test('the evidence of a ratio names counts, share, phi, interval and top units when errors fire', async t => {
  const { stable, canary, tick, send, settle } = scene()
  settle(320)
  let decided = tick().decisions
  for (let ticks = 0; ticks < 400 && decided.length === 0; ticks++) {
    send(stable, 25, 'ok')
    send(canary, 3, 'ok')
    if (ticks % 5 === 0) send(canary, 1, 'upstream_error')
    decided = tick().decisions
  }
  const [decision] = decided
  t.equal(decision?.trigger, 'errors')
  t.equal(decision?.action, 'rollback')
  t.match(decision?.sentence, /^Of \d+ requests to canary, \d+ failed \(\d+/)
  const evidence = JSON.parse(JSON.stringify(decision?.evidence))
  t.ok(evidence.challenger.failures >= 5)
  t.equal(evidence.champion.failures, 0)
  t.ok(evidence.share > 0 && evidence.share < 1)
  t.equal(evidence.phi, 1)
  t.equal(evidence.logPerAlternative.length, 6)
  t.ok(evidence.logEvidence.above >= evidence.threshold)
  t.ok(evidence.ratio > 5)
  t.ok(evidence.ratioInterval[0] > 1)
  t.equal(evidence.ratioInterval[1], null, 'open above: the champion had none')
  t.ok(evidence.topUnits.units >= 3 && evidence.topUnits.topShare < 0.5)
  t.equal(evidence.test, 'ratio')
})

test('nothing is decided when there is no traffic at all for an hour', async t => {
  const { tick } = scene()
  let decisions = 0
  let statuses = 0
  for (let i = 0; i < 14_400; i++) {
    const result = tick()
    decisions += result.decisions.length
    statuses = result.statuses.length
  }
  t.equal(decisions, 0)
  t.equal(statuses, 6, 'every trigger that is on has a state')
})

test('a challenger stays when the champion is dead, too, and detectors start again', async t => {
  const { stable, canary, tick, send, settle } = scene()
  settle(320)
  const decided = []
  for (let ticks = 0; ticks < 40; ticks++) {
    send(stable, 25, 'connect')
    send(canary, 3, 'connect')
    decided.push(...tick().decisions)
  }
  t.ok(decided.length >= 1)
  t.ok(decided.every(({ action }) => action === 'pause'))
  t.match(decided[0]?.sentence, /The champion is not well either/)
  for (let ticks = 0; ticks < 200; ticks++) {
    send(stable, 25, 'ok')
    send(canary, 3, 'ok')
    t.notOk(tick().decisions.some(({ action }) => action === 'rollback'))
  }
})

test('an alarm only says what it would do when its trigger is a dry run, and again after a minute', async t => {
  const { stable, canary, tick, send, settle } = scene({ gross: OFF, errors: null })
  settle(20)
  const decided = []
  for (let ticks = 0; ticks < 4 * 70; ticks++) {
    send(stable, 25, 'ok')
    send(canary, 3, 'connect')
    decided.push(...tick().decisions)
  }
  t.equal(decided.length, 2)
  t.ok(decided.every(({ action, dryRun }) => action === 'rollback' && dryRun))
})

test('an alarm pauses or notifies when its trigger may do no more', async t => {
  for (const action of ['pause', 'notify'] as const) {
    const { stable, canary, tick, send, settle } = scene({
      gross: { action, dryRun: false },
      errors: null
    })
    settle(20)
    const decided = []
    for (let ticks = 0; ticks < 12; ticks++) {
      send(stable, 25, 'ok')
      send(canary, 3, 'connect')
      decided.push(...tick().decisions)
    }
    t.equal(decided.length, 1)
    t.equal(decided[0]?.action, action)
    t.equal(decided[0]?.dryRun, false)
  }
})

test('a rollback is said again after five seconds when the challenger is still in traffic', async t => {
  const { stable, canary, tick, send, settle } = scene({ errors: null })
  settle(20)
  const at: number[] = []
  for (let ticks = 0; ticks < 4 * 12; ticks++) {
    send(stable, 25, 'ok')
    send(canary, 3, 'connect')
    if (tick().decisions.some(({ action }) => action === 'rollback')) at.push(ticks)
  }
  t.equal(at.length, 3)
  t.equal((at[1] ?? 0) - (at[0] ?? 0), 20)
})

test('failures before a change of ranges say nothing when the ranges are new', async t => {
  const { stable, canary, tick, send, settle } = scene()
  settle(20)
  send(canary, 8, 'connect')
  t.strictSame(tick().decisions, [])
  for (const c of [stable, canary]) startGeneration(c, 2)
  const more = { generation: 2 }
  for (let ticks = 0; ticks < 4; ticks++) {
    send(stable, 25, 'ok', more)
    send(canary, 2, 'connect', more)
    send(canary, 5, 'timeout', { generation: 1 })
    t.strictSame(tick({ generation: 2 }).decisions, [], `${(ticks + 1) * 2} failures of the new`)
  }
  send(stable, 25, 'ok', more)
  send(canary, 1, 'connect', more)
  t.equal(tick({ generation: 2 }).decisions[0]?.trigger, 'gross')
})

test('a reset forgets what failed when a rollback is cleared', async t => {
  const { canary, tick, send, settle, watch } = scene()
  settle(20)
  send(canary, 8, 'connect')
  tick()
  watch.reset('canary')
  send(canary, 8, 'connect')
  t.strictSame(tick().decisions, [])
})

test('a challenger at 100 % is held against the frozen hour of the champion', async t => {
  for (const healthy of [true, false]) {
    const { stable, canary, tick, send, settle, arm } = scene({ gross: OFF })
    settle(320)
    for (const c of [stable, canary]) startGeneration(c, 2)
    const over = (): Partial<WatchInput> => ({
      generation: 2,
      champion: arm(stable, 0),
      championHealthy: healthy,
      challengers: new Map([['canary', arm(canary, 10_000)]])
    })
    const all = []
    for (let ticks = 0; ticks < 60; ticks++) {
      send(canary, 25, 'ok', { generation: 2 })
      all.push(...tick(over()).decisions)
    }
    t.strictSame(all, [], 'a good one stays')
    for (let ticks = 0; ticks < 40; ticks++) {
      send(canary, 22, 'ok', { generation: 2 })
      send(canary, 3, 'upstream_error', { generation: 2 })
      all.push(...tick(over()).decisions.filter(({ trigger }) => trigger === 'errors'))
      if (all.some(({ action }) => action === 'rollback')) break
    }
    const last = all.at(-1)
    t.equal(last?.action, healthy ? 'rollback' : 'pause')
    if (healthy) t.match(last?.evidence, { champion: { frozen: true } })
    else t.match(last?.sentence, /its health checks fail/)
  }
})

test('requests that the hash did not assign only pause when they break an absolute limit', async t => {
  const { stable, canary, tick, send, settle } = scene()
  settle(20)
  const decided = []
  for (let ticks = 0; ticks < 80; ticks++) {
    send(stable, 25, 'ok')
    send(canary, 5, 'upstream_error', { stratum: 1, cohort: 1 })
    decided.push(...tick().decisions)
  }
  t.equal(decided.length, 1)
  t.match(decided[0], { trigger: 'errors', action: 'pause', evidence: { test: 'other-cohort' } })
})

test('an override with a split is evidence of its own when the hash sends nothing', async t => {
  const { stable, canary, tick, send } = scene({}, 1)
  const split = { stratum: 1, cohort: 1 }
  const decided = []
  for (let ticks = 0; ticks < 80; ticks++) {
    send(stable, 10, 'ok', split)
    send(canary, 10, 'ok', split)
    t.strictSame(tick().decisions, [])
  }
  for (let ticks = 0; ticks < 10 && decided.length === 0; ticks++) {
    send(stable, 10, 'ok', split)
    send(canary, 10, 'upstream_error', split)
    decided.push(...tick().decisions)
  }
  t.match(decided[0], { trigger: 'gross', action: 'rollback' })
})

test('slow answers are no evidence in ticks in which our own process stalled', async t => {
  for (const stalled of [true, false]) {
    const { stable, canary, tick, send, settle } = scene()
    settle(320)
    const decided = []
    for (let ticks = 0; ticks < 40; ticks++) {
      send(stable, 25, 'ok')
      send(canary, 3, 'ok', { slow: true })
      decided.push(...tick({ stalled }).decisions)
    }
    t.equal(
      decided.some(({ trigger }) => trigger === 'latency'),
      !stalled
    )
  }
})

test('addresses become warm after 30 s and 200 requests, and cold again when they refused and answer', async t => {
  const { canary, stable, clock, tick } = scene()
  const at = AT.addresses
  const add = (c: Counters, word: number, n: number) => {
    c.words[at + word] = (c.words[at + word] ?? 0) + n
  }
  const warm = (c: Counters) => ((c.words[at + ADDRESSES.flags] ?? 0) & ADDRESS_FLAGS.warm) !== 0
  const run = (seconds: number, sent: number) => {
    const end = clock.now + seconds * 1000
    while (clock.now < end) {
      for (const c of [stable, canary]) {
        add(c, ADDRESSES.sent, sent)
        add(c, ADDRESSES.answered, sent)
      }
      tick()
    }
  }
  run(25, 4)
  t.notOk(warm(canary) || warm(stable), 'too early')
  run(10, 4)
  t.ok(warm(canary) && warm(stable))
  for (const c of [canary]) add(c, ADDRESSES.connectFailures, 2)
  tick()
  t.ok(warm(canary), 'until it answers again')
  run(1, 4)
  t.notOk(warm(canary))
  t.ok(warm(stable))
})

test('states say how far the evidence is when nothing has fired', async t => {
  const { tick, settle } = scene()
  settle(60)
  for (let i = 0; i < 4; i++) tick()
  const { statuses } = tick()
  t.strictSame(
    statuses.map(({ trigger, state }) => [trigger, state]),
    [
      ['errors', 'armed'],
      ['client_errors', 'armed'],
      ['bad_predictions', 'armed'],
      ['latency', 'armed'],
      ['absence', 'warmup'],
      ['gross', 'armed']
    ]
  )
  for (const status of statuses) {
    t.ok(Number.isFinite(status.logEvidence) && status.logEvidence <= status.threshold)
  }
})
