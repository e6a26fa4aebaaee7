/** The fleet's triggers on several control planes that share counters: beats, labels, decisions, and a store that is gone. */
import { type Test, test } from 'tap'
import { createFleetTriggers } from '../../src/control-plane/fleet-triggers.ts'
import type { LiveRoute } from '../../src/control-plane/live-route.ts'
import { createRegions } from '../../src/control-plane/regions.ts'
import { createRoster } from '../../src/control-plane/roster.ts'
import { createRouting } from '../../src/control-plane/routing.ts'
import { createShadowCounts } from '../../src/control-plane/shadow-counts.ts'
import type { Outcome } from '../../src/domain/counts.ts'
import { applyOperation, type Operation } from '../../src/domain/operations.ts'
import { startGeneration } from '../../src/domain/record.ts'
import { THREAD_TIME } from '../../src/domain/thread-region.ts'
import type { TriggerDecision } from '../../src/domain/watch.ts'
import type { FleetCounters } from '../../src/ports.ts'
import { configOf } from '../helpers/config-file.ts'
import { type Exchange, type Fate, memoryCounters } from '../helpers/memory-counters.ts'
import { request } from '../helpers/observation.ts'
import { addressSnapshot } from '../helpers/route-snapshot.ts'
import { author, first, means, rollback, weights } from '../helpers/state-documents.ts'

const ROUTE = 'fraud'
const SECOND = 1_000

function fileOf(
  variants = 'v3: { upstreams: ["http://v3.test"] }, v4: { upstreams: ["http://v4.test"] }'
) {
  return `routes:
  fraud:
    hashOn: [{ header: x-user-id }]
    variants: { ${variants} }
    champion: v3
    initialWeights: { v3: 90${variants.includes('v4') ? ', v4: 10' : ''} }
    triggers: { latency: { sla: 250ms } }
`.replace('v3: 90 }', 'v3: 100 }')
}

type Acted = TriggerDecision & { readonly replica: string }

