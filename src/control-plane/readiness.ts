/**
 * Whether this process should get traffic, and what of it works only in part (admin-api.md).
 *
 * A usable snapshot is enough to be ready: an outage of the store, or a quarantine, must not empty a pool.
 */
import type { Control, StateStore } from '../ports.ts'
import { type LiveRoute, variantsOf } from './live-route.ts'
import { weightOf } from './view.ts'

export type ReadinessFacts = {
  readonly leaving: boolean
  readonly accepting: number // data threads
  readonly reloaded: boolean // the last reload succeeded
  readonly routes: readonly LiveRoute[]
  readonly store: Pick<StateStore, 'unsettled' | 'ageMs'>
  readonly events: readonly string[] // what keeps events from going out
  readonly healthy: (route: string, variant: string) => boolean // at least one address
  readonly failing: (route: LiveRoute) => Readonly<Record<string, string>> // variants that answer nobody
}

const OLD_MS = 5_000

export function readinessOf(facts: ReadinessFacts): ReturnType<Control['ready']> {
  const { routes, store } = facts
  const reasons: string[] = []
  if (facts.leaving) reasons.push('draining')
  if (facts.accepting === 0) reasons.push('no data thread accepts connections')
  const degraded = [
    ...routes.flatMap(route => championless(route, facts)),
    ...routes.flatMap(route => unanswering(route, facts)),
    ...store
      .unsettled()
      .map(name => `route ${name}: a rollback holds here and the store does not have it yet`),
    ...routes.flatMap(route => unconfirmed(route, store.ageMs(route.config.name))),
    ...routes.flatMap(quarantines),
    ...routes.flatMap(homeless),
    ...facts.events
  ]
  if (!facts.reloaded) degraded.push('the last reload was refused')
  return { ready: reasons.length === 0, reasons, degraded }
}

/** Weight of a variant that nothing defines any more: the champion answers for it. */
export function homeless(route: LiveRoute): readonly string[] {
  const named = new Set(variantsOf(route).map(({ name }) => name))
  return Object.keys(route.document.challengers)
    .filter(name => !named.has(name) && weightOf(route.document, name) > 0)
    .map(name => {
      const percent = weightOf(route.document, name) / 100
      return `route ${route.config.name}: ${name} has ${percent} % and is not configured, so the champion answers for it; put it back, or set its weight to 0`
    })
}

function championless({ config, document }: LiveRoute, facts: ReadinessFacts): readonly string[] {
  const { champion } = document
  if (facts.healthy(config.name, champion)) return []
  return [`route ${config.name}: no healthy address of champion ${champion}`]
}

function unanswering(route: LiveRoute, facts: ReadinessFacts): readonly string[] {
  const { name } = route.config
  return Object.entries(facts.failing(route)).map(([variant, sentence]) => {
    const role = variant === route.document.champion ? 'champion' : 'challenger'
    return `route ${name}: ${role} ${variant} answers nobody: ${sentence}`
  })
}

function unconfirmed({ config, stale }: LiveRoute, ageMs: number): readonly string[] {
  if (stale === null && ageMs <= OLD_MS) return []
  const age = `route ${config.name}: the store has not confirmed its state for ${Math.round(ageMs / 1000)} s`
  return [stale === 'champion' ? `${age}, so its challengers are out of traffic here` : age]
}

function quarantines({ config, quarantined }: LiveRoute): readonly string[] {
  return [...quarantined].map(
    ([variant, { trigger, reason }]) =>
      `route ${config.name}: ${variant} is in quarantine on this replica (${trigger}): ${reason}`
  )
}
