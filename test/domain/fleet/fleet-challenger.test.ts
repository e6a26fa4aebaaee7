import { test } from 'tap'
import { FAIL } from '../../../src/domain/counts.ts'
import { FleetChallenger, type FleetContext } from '../../../src/domain/fleet/fleet-challenger.ts'
import { KIND_ROW, packTotals, type UnitTotal } from '../../../src/domain/fleet/totals.ts'
import { fleetLogC } from '../../../src/domain/trigger/thresholds.ts'
import type { TriggerSettings } from '../../../src/domain/trigger-settings.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const SHAPE = { kind: 'arms', rows: 2 } as const
const PHI = new Float64Array([1, 1, 1, 1])
const FIRST = 1_000
const [ERRORS, LATENCY] = [0, 3]

type Counted = {
  readonly kind?: number
  readonly failed?: number
  readonly championFailed?: number
}

/** Some replicas that write, and the watch of one that reads; every slot brings 5 calls a replica. */
function scene(replicas = 5, settings: Partial<TriggerSettings> = {}) {
  const watch = new FleetChallenger('canary', { ...DEFAULTS, ...settings }, 1)
  const writers = Array.from({ length: replicas }, (_, i) => ({
    name: `replica-${i}`,
    words: new Float64Array(2 * KIND_ROW.size),
    units: [] as UnitTotal[],
    births: 0,
    label: 'now',
    era: 1,
    restarts: 0
  }))
  const state = { slot: FIRST, now: 600_000 }
  let context: FleetContext = {
    label: 'now',
    now: state.now,
    replicas,
    championLive: true,
    championHealthy: true
  }
  const texts = () =>
    new Map(
      writers.map(({ name, words, units, label, era, restarts }) => [
        name,
        packTotals({ label, era, words, units: units.slice(-8), leftOut: 0, restarts }, SHAPE)
      ])
    )
  const write = (writer: (typeof writers)[number], counted: Counted) => {
    const { kind = ERRORS, failed = 0, championFailed = 0 } = counted
    for (let k = 0; k < KIND_ROW.kinds; k++) {
      add(writer.words, 2 * k, 5)
      add(writer.words, KIND_ROW.size + 2 * k, 95)
    }
    add(writer.words, 2 * kind + 1, failed)
    add(writer.words, KIND_ROW.size + 2 * kind + 1, championFailed)
    for (let i = 0; i < failed; i++) {
      const unit = Number(writer.name.slice(-1)) * 100_000 + ++writer.births
      writer.units.push({ unit, kinds: 1 << kind, birth: writer.births, count: 1 })
    }
  }
  /** One slot in which every replica counts the same, unless `who` says otherwise. */
  const slot = (counted: Counted = {}, who: (i: number) => boolean = () => true) => {
    for (const [i, writer] of writers.entries()) write(writer, who(i) ? counted : {})
    return read()
  }
  const read = (over: Partial<FleetContext> = {}) => {
    state.now += 5_000
    context = { ...context, ...over, now: state.now }
    return watch.take([{ slot: state.slot++, totals: texts() }], PHI, context)
  }
  const status = (trigger: string) =>
    watch.statuses(PHI, state.now).find(one => one.trigger === trigger)
  return { watch, writers, state, slot, read, status, texts, context: () => context }
}

function add(words: Float64Array, at: number, n: number): void {
  words[at] = (words[at] ?? 0) + n
}

test('a challenger that fails everywhere is rolled back with what each replica counted', async t => {
  const { slot } = scene()
  for (let i = 0; i < 6; i++) t.strictSame(slot({ championFailed: 1 }), [])
  const [decision] = slot({ failed: 4 })
  t.match(decision, { variant: 'canary', trigger: 'errors', action: 'rollback', dryRun: false })
  t.match(decision?.sentence, /^Over 5 replicas: Of \d+ requests to canary, 20 failed/)
  const evidence = JSON.parse(JSON.stringify(decision?.evidence))
  t.match(evidence, {
    scope: 'fleet',
    threshold: fleetLogC(DEFAULTS.alphaPerDay, 5),
    phi: 1,
    topUnits: { units: 20, topShare: 0.05 },
    replicas: {
      contributed: 5,
      leftOut: 0,
      counts: {
        'replica-4': { challenger: { requests: 5, failures: 4 }, champion: { requests: 95 } }
      }
    }
  })
  t.equal(evidence.windowMs, 5_000, 'one slot')
})

test('nothing is decided when one of five replicas has all failures', async t => {
  const { slot, status } = scene()
  slot()
  slot()
  for (let i = 0; i < 20; i++)
    t.strictSame(
      slot({ failed: 5 }, replica => replica === 2),
      []
    )
  const { logEvidence = 0, threshold = 0 } = status('errors') ?? {}
  t.ok(logEvidence > threshold, 'though the sums say so')
})

test('nothing is decided when one unit has most failures on every replica', async t => {
  const { slot, writers } = scene()
  slot()
  slot()
  for (let i = 0; i < 20; i++) {
    for (const writer of writers) {
      writer.units.push({ unit: 7, kinds: FAIL.errors, birth: 1, count: 4 * (i + 1) })
      for (let n = 0; n < 4; n++) add(writer.words, 1, 1)
    }
    t.strictSame(slot({}), [])
  }
})

