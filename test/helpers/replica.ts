/**
 * A replica as the control plane sees it: roster, triggers, effects and quarantines over a store of a memory fleet,
 * with counters that the test writes as a data thread does. Ticks happen when the test says so.
 */
import type { Config } from '../../src/config/config.ts'
import { createActing } from '../../src/control-plane/acting.ts'
import { createCommands } from '../../src/control-plane/commands.ts'
import type { LiveRoute } from '../../src/control-plane/live-route.ts'
import { readinessOf } from '../../src/control-plane/readiness.ts'
import { createRegions } from '../../src/control-plane/regions.ts'
import { createRoster, type Roster } from '../../src/control-plane/roster.ts'
import { createRouting } from '../../src/control-plane/routing.ts'
import { createShadowCounts } from '../../src/control-plane/shadow-counts.ts'
import { viewOf } from '../../src/control-plane/view.ts'
import { AT, type Outcome, TICK_MS } from '../../src/domain/counts.ts'
import { startGeneration } from '../../src/domain/record.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import type { RouteView } from '../../src/ports.ts'
import type { MemoryFleet, MemoryStore } from './memory-fleet.ts'
import { request } from './observation.ts'
import { addressSnapshot } from './route-snapshot.ts'

export const ROUTE = 'fraud'

export type TestReplica = {
  readonly id: string
  readonly store: MemoryStore
  readonly roster: Roster
  readonly acting: ReturnType<typeof createActing>
  readonly commands: ReturnType<typeof createCommands>
  /** One tick of this replica alone; time does not pass by it. */
  tick(): void
  /** Requests to a variant, each of another unit; none is sent where the snapshot says that it is out. */
  send(variant: string, count: number, outcome?: Outcome): number
  live(): LiveRoute
  view(): RouteView
  degraded(): readonly string[]
  /** Whether data threads may send it requests. */
  isIn(variant: string): boolean
  /** What its health checks say of a variant from now on. */
  health(variant: string, healthy: boolean): void
  readonly lines: readonly { readonly level: string; readonly text: string }[]
}

export function startReplica(fleet: MemoryFleet, id: string, config: Config): TestReplica {
  const { clock } = fleet
  const store = fleet.store(id)
  const regions = createRegions(1)
  const routing = createRouting()
  const sick = new Set<string>()
  const lines: { level: string; text: string }[] = []
  const line = (level: string) => (_fields: unknown, text: string) => {
    lines.push({ level, text })
  }
  const log = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error')
  }
  const addresses = (_route: string, variant: string) => [
    addressSnapshot(0, { healthy: !sick.has(variant) })
  ]
  let ids = 0
  let units = 0
  const newId = (prefix: string) => `${prefix}-${id}-${++ids}`
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
    startCounting
  )

  function startCounting({ routes }: Snapshot): void {
    for (const { name, generation, variants } of routes) {
      for (const variant of variants) {
        for (const c of regions.all(name, variant.name)) startGeneration(c, generation)
      }
    }
  }

  roster.configure(config.routes, route => fleet.document(route))
  store.onDocument(document => {
    roster.setDocument(document)
    roster.publish()
  })
  roster.publish()
  const { stale } = config.state
  const parts = { roster, store, regions, addresses, clock, log, newId, stale }
  const acting = createActing({ ...parts, counters: null })
  const view = (route: LiveRoute) =>
    viewOf(route, {
      bornMs: 0,
      replicas: store.replicas(route.config.name),
      fleet: [],
      failing: acting.failing(route)
    })
  const commands = createCommands({
    roster,
    store,
    clock,
    newId,
    view,
    quarantines: acting.quarantines,
    applied: async () => ({ threads: 1, of: 1 }),
    shadowView: async () => null,
    lastSent: () => null,
    checkUpstream: async () => undefined
  })
  const live = () => {
    const route = roster.get(ROUTE)
    if (route === null) throw new Error(`no route ${ROUTE}`)
    return route
  }
  const isIn = (variant: string) => {
    const route = roster.current().routes.find(({ name }) => name === ROUTE)
    return route?.variants.find(({ name }) => name === variant)?.rolledBack === false
  }

  return {
    id,
    store,
    roster,
    acting,
    commands,
    tick() {
      store.poll()
      acting.tick()
    },
    send(variant, count, outcome = 'ok') {
      if (!isIn(variant)) return 0
      const [counters] = regions.of(ROUTE, variant, 0)
      if (counters === undefined) throw new Error(`no counters of ${variant}`)
      for (let i = 0; i < count; i++) {
        const unit = ++units
        const at = AT.assignments
        counters.words[at] = (counters.words[at] ?? 0) + 1
        request(counters, {
          outcome,
          unit,
          bucket: unit % 10_000,
          generation: live().generation,
          sentAt: clock.now() - TICK_MS + 10,
          endedAt: clock.now() - TICK_MS + 40
        })
      }
      return count
    },
    live,
    view: () => view(live()),
    degraded: () =>
      readinessOf({
        leaving: false,
        accepting: 1,
        reloaded: true,
        routes: roster.all(),
        store,
        events: [],
        healthy: () => true,
        failing: acting.failing
      }).degraded,
    isIn,
    health(variant, healthy) {
      if (healthy) sick.delete(variant)
      else sick.add(variant)
    },
    lines
  }
}

/** Time passes for all replicas, tick by tick, with what each is sent before its tick. */
export function pass(
  fleet: MemoryFleet,
  replicas: readonly TestReplica[],
  ms: number,
  traffic: (replica: TestReplica) => void = ordinary
): void {
  for (let at = 0; at < ms; at += TICK_MS) {
    fleet.clock.advance(TICK_MS)
    for (const replica of replicas) {
      traffic(replica)
      replica.tick()
    }
  }
}

/** 36 requests a second to the champion, 12 to the challenger. */
export function ordinary(replica: TestReplica): void {
  replica.send('v3', 9)
  replica.send('v4', 3)
}

/** The same, while the challenger is dead for these replicas. */
export function deadFor(...ids: readonly string[]): (replica: TestReplica) => void {
  return replica => {
    replica.send('v3', 9)
    replica.send('v4', 3, ids.includes(replica.id) ? 'connect' : 'ok')
  }
}
