/**
 * A route as the API shows it: the document, and what follows from it and from the counters.
 */
import {
  challengerOf,
  weightsOf as documentWeights,
  isShadowOn,
  type RouteDocument,
  rangeTable,
  revisionOf
} from '../domain/document.ts'
import type { FleetStatus } from '../domain/fleet/fleet-watch.ts'
import { sizeOf } from '../domain/ranges.ts'
import type { TriggerStatus } from '../domain/watch.ts'
import type { Replica, RouteView } from '../ports.ts'
import { type LiveRoute, variantsOf } from './live-route.ts'

export type ViewContext = {
  readonly bornMs: number // wall clock at the process epoch, ms
  readonly replicas: readonly Replica[] // that share the route, this one first
  readonly fleet: readonly FleetStatus[] // the triggers of all replicas
  readonly failing: RouteView['failing']
}

export function viewOf(route: LiveRoute, context: ViewContext): RouteView {
  const { document } = route
  const shown = <Status extends TriggerStatus>({ sinceMs, ...status }: Status) => ({
    ...status,
    since: new Date(context.bornMs + sinceMs).toISOString()
  })
  return {
    ...document,
    weights: weightsOf(route),
    actualWeights: route.shares.percent(),
    ranges: rangesByVariant(route),
    triggers: route.statuses.map(shown),
    fleetTriggers: context.fleet.map(({ scope: _, ...status }) => shown(status)),
    replicas: appliedOf(route.document, context.replicas),
    quarantined: Object.fromEntries(
      [...route.quarantined].map(([variant, { trigger, reason, at }]) => {
        return [variant, { trigger, reason, at }]
      })
    ),
    shadows: shadowsOf(route),
    failing: context.failing,
    stale: route.stale !== null
  }
}

/** Every shadow of the configuration; one that is gone from it is not shown, whatever the document keeps. */
function shadowsOf({ config, document }: LiveRoute): RouteView['shadows'] {
  return Object.fromEntries(
    config.shadows.map(({ name }) => [name, { on: isShadowOn(document, name) }])
  )
}

/** How many replicas work with this document, and how many there are. */
export function appliedOf(
  document: RouteDocument,
  replicas: readonly Replica[]
): RouteView['replicas'] {
  const revision = revisionOf(document)
  const [, ...others] = replicas
  const applied = others.filter(other => other.revision === revision)
  return { applied: applied.length + 1, of: others.length + 1 }
}

/** Percent per variant of the document and of the route, two decimals; sums to 100. */
export function weightsOf(route: LiveRoute): Readonly<Record<string, number>> {
  const unweighted = variantsOf(route).map(({ name }) => [name, 0] as const)
  return { ...Object.fromEntries(unweighted), ...documentWeights(route.document) }
}

/** Basis points that the hash gives to a variant. */
export function weightOf(document: RouteDocument, variant: string): number {
  if (variant === document.champion) {
    const taken = Object.values(document.challengers).map(({ ranges }) => sizeOf(ranges))
    return 10_000 - taken.reduce((sum, size) => sum + size, 0)
  }
  const challenger = challengerOf(document, variant)
  return challenger ? sizeOf(challenger.ranges) : 0
}

function rangesByVariant(route: LiveRoute): RouteView['ranges'] {
  const ranges = new Map<string, [number, number][]>()
  for (const { name } of variantsOf(route)) ranges.set(name, [])
  for (const { start, end, variant } of rangeTable(route.document)) {
    const list = ranges.get(variant) ?? []
    list.push([start, end])
    ranges.set(variant, list)
  }
  return Object.fromEntries(ranges)
}
