/**
 * Who decided a rollback in a fleet, read from the evidence that the routers' own API gives with it.
 */
import type { Rollback } from '../src/domain/document.ts'

export type Decision = {
  /** Quarantines of several routers, or the sums of all; else one router, by what it counted itself. */
  readonly by: 'quarantines' | 'counters' | 'one router'
  readonly trigger: string
  readonly routers: readonly number[] // that had it in quarantine, or counted
  readonly says: string // the reason, with routers by their number
}

/** `ids` of the routers in the order of their numbers, which begin with 1. */
export function decisionOf(rollback: Rollback, ids: readonly string[]): Decision {
  const { evidence, trigger, reason } = rollback
  const says = ids.reduce((text, id, i) => text.replaceAll(id, `router ${i + 1}`), reason)
  const numbers = (names: readonly string[]) =>
    ids.flatMap((id, i) => (names.includes(id) ? [i + 1] : []))
  if (evidence?.['scope'] !== 'fleet') return { by: 'one router', trigger, routers: [], says }
  if (evidence['test'] !== 'quorum') {
    return { by: 'counters', trigger, routers: numbers(countedIn(evidence['replicas'])), says }
  }
  return { by: 'quarantines', trigger, routers: numbers(namesIn(evidence['out'])), says }
}

/** Ids that stand before counts. */
function countedIn(replicas: unknown): readonly string[] {
  if (typeof replicas !== 'object' || replicas === null || !('counts' in replicas)) return []
  return Object.keys(replicas.counts ?? {})
}

/** Ids in a list of `{ replica }`. */
function namesIn(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((each: unknown) => {
    if (typeof each !== 'object' || each === null || !('replica' in each)) return []
    return typeof each.replica === 'string' ? [each.replica] : []
  })
}
