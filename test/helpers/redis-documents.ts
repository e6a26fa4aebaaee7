/**
 * The document of a route as a server has it and as replicas show it, and waiting until these are one.
 */
import { canonicalJson } from '../../src/domain/canonical-json.ts'
import type { RouteDocument } from '../../src/domain/document.ts'
import { routeKeys } from '../../src/io/redis/scripts.ts'
import type { AuditEntry, StateStore } from '../../src/ports.ts'
import type { Redis } from './redis.ts'
import { until } from './until.ts'

/** Keys of the route that tests use, with the prefix that they use. */
export const KEYS = routeKeys('sluice', 'fraud')

export function shownBy(store: StateStore): RouteDocument {
  const document = store.read('fraud')
  if (document === null) throw new Error('the store shows no document')
  return document
}

/** Null where the server has none. Only for what replicas wrote. */
export async function storedIn(redis: Redis): Promise<RouteDocument | null> {
  const text = await redis.cli('GET', KEYS.doc)
  return text === null ? null : (JSON.parse(String(text)) as RouteDocument)
}

/** Waits until the server has what every replica shows and no rollback is left to be stored. */
export function inStep(redis: Redis, ...stores: readonly StateStore[]): Promise<RouteDocument> {
  return until('the server and the replicas have one document', async () => {
    const document = await storedIn(redis)
    if (document === null) return false
    const text = canonicalJson(document)
    const same = stores.every(store => canonicalJson(shownBy(store)) === text)
    return same && stores.every(store => store.unsettled().length === 0) && document
  })
}

/** Entries that told of a document that was put back, newest first. */
export async function reassertions(store: StateStore): Promise<readonly AuditEntry[]> {
  const entries = await store.decisions({ route: 'fraud', limit: 1_000 })
  return entries.filter(({ requestId }) => requestId.startsWith('reassert-'))
}
