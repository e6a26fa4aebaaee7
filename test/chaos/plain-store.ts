/**
 * The control of a chaos run: a store as one writes it without thinking of faults. It reads the document with
 * GET, changes it, writes it back with SET, and shows whatever it reads. The last writer wins.
 *
 * It has to break the invariants under the same faults; a run in which it does not proves nothing.
 */
import { canonicalJson } from '../../src/domain/canonical-json.ts'
import type { RouteDocument } from '../../src/domain/document.ts'
import { applyOperation, type Means } from '../../src/domain/operations.ts'
import type { RedisLink } from '../../src/io/redis/link.ts'
import { routeKeys } from '../../src/io/redis/scripts.ts'
import type { ChaosStore } from './replica.ts'

const POLL_MS = 1_000

export function createPlainStore(link: RedisLink, prefix: string, means: Means): ChaosStore {
  const shown = new Map<string, RouteDocument>()
  const listeners = new Set<(document: RouteDocument) => void>()
  let timer: NodeJS.Timeout | null = null

  function show(document: RouteDocument): void {
    const before = shown.get(document.route)
    shown.set(document.route, document)
    if (before !== undefined && canonicalJson(before) === canonicalJson(document)) return
    for (const listener of listeners) listener(document)
  }

  async function get(route: string): Promise<RouteDocument | null> {
    const text = await link.command('get', routeKeys(prefix, route).doc)
    return typeof text === 'string' ? (JSON.parse(text) as RouteDocument) : null // only we write it
  }

  async function set(document: RouteDocument): Promise<void> {
    await link.command('set', routeKeys(prefix, document.route).doc, canonicalJson(document))
  }

  async function poll(): Promise<void> {
    for (const [route, mine] of shown) {
      const document = await get(route)
      if (document === null) await set(mine)
      else show(document)
    }
  }

  return {
    async open(routes, first) {
      for (const route of routes) shown.set(route, first(route))
      await poll().catch(() => undefined)
      timer = setInterval(() => poll().catch(() => undefined), POLL_MS)
    },
    read: route => shown.get(route) ?? null,
    async write(route, operation, author) {
      const mine = shown.get(route)
      if (mine === undefined) throw new Error(`no route ${route}`)
      const rollsBack = operation.kind === 'rollback'
      const before = rollsBack ? mine : ((await get(route)) ?? mine)
      const applied = applyOperation(before, operation, author, means)
      if (applied.status === 'refused') return applied
      if (rollsBack) show(applied.document)
      await set(applied.document)
      show(applied.document)
      return { status: 'same', document: applied.document, scope: 'fleet' }
    },
    audit: async () => null,
    unsettled: () => [],
    onAudit: () => () => undefined,
    onDocument(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      if (timer !== null) clearInterval(timer)
    }
  }
}
