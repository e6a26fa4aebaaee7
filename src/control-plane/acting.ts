/**
 * The parts that judge and act at each tick, put together: triggers, effects, quarantines, and what other replicas
 * say. Owns the order in which they are asked, and decides nothing.
 */
import type { Config } from '../config/config.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import type { TriggerDecision } from '../domain/watch.ts'
import type { Clock, FleetCounters, Log, StateStore } from '../ports.ts'
import { createWriteDown } from './audit.ts'
import { createEffects, type Effects } from './effects.ts'
import { createFleet } from './fleet.ts'
import { createFleetTriggers, type FleetTriggers } from './fleet-triggers.ts'
import type { LiveRoute } from './live-route.ts'
import { createQuarantines, type Quarantines } from './quarantine.ts'
import { createRecentOutcomes, type RecentOutcomes } from './recent-outcomes.ts'
import type { Regions } from './regions.ts'
import { createReplicas } from './replicas.ts'
import type { Roster } from './roster.ts'
import { createStaleness } from './staleness.ts'
import { createTicker } from './ticker.ts'

export type ActingOptions = {
  readonly roster: Roster
  readonly store: StateStore
  readonly regions: Regions
  readonly addresses: (route: string, variant: string) => readonly AddressSnapshot[]
  readonly clock: Clock
  readonly log: Log
  readonly newId: (prefix: string) => string
  readonly stale: Config['state']['stale']
  readonly counters: FleetCounters | null // null: nobody shares the state
}

export type Acting = Effects & {
  readonly quarantines: Quarantines
  /** One tick of all routes; call it every TICK_MS. */
  readonly tick: () => void
  /** The triggers of the fleet; their tick is called every FLEET_BEAT_MS. */
  readonly fleetTriggers: FleetTriggers
  readonly failing: RecentOutcomes['failing']
}

export function createActing(options: ActingOptions): Acting {
  const { roster, store, clock, log } = options
  const writeDown = createWriteDown(store, log)
  const replicas = createReplicas(store, clock.now)
  const quarantines = createQuarantines({ ...options, writeDown })
  const effects = createEffects({ ...options, writeDown, replicas, quarantines })
  const staleness = createStaleness({ roster, store, log, stale: options.stale })
  const outcomes = createRecentOutcomes({ roster, regions: options.regions, now: clock.now })
  const act = (route: LiveRoute, decision: TriggerDecision) =>
    effects.act(route, outcomes.explained(route, decision))
  const fleet = createFleet({ roster, store, replicas, quarantines, staleness, act })
  const judge = createTicker({ ...options, now: clock.now, fleet, act })
  const fleetTriggers = createFleetTriggers({
    ...options,
    replicas: route => replicas.of(route).others.length + 1,
    now: clock.now,
    act
  })

  function tick(): void {
    outcomes.sample()
    judge()
  }

  return { ...effects, act, quarantines, tick, fleetTriggers, failing: outcomes.failing }
}