/** Replicas with one thread each, and a clock that beats them all once a second. */
async function scene(
  t: Test,
  { count = 5, fate, file = fileOf() }: { count?: number; fate?: () => Fate; file?: string } = {}
) {
  const config = await configOf(t, file)
  const clock = { now: 1_000_000, units: 0 }
  const shared = memoryCounters(() => clock.now)
  const acted: Acted[] = []
  const errors: unknown[] = []
  const document = { value: first(ROUTE, file.includes('v4') ? { v3: 90, v4: 10 } : { v3: 100 }) }
  const replicas = Array.from({ length: count }, (_, i) => {
    const id = `replica-${i}`
    const regions = createRegions(1)
    const routing = createRouting()
    const addresses = () => [addressSnapshot(0, {})]
    const roster = createRoster(
      (sequence, routes) =>
        routing({
          sequence,
          routes,
          regions,
          shadowCounts: createShadowCounts(1),
          addresses,
          pseudonym: id,
          accessLog: null,
          trustedProxies: []
        }),
      ({ routes }) => {
        for (const { name, generation, variants } of routes) {
          for (const variant of variants) {
            for (const c of regions.all(name, variant.name)) startGeneration(c, generation)
          }
        }
      }
    )
    roster.configure(config.routes, () => document.value)
    roster.publish()
    const calls: string[] = []
    const counters = asyncOf(shared.of(id, fate), calls)
    const line = () => undefined
    const fleet = createFleetTriggers({
      roster,
      regions,
      counters,
      addresses,
      replicas: () => count,
      now: () => clock.now,
      act: (_route: LiveRoute, decision) => acted.push({ ...decision, replica: id }),
      log: { debug: line, info: line, warn: line, error: fields => errors.push(fields) }
    })
    const send = (variant: string, n: number, outcome: Outcome = 'ok', more = {}) => {
      const [c] = regions.of(ROUTE, variant, 0)
      if (!c) throw new Error(`no counters of ${variant}`)
      const generation = roster.get(ROUTE)?.generation ?? 0
      for (let k = 0; k < n; k++) {
        const unit = ++clock.units
        const sentAt = clock.now + 10 + (k % 4) * 200
        const said = {
          outcome,
          unit,
          bucket: unit % 10_000,
          generation,
          sentAt,
          endedAt: sentAt + 20
        }
        request(c, { ...said, ...more })
      }
    }
    return { id, fleet, roster, regions, send, calls }
  })
  /** One second: 20 requests to each champion and 2 to each challenger that fail where `failing` says so. */
  const second = async (failing: (i: number) => Outcome, slow: boolean) => {
    for (const [i, { send }] of replicas.entries()) {
      send('v3', 20)
      if (file.includes('v4')) send('v4', 2, failing(i), { slow })
    }
    clock.now += SECOND
    for (const { regions } of replicas) {
      for (const { times } of regions.threads) times[THREAD_TIME.beat] = clock.now
    }
    for (const { fleet } of replicas) fleet.tick()
    await new Promise(setImmediate)
  }
  const seconds = async (n: number, failing: (i: number) => Outcome = () => 'ok', slow = false) => {
    for (let i = 0; i < n; i++) await second(failing, slow)
  }
  const deliver = (who: (i: number) => boolean = () => true) => {
    for (const [i, { roster }] of replicas.entries()) {
      if (!who(i)) continue
      roster.setDocument(document.value)
      roster.publish()
    }
  }
  const change = (operation: Operation, who?: (i: number) => boolean) => {
    const applied = applyOperation(document.value, operation, author(), means)
    if (applied.status !== 'changed') throw new Error(applied.status)
    document.value = applied.document
    deliver(who)
  }
  const errorsOf = (i: number) =>
    replicas[i]?.fleet.statuses(ROUTE).find(({ trigger }) => trigger === 'errors')
  return { replicas, clock, acted, errors, document, seconds, change, deliver, errorsOf }
}

function asyncOf(exchange: Exchange, calls: string[]): FleetCounters {
  return {
    exchange: async (route, variant, totals) => {
      calls.push(variant)
      return exchange(route, variant, totals)
    }
  }
}

test('every replica decides by itself when the challenger fails on all of them', async t => {
  const { acted, seconds, errors } = await scene(t)
  await seconds(360)
  t.strictSame(acted, [])
  await seconds(15, () => 'upstream_error')
  t.strictSame(new Set(acted.map(({ replica }) => replica)).size, 5)
  t.match(acted[0], { variant: 'v4', trigger: 'errors', action: 'rollback', dryRun: false })
  t.match(acted[0]?.evidence, { scope: 'fleet', replicas: { contributed: 5 } })
  t.strictSame(errors, [])
})

test('nothing is decided when the challenger fails on one of five', async t => {
  const { acted, seconds, errorsOf } = await scene(t)
  await seconds(30)
  await seconds(60, i => (i === 2 ? 'connect' : 'ok'))
  t.strictSame(acted, [])
  t.ok((errorsOf(0)?.x ?? 0) > 20, 'though it is counted')
})

test('replicas count apart when only some have the new ranges, and together when all have', async t => {
  const { seconds, change, deliver, errorsOf, document } = await scene(t)
  await seconds(30)
  t.equal(errorsOf(0)?.replicas, 5)
  change(weights(document.value, { v3: 80, v4: 20 }), i => i < 2)
  await seconds(20)
  t.equal(errorsOf(0)?.replicas, 2)
  t.equal(errorsOf(4)?.replicas, 3)
  deliver()
  await seconds(20)
  t.equal(errorsOf(0)?.replicas, 5)
})

