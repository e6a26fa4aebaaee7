/**
 * One reading for one scrape: the source with the sums of its counters, all taken at the same moment.
 */
import type { ThreadRegion } from '../domain/thread-region.ts'
import type { MetricsSource, RouteSource, VariantSource } from './metrics-source.ts'
import { type OwnThread, watchOwnThread } from './own-thread.ts'
import { createThreadTotals, createTotals, type ThreadTotals, type Totals } from './totals.ts'

export type OfVariant = {
  readonly route: RouteSource
  readonly variant: VariantSource
  readonly totals: Totals
}
export type OfThread = { readonly region: ThreadRegion; readonly totals: ThreadTotals }
export type Reading = {
  readonly source: MetricsSource
  readonly main: OwnThread
  readonly variants: readonly OfVariant[]
  readonly threads: readonly OfThread[]
}

export type Reader = {
  read(source: MetricsSource): Reading
  /** Takes the counters in without a reading of the rest. */
  observe(routes: readonly RouteSource[]): void
}

/** Keeps the sums for the life of the process, also of a variant that leaves and comes back. */
export function createReader(): Reader {
  const byVariant = new Map<string, Totals>()
  const byThread = new Map<number, ThreadTotals>()
  const main = watchOwnThread()

  function observe(routes: readonly RouteSource[]): readonly OfVariant[] {
    return routes.flatMap(route =>
      route.variants.map(variant => {
        const totals = kept(byVariant, `${route.name}/${variant.name}`, createTotals)
        totals.read(variant.counters)
        return { route, variant, totals }
      })
    )
  }

  return {
    observe,
    read: source => ({
      source,
      main: main(),
      variants: observe(source.routes),
      threads: source.threads.map((region, i) => {
        const totals = kept(byThread, i, createThreadTotals)
        totals.read(region)
        return { region, totals }
      })
    })
  }
}

function kept<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