test('counts of slots that began before the ranges were seen are no evidence', async t => {
  const { slot, status, read, writers } = scene()
  slot({ failed: 5 })
  t.strictSame(slot({ failed: 5 }), [], 'in it this replica wrote under the ranges first')
  t.equal(status('errors')?.n, 0)
  slot({})
  t.equal(status('errors')?.n, 25)
  for (const writer of writers) {
    writer.label = 'next'
    writer.era++
    writer.words.fill(0)
  }
  read({ label: 'next' })
  slot({ failed: 5 })
  t.equal(status('errors')?.n, 0)
  t.equal(slot({ failed: 5 })[0]?.trigger, 'errors', 'the slots after it are')
})

test('replicas with other ranges do not count when most have the new ones', async t => {
  const { slot, status, writers } = scene()
  slot()
  slot()
  const [late] = writers
  if (late) late.label = 'before'
  slot({ failed: 1 })
  t.equal(status('errors')?.n, 20)
  t.equal(status('errors')?.replicas, 4)
})

test('detectors start again when the slots are numbered by another clock', async t => {
  const { slot, state, status } = scene()
  for (let i = 0; i < 4; i++) slot({ failed: 1 })
  t.ok((status('errors')?.logEvidence ?? 0) > 5)
  state.slot -= 100
  for (let i = 0; i < 2; i++) t.strictSame(slot({ failed: 5 }), [])
  t.equal(status('errors')?.n, 0)
  t.equal(slot({ failed: 5 })[0]?.trigger, 'errors')
})

test('several slots at once give one decision when the store was away', async t => {
  const { watch, state, texts, slot, writers, context } = scene()
  slot()
  slot()
  const slots = Array.from({ length: 4 }, () => {
    for (const writer of writers) add(writer.words, 1, 5)
    for (const writer of writers) add(writer.words, 0, 5)
    for (const writer of writers) add(writer.words, KIND_ROW.size, 95)
    for (const writer of writers) {
      const unit = 100 + ++writer.births * 10 + writers.indexOf(writer)
      writer.units.push({ unit, kinds: FAIL.errors, birth: writer.births, count: 5 })
    }
    return { slot: state.slot++, totals: texts() }
  })
  t.equal(watch.take(slots, PHI, context()).length, 1)
})

test('thresholds follow the number of replicas and evidence stays', async t => {
  const { slot, read, status } = scene()
  for (let i = 0; i < 4; i++) slot({ failed: 1 })
  const before = status('errors')
  read({ replicas: 50 })
  t.equal(before?.threshold, fleetLogC(DEFAULTS.alphaPerDay, 5))
  t.equal(status('errors')?.threshold, fleetLogC(DEFAULTS.alphaPerDay, 50))
  t.equal(status('errors')?.n, before?.n)
})

test('latency is left out for two minutes when any replica saw a restart', async t => {
  const { slot, writers, status } = scene()
  slot()
  slot()
  const [witness] = writers
  if (witness) witness.restarts++
  for (let i = 0; i < 24; i++) t.strictSame(slot({ kind: LATENCY, failed: 5 }), [])
  t.equal(status('latency')?.state, 'warmup')
  t.equal(status('latency')?.n, 0)
  t.ok((status('errors')?.n ?? 0) > 0)
  t.equal(slot({ kind: LATENCY, failed: 5 })[0]?.trigger, 'latency')
})

test('a challenger at 100 % is held against the frozen hour of the champion', async t => {
  for (const championHealthy of [true, false]) {
    const { slot, read, writers } = scene()
    for (let i = 0; i < 200; i++) slot({ championFailed: 1 })
    for (const writer of writers) writer.era++
    for (const writer of writers) writer.words.fill(0)
    const over = { label: 'now', championLive: false, championHealthy }
    let decided = read(over)
    for (let i = 0; i < 60 && decided.length === 0; i++) {
      for (const writer of writers) {
        add(writer.words, 0, 100)
        add(writer.words, 1, 12)
        for (let n = 0; n < 12; n++) {
          const unit = 1_000 * ++writer.births + writers.indexOf(writer)
          writer.units.push({ unit, kinds: FAIL.errors, birth: writer.births, count: 1 })
        }
      }
      decided = read(over)
    }
    t.equal(decided[0]?.action, championHealthy ? 'rollback' : 'pause')
    t.match(decided[0]?.evidence, { champion: { frozen: true } })
    if (!championHealthy) t.match(decided[0]?.sentence, /its health checks fail/)
  }
})

test('an alarm pauses, notifies or is a dry run when its trigger may do no more', async t => {
  for (const acting of [
    { action: 'pause', dryRun: false },
    { action: 'notify', dryRun: false },
    { action: 'rollback', dryRun: true }
  ] as const) {
    const { slot } = scene(5, { errors: { ...acting, ratio: 5, max: 0.1 } })
    slot()
    slot()
    t.match(slot({ failed: 4 })[0], acting)
    t.strictSame(slot({ failed: 4 }), [], 'not again at every slot')
  }
})

test('every trigger that counts has a state of the fleet when nothing has fired', async t => {
  const { slot, watch, state } = scene()
  for (let i = 0; i < 4; i++) slot()
  const statuses = watch.statuses(PHI, state.now)
  t.strictSame(
    statuses.map(({ trigger, state: armed, scope, replicas }) => [trigger, armed, scope, replicas]),
    ['errors', 'client_errors', 'bad_predictions', 'latency'].map(name => [
      name,
      'armed',
      'fleet',
      5
    ])
  )
})
