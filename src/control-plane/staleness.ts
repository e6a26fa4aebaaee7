/**
 * What a replica does whose store has not confirmed a route's document for `state.stale.after`: it holds what it
 * knows, or takes every challenger out of its own traffic until the store confirms again (state.md). It is told
 * once when that begins and once when it ends; no document changes.
 */
import type { Config } from '../config/config.ts'
import type { Log, StateStore } from '../ports.ts'
import type { Roster } from './roster.ts'

export type StalenessOptions = {
  readonly roster: Roster
  readonly store: Pick<StateStore, 'ageMs'>
  readonly log: Log
  readonly stale: Config['state']['stale']
}

/** Looks at one route; once a tick. */
export function createStaleness(options: StalenessOptions): (route: string) => void {
  const { roster, store, log } = options
  const { policy, after } = options.stale
  return name => {
    const route = roster.get(name)
    if (route === null) return
    const stale = store.ageMs(name) > after ? policy : null
    if (stale === route.stale) return
    roster.setStale(name, stale)
    if (policy === 'champion') roster.publish()
    const facts = { route: name, policy, after }
    if (stale === null) log.info(facts, 'the store confirms the state of a route again')
    else log.warn(facts, SENTENCES[stale])
  }
}

const SENTENCES = {
  hold: 'the store has not confirmed the state of a route for long; what was known last is held',
  champion:
    'the store has not confirmed the state of a route for long; its challengers are out of traffic here'
} as const
