/**
 * The triggers of the fleet: once a second this replica writes what it counted into the shared store, reads what
 * the others wrote, and judges the sums as every other replica does.
 *
 * Never waits and never throws. A store that does not answer costs nothing but the beats that are missed: totals
 * are absolute, so the next one brings all that was counted. What must be done is handed to `act`.
 */
import { strataOf, TIME_AT } from '../domain/counts.ts'
import { Contribution, GROUPS_SHAPE } from '../domain/fleet/contribution.ts'
import { type FleetStatus, FleetWatch } from '../domain/fleet/fleet-watch.ts'
import { rangeLabel } from '../domain/fleet/range-label.ts'
import { packTotals } from '../domain/fleet/totals.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import type { Arm, TriggerDecision } from '../domain/watch.ts'
import type { FleetCounters, FleetSlot, Log } from '../ports.ts'
import { armOf, isHealthy } from './arm.ts'
import { isOut, type LiveRoute, variantsOf } from './live-route.ts'
import type { Regions } from './regions.ts'
import type { Roster } from './roster.ts'
import { createStalls } from './stalls.ts'
import { weightOf } from './view.ts'

export type FleetTriggersOptions = {
  readonly roster: Pick<Roster, 'all' | 'get'>
  readonly regions: Regions
  readonly counters: FleetCounters | null // null: nobody to share with
  readonly addresses: (route: string, variant: string) => readonly AddressSnapshot[]
  /** Fresh replicas of a route, this one included. */
  readonly replicas: (route: string) => number
  readonly now: () => number
  readonly act: (route: LiveRoute, decision: TriggerDecision) => void
  readonly log: Log
}

export type FleetTriggers = {
  /** One beat of all routes; call it every FLEET_BEAT_MS. */
  tick(): void
  /** How the fleet's triggers of a route stand; empty where no challenger is in traffic, or nobody shares. */
  statuses(route: string): readonly FleetStatus[]
}

export const FLEET_BEAT_MS = 1_000

const ACTIVE_MS = 120_000 // after its last request a variant without weight has nothing to say

/** What is kept of a route while its settings stay. */
type Member = {
  readonly settings: string
  readonly contribution: Contribution
  readonly watch: FleetWatch
  live: LiveRoute | null // that `label` is of
  label: string
}

export function createFleetTriggers(options: FleetTriggersOptions): FleetTriggers {
  const { roster, regions, counters, now, log } = options
  const stalls = createStalls(regions, now, FLEET_BEAT_MS)
  const members = new Map<string, Member>()
  let eras = 0

  function memberOf(route: LiveRoute): Member {
    const { name, triggers, overrides } = route.config
    const settings = JSON.stringify([triggers, overrides])
    const known = members.get(name)
    if (known?.settings === settings) return known
    const { splits } = route
    const made: Member = {
      settings,
      contribution: new Contribution({ settings: triggers, splits, nextEra: () => ++eras }),
      watch: new FleetWatch(triggers, splits),
      live: null,
      label: ''
    }
    members.set(name, made)
    return made
  }

  function beat(store: FleetCounters, route: LiveRoute, stalled: boolean): void {
    const { champion } = route.document
    const others = variantsOf(route).filter(({ name }) => name !== champion)
    if (others.length === 0) return
    const challengers = new Map<string, Arm>()
    for (const { name } of others) {
      if (!isOut(route, name)) challengers.set(name, armOf(options, route, name))
    }
    const member = memberOf(route)
    if (member.live !== route) {
      member.live = route
      member.label = rangeLabel(assignmentKey(route, member.settings))
      member.watch.keep(variant => challengers.has(variant))
    }
    const championArm = armOf(options, route, champion)
    member.contribution.tick({
      now: now(),
      generation: route.generation,
      champion: championArm,
      championHealthy: isHealthy(championArm),
      challengers,
      stalled
    })
    if (isActive(championArm, now())) exchangeGroups(store, route, member, championArm)
    for (const [variant, arm] of challengers) {
      if (isActive(arm, now())) exchangeArms(store, route, member, variant)
    }
  }

  function exchangeGroups(store: FleetCounters, route: LiveRoute, member: Member, arm: Arm): void {
    const { champion } = route.document
    const totals = member.contribution.groups(arm.counters)
    exchange(store, route, champion, packTotals(totals, GROUPS_SHAPE), slots => {
      if (members.get(route.config.name) !== member) return
      if (roster.get(route.config.name)?.document.champion !== champion) return
      member.watch.takeGroups(champion, slots)
    })
  }

  function exchangeArms(
    store: FleetCounters,
    route: LiveRoute,
    member: Member,
    variant: string
  ): void {
    const { name } = route.config
    const { label } = member
    const totals = member.contribution.arms(variant, label, now())
    if (totals === null) return
    const shape = { kind: 'arms', rows: 2 * (strataOf(route.splits) - 1) } as const
    exchange(store, route, variant, packTotals(totals, shape), slots => {
      const current = roster.get(name)
      if (current === null || members.get(name) !== member || isOut(current, variant)) return
      const { champion } = current.document
      if (variant === champion) return
      const decisions = member.watch.takeArms(variant, slots, {
        label,
        now: now(),
        replicas: options.replicas(name),
        championLive: weightOf(current.document, champion) > 0,
        championHealthy: isHealthy(armOf(options, current, champion))
      })
      for (const decision of decisions) options.act(roster.get(name) ?? current, decision)
    })
  }

  function exchange(
    store: FleetCounters,
    { config }: LiveRoute,
    variant: string,
    text: string,
    take: (slots: readonly FleetSlot[]) => void
  ): void {
    store
      .exchange(config.name, variant, text)
      .then(slots => slots && take(slots))
      .catch((error: unknown) => {
        log.error(
          { route: config.name, variant, err: error },
          'counts of the fleet were not judged'
        )
      })
  }

  return {
    tick() {
      const stalled = stalls()
      if (counters === null) return
      for (const name of members.keys()) if (roster.get(name) === null) members.delete(name)
      for (const route of roster.all()) beat(counters, route, stalled)
    },
    statuses: name => members.get(name)?.watch.statuses(now()) ?? []
  }
}

function isActive({ counters, weight }: Arm, now: number): boolean {
  if (weight > 0) return true
  return counters.some(({ times }) => {
    const lastSent = times[TIME_AT.lastSent] ?? 0
    return lastSent > 0 && now - lastSent < ACTIVE_MS
  })
}

/** Everything that decides who gets which variant here and what counts as a failure. */
function assignmentKey(route: LiveRoute, settings: string): string {
  const { salt, champion, challengers } = route.document
  const names = Object.keys(challengers).sort()
  const assigned = names.map(name => {
    const { rolloutId = '', ranges = [] } = challengers[name] ?? {}
    return [name, rolloutId, ranges, isOut(route, name)]
  })
  return JSON.stringify([salt, champion, assigned, settings])
}
