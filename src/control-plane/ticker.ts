/**
 * The tick: every 250 ms the counters of all threads are read, the triggers judge, and what they decide is
 * carried out in the same tick. Nothing here waits for a store or a network.
 */
import { AT, REASONS, TICK_MS } from '../domain/counts.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import type { TriggerDecision } from '../domain/watch.ts'
import { armOf, isHealthy } from './arm.ts'
import type { Fleet } from './fleet.ts'
import { isOut, type LiveRoute, runOf, variantsOf } from './live-route.ts'
import type { Regions } from './regions.ts'
import type { Roster } from './roster.ts'
import { createStalls } from './stalls.ts'

export type TickerOptions = {
  readonly roster: Roster
  readonly regions: Regions
  readonly addresses: (route: string, variant: string) => readonly AddressSnapshot[]
  readonly now: () => number
  readonly fleet: Fleet
  readonly act: (route: LiveRoute, decision: TriggerDecision) => void
}

/** One call per TICK_MS. */
export function createTicker(options: TickerOptions): () => void {
  const { roster, regions } = options
  const stalls = createStalls(regions, options.now, TICK_MS)

  return () => {
    const now = options.now()
    const stalled = stalls()
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
    const arms = new Map(variants.map(name => [name, armOf(options, route, name)]))
    const championArm = arms.get(champion)
    if (!championArm) return
    for (const name of variants) {
      if (name === champion || isOut(route, name)) arms.delete(name)
    }
    const result = route.watch.tick({
      now,
      generation: route.generation,
      champion: championArm,
      championHealthy: isHealthy(championArm),
      challengers: arms,
      stalled
    })
    route.statuses = result.statuses
    for (const decision of result.decisions) options.act(route, decision)
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
