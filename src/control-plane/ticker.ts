/**
 * The tick: every 250 ms the counters of all threads are read, the triggers judge, and what they decide is
 * carried out in the same tick. Nothing here waits for a store or a network.
 */
import { AT, REASONS, TICK_MS } from '../domain/counts.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import { BEAT_MS, STALL_MS, THREAD_TIME } from '../domain/thread-region.ts'
import type { Arm, TriggerDecision } from '../domain/watch.ts'
import type { Fleet } from './fleet.ts'
import { isOut, type LiveRoute, runOf, variantsOf } from './live-route.ts'
import type { Regions } from './regions.ts'
import type { Roster } from './roster.ts'
import { weightOf } from './view.ts'

export type TickerOptions = {
  readonly roster: Roster
  readonly regions: Regions
  readonly addresses: (route: string, variant: string) => readonly AddressSnapshot[]
  readonly now: () => number
  readonly fleet: Fleet
  readonly act: (route: LiveRoute, decision: TriggerDecision) => void
}

const DEAD_MS = 5_000

/** One call per TICK_MS. */
export function createTicker(options: TickerOptions): () => void {
  const { roster, regions } = options
  let last = options.now()

  return () => {
    const now = options.now()
    const stalled = now - last > TICK_MS + STALL_MS || threadStalled(regions, last, now)
    last = now
    for (const { config } of roster.all()) {
      options.fleet.before(config.name)
      const route = roster.get(config.name)
      if (route !== null) tickRoute(route, now, stalled)
      options.fleet.after(config.name)
    }
  }

  function tickRoute(route: LiveRoute, now: number, stalled: boolean): void {
    const variants = variantsOf(route).map(({ name }) => name)
    const { champion } = route.document
    sampleCalls(route, variants, now)
    const arms = new Map(variants.map(name => [name, armOf(route, name)]))
    const championArm = arms.get(champion)
    if (!championArm) return
    for (const name of variants) {
      if (name === champion || isOut(route, name)) arms.delete(name)
    }
    const healthy = championArm.addresses.length === 0 || championArm.addresses.some(a => a.healthy)
    const result = route.watch.tick({
      now,
      generation: route.generation,
      champion: championArm,
      championHealthy: healthy,
      challengers: arms,
      stalled
    })
    route.statuses = result.statuses
    for (const decision of result.decisions) options.act(route, decision)
  }

  function armOf(route: LiveRoute, variant: string): Arm {
    const { name } = route.config
    return {
      counters: regions.of(name, variant, route.splits),
      addresses: options.addresses(name, variant),
      weight: weightOf(route.document, variant)
    }
  }

  function sampleCalls(route: LiveRoute, variants: readonly string[], now: number): void {
    const { champion } = route.document
    const totals = new Map<string, number>()
    for (const variant of variants) {
      let total = 0
      for (const { words } of regions.of(route.config.name, variant, route.splits)) {
        for (let i = 0; i < REASONS.length; i++) total += words[AT.assignments + i] ?? 0
      }
      totals.set(variant, total >>> 0)
    }
    route.shares.sample(now, totals)
    const challengers = [...totals].filter(([name]) => name !== champion)
    route.calls.tick(
      new Map(
        challengers.map(([name, total]) => {
          const run = runOf(route.document, name)
          return [name, { run, total, inTraffic: !isOut(route, name) }]
        })
      )
    )
  }
}

/** A beat that came late since the last tick, or is overdue now; a thread silent for long is dead, not late. */
function threadStalled(regions: Regions, since: number, now: number): boolean {
  return regions.threads.some(({ times }) => {
    const beat = times[THREAD_TIME.beat] ?? 0
    const overdue = now - beat
    if (overdue > DEAD_MS) return false
    return overdue > BEAT_MS + STALL_MS || (times[THREAD_TIME.lastStall] ?? 0) >= since
  })
}