test('a replica that has the challenger out counts with nobody', async t => {
  const { replicas, seconds, errorsOf } = await scene(t)
  await seconds(20)
  const [one] = replicas
  const held = { rolloutId: 'r', trigger: 'gross', reason: 'bad', at: '', evidence: {} }
  one?.roster.quarantine(ROUTE, 'v4', held)
  one?.roster.publish()
  await seconds(20)
  t.strictSame(one?.fleet.statuses(ROUTE), [])
  t.equal(errorsOf(1)?.replicas, 4)
})

test('evidence is that of all replicas when calls and answers of the store get lost', async t => {
  let n = 0
  const fates: readonly Fate[] = ['answered', 'unsent', 'answered', 'unanswered', 'answered']
  const { acted, seconds } = await scene(t, { fate: () => fates[n++ % 5] ?? 'answered' })
  await seconds(360)
  t.strictSame(acted, [])
  await seconds(25, () => 'upstream_error')
  t.equal(acted[0]?.trigger, 'errors')
})

test('beats cost nothing but themselves when the store is gone, and its return brings all counts', async t => {
  let gone = false
  const { acted, errors, seconds, errorsOf } = await scene(t, {
    fate: () => (gone ? 'unsent' : 'answered')
  })
  await seconds(20)
  gone = true
  await seconds(60, () => 'upstream_error')
  t.equal(errorsOf(0)?.state, 'armed')
  t.strictSame([acted, errors], [[], []])
  gone = false
  await seconds(12)
  t.equal(acted[0]?.trigger, 'errors')
  const { challenger } = JSON.parse(JSON.stringify(acted[0]?.evidence))
  t.ok(challenger.failures >= 600, 'of 60 s without the store, too')
})

test('a challenger is asked for no more when it was rolled back', async t => {
  const { replicas, seconds, change } = await scene(t)
  await seconds(5)
  change(rollback('v4'))
  await seconds(1)
  for (const { calls } of replicas) calls.length = 0
  await seconds(5)
  for (const { calls, fleet } of replicas) {
    t.notOk(calls.includes('v4'))
    t.strictSame(fleet.statuses(ROUTE), [])
  }
})

test('the store is left alone when a route has one variant, or no variant had requests for minutes', async t => {
  const alone = await scene(t, { count: 1, file: fileOf('v3: { upstreams: ["http://v3.test"] }') })
  await alone.seconds(3)
  t.strictSame(alone.replicas[0]?.calls, [])
  const idle = await scene(t, { count: 1 })
  await idle.seconds(3)
  idle.change(weights(idle.document.value, { v3: 100, v4: 0 }))
  const [one] = idle.replicas
  for (let i = 0; i < 130; i++) {
    idle.clock.now += SECOND
    one?.fleet.tick()
    await new Promise(setImmediate)
  }
  if (one) one.calls.length = 0
  one?.fleet.tick()
  t.strictSame(one?.calls, ['v3'], 'the champion has its weight')
})

test('slow answers of a second are left out when a thread stalled in it', async t => {
  const { replicas, clock, acted, seconds } = await scene(t)
  await seconds(12)
  for (let i = 0; i < 20; i++) {
    for (const { regions } of replicas) {
      for (const { times } of regions.threads) times[THREAD_TIME.lastStall] = clock.now + 500
    }
    await seconds(1, () => 'ok', true)
  }
  t.strictSame(acted, [])
  await seconds(20, () => 'ok', true)
  t.equal(acted[0]?.trigger, 'latency')
})

test('nothing is shared when there are no counters to share', async t => {
  const config = await configOf(t, fileOf())
  const roster = createRoster(
    () => ({ sequence: 1, routes: [] }) as never,
    () => undefined
  )
  roster.configure(config.routes, () => first(ROUTE))
  const fleet = createFleetTriggers({
    roster,
    regions: createRegions(1),
    counters: null,
    addresses: () => [],
    replicas: () => 1,
    now: () => 0,
    act: () => t.fail('decided'),
    log: {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined
    }
  })
  fleet.tick()
  t.strictSame(fleet.statuses(ROUTE), [])
})
