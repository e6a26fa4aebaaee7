/** Which variants have no healthy address, from the gauge sluice_upstream_healthy. */
import type { Sample } from './metrics-text.ts'

/** By route: the variants all of whose upstreams are out, each with how many those are. */
export type OutOfHealth = ReadonlyMap<string, ReadonlyMap<string, number>>

export const HEALTHY = 'sluice_upstream_healthy'

export function outOfHealth(samples: readonly Sample[]): OutOfHealth {
  const found = new Map<string, Map<string, number>>()
  const healthy: (readonly [route: string, variant: string])[] = []
  for (const { labels, name, value } of samples) {
    if (name !== HEALTHY) continue
    const { route = '', variant = '' } = labels
    if (value === 1) healthy.push([route, variant])
    const variants = found.get(route) ?? new Map<string, number>()
    found.set(route, variants.set(variant, (variants.get(variant) ?? 0) + 1))
  }
  for (const [route, variant] of healthy) found.get(route)?.delete(variant)
  return found
}
