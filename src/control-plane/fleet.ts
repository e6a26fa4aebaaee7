/**
 * What a tick does about the other replicas: who is there, what they decided together, and what they are told.
 *
 * It keeps no state but its parts' and waits for nothing: everything is read from what the store knew last.
 */
import type { TriggerDecision } from '../domain/watch.ts'
import type { StateStore } from '../ports.ts'
import type { LiveRoute } from './live-route.ts'
import type { Quarantines } from './quarantine.ts'
import type { Replicas } from './replicas.ts'
import type { Roster } from './roster.ts'

export type FleetOptions = {
  readonly roster: Roster
  readonly store: Pick<StateStore, 'announce' | 'replicas'>
  readonly replicas: Replicas
  readonly quarantines: Quarantines
  readonly staleness: (route: string) => void
  readonly act: (route: LiveRoute, decision: TriggerDecision) => void
}

export type Fleet = {
  /** Before the triggers judge a route. */
  before(route: string): void
  /** After they did. */
  after(route: string): void
}

export function createFleet(options: FleetOptions): Fleet {
  const { roster, store, replicas, quarantines } = options
  return {
    before(name) {
      const company = replicas.observe(name)
      options.staleness(name)
      const route = roster.get(name)
      if (route === null) return
      route.watch.share(company.most)
      const own = { id: store.replicas(name)[0]?.id ?? '', ...told(route) }
      for (const decision of quarantines.review(route, own, company)) options.act(route, decision)
    },
    after(name) {
      const route = roster.get(name)
      if (route !== null) store.announce(name, told(route))
    }
  }
}

/** What this replica says of itself. */
function told(route: LiveRoute): Parameters<StateStore['announce']>[1] {
  const out = [...route.quarantined].map(
    ([variant, { rolloutId, trigger, reason, at }]) =>
      [variant, { rolloutId, trigger, reason, at }] as const
  )
  return { calls: route.calls.counts(), out: Object.fromEntries(out) }
}
