/** One variant of a route as the triggers see it: of this replica, and for the fleet. */
import type { AddressSnapshot } from '../domain/snapshot.ts'
import type { Arm } from '../domain/watch.ts'
import type { LiveRoute } from './live-route.ts'
import type { Regions } from './regions.ts'
import { weightOf } from './view.ts'

export type ArmSources = {
  readonly regions: Regions
  readonly addresses: (route: string, variant: string) => readonly AddressSnapshot[]
}

export function armOf({ regions, addresses }: ArmSources, route: LiveRoute, variant: string): Arm {
  const { name } = route.config
  return {
    counters: regions.of(name, variant, route.splits),
    addresses: addresses(name, variant),
    weight: weightOf(route.document, variant)
  }
}

/** Whether requests can go there: no address is known to fail, or not all of them are. */
export function isHealthy({ addresses }: Arm): boolean {
  return addresses.length === 0 || addresses.some(({ healthy }) => healthy)
}
