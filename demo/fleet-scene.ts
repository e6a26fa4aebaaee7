/**
 * What the acts of the fleet's demo share: who plays, and what a look at the fleet sees.
 */
import type { RouteDocument } from '../src/domain/document.ts'
import type { RouteView } from '../src/ports.ts'
import type { Clock } from './clock.ts'
import type { FleetStage } from './fleet-stage.ts'
import type { FleetStory } from './fleet-story.ts'
import type { Load } from './load.ts'
import type { Options } from './options.ts'
import { rollbackOf } from './play.ts'
import type { Tally } from './tally.ts'

export type FleetScene = {
  readonly given: Options
  readonly stage: FleetStage
  readonly load: Load
  readonly counted: Tally
  readonly story: FleetStory
}

export type FleetView = {
  readonly routes: readonly RouteView[] // one of each router
  readonly stored: RouteDocument | null | 'gone' // what Redis has; null: nothing
}

export type Act = FleetScene & { readonly clock: Clock<FleetView> }

/** Asks both routers, and Redis. */
export async function lookAt({ routers, store }: FleetStage): Promise<FleetView> {
  const [stored, ...routes] = await Promise.all([
    store.document().catch(() => 'gone' as const),
    ...routers.map(router => router.route())
  ])
  return { stored, routes }
}

/** For a clock that only lets time pass. */
export function never(): false {
  return false
}

/** The same, while both routers must stay rolled back. Throws when one does not. */
export function staysOut({ routes }: FleetView): false {
  const bare = routes.findIndex(route => rollbackOf(route) === null || route.weights['v4'] !== 0)
  if (bare !== -1) throw new Error(`router ${bare + 1} lost the rollback`)
  return false
}
