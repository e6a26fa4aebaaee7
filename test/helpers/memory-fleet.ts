/**
 * Several stores over one shared memory: what replicas of the control plane need of a store, with time and
 * reachability in the hands of the test. It promises what the port says and nothing more: a replica sees what the
 * others did when it polls, and one that is cut off holds what it knew, its own rollbacks among it.
 */
import { type RouteDocument, revisionOf } from '../../src/domain/document.ts'
import { type Author, applyOperation, type Operation } from '../../src/domain/operations.ts'
import { fail } from '../../src/errors.ts'
import { draftOf } from '../../src/io/audit-draft.ts'
import { chainEntry } from '../../src/io/audit-entry.ts'
import type { AuditDraft, AuditEntry, Clock, Replica, StateStore } from '../../src/ports.ts'
import { first, means } from './state-documents.ts'

export type TestClock = Clock & { advance(ms: number): void }

export type MemoryStore = StateStore & {
  /** What a driver does once a second. */
  poll(): void
  cut(): void
  heal(): void
  /** Writes that are refused with SLC_STATE_UNKNOWN so far. */
  readonly refused: () => number
}

export type MemoryFleet = {
  readonly clock: TestClock
  store(id: string): MemoryStore
  document(route: string): RouteDocument
  entries(): readonly AuditEntry[]
  /** As after FLUSHALL: nobody is in the list until it tells something again. */
  forgetReplicas(): void
}

const FRESH_MS = 5_000

export function memoryFleet(
  routes: readonly string[],
  weights: Readonly<Record<string, number>> = { v3: 90, v4: 10 }
): MemoryFleet {
  const clock = testClock()
  const documents = new Map(routes.map(route => [route, first(route, weights)]))
  const entries: AuditEntry[] = []
  const told = new Map<string, { readonly at: number; readonly route: string; replica: Replica }>()

  function documentOf(route: string): RouteDocument {
    const document = documents.get(route)
    if (document === undefined) throw new Error(`no route ${route}`)
    return document
  }

  function append(draft: AuditDraft): AuditEntry {
    const last = entries.at(-1) ?? null
    const entry = chainEntry({ ...draft, at: clock.wall().toISOString() }, last)
    entries.push(entry)
    return entry
  }

  function change(route: string, operation: Operation, author: Author) {
    const before = documentOf(route)
    const applied = applyOperation(before, operation, author, means)
    if (applied.status !== 'changed') return { applied, entry: null }
    documents.set(route, applied.document)
    const entry = append(draftOf(before, applied.document, operation, author))
    return { applied, entry }
  }

  function store(id: string): MemoryStore {
    const shown = new Map(documents)
    const facts = new Map<string, Pick<Replica, 'calls' | 'out'>>()
    const pending: { readonly route: string; operation: Operation; author: Author }[] = []
    const onAudit = new Set<Parameters<StateStore['onAudit']>[0]>()
    const onDocument = new Set<(document: RouteDocument) => void>()
    const own = new Set<string>()
    let seen = entries.length
    let confirmedAt = clock.now()
    let isCut = false
    let refused = 0

    const selfOf = (route: string): Replica => ({
      id,
      revision: revisionOf(shown.get(route) ?? documentOf(route)),
      ...(facts.get(route) ?? { calls: {}, out: {} })
    })

    function show(document: RouteDocument): void {
      const before = shown.get(document.route)
      shown.set(document.route, document)
      if (before && revisionOf(before) === revisionOf(document)) return
      for (const listener of onDocument) listener(document)
    }

    function tellEntries(): void {
      for (const entry of entries.slice(seen)) {
        for (const listener of onAudit) listener(entry, own.has(entry.sha256) ? 'own' : 'fleet')
      }
      seen = entries.length
    }

    function remember(entry: AuditEntry | null): void {
      if (entry !== null) own.add(entry.sha256)
    }

    function poll(): void {
      if (isCut) return
      confirmedAt = clock.now()
      for (const { route, operation, author } of pending.splice(0)) {
        remember(change(route, operation, author).entry)
      }
      tellEntries()
      for (const route of routes) {
        show(documentOf(route))
        told.set(`${route}/${id}`, { at: clock.now(), route, replica: selfOf(route) })
      }
    }

    return {
      poll,
      refused: () => refused,
      cut() {
        isCut = true
      },
      heal() {
        isCut = false
        poll()
      },
      open: async () => [],
      read: route => shown.get(route) ?? null,
      source: () => 'store',
      unsettled: () => pending.map(({ route }) => route),
      errors: () => ({}),
      ageMs: () => clock.now() - confirmedAt,
      replicas(route) {
        if (clock.now() - confirmedAt > FRESH_MS) return [selfOf(route)]
        const others = [...told.values()].filter(each => {
          return each.route === route && each.replica.id !== id && clock.now() - each.at <= FRESH_MS
        })
        return [selfOf(route), ...others.map(({ replica }) => replica)]
      },
      announce: (route, { calls, out }) => void facts.set(route, { calls, out }),
      async spread(route) {
        const revision = selfOf(route).revision
        const others = [...told.values()].filter(each => each.route === route)
        if (others.every(({ replica }) => replica.revision === revision)) return
        await new Promise(resolve => setImmediate(resolve))
      },
      ensure: async route => documentOf(route),
      async write(route, operation, author) {
        if (!isCut) {
          const { applied, entry } = change(route, operation, author)
          remember(entry)
          tellEntries()
          show(documentOf(route))
          if (applied.status === 'refused') return applied
          if (entry === null) return { status: 'same', document: applied.document, scope: 'fleet' }
          return { status: 'changed', document: applied.document, scope: 'fleet', audit: entry }
        }
        const before = shown.get(route) ?? documentOf(route)
        const applied = applyOperation(before, operation, author, means)
        if (applied.status === 'refused') return applied
        if (operation.kind !== 'rollback') {
          refused++
          throw fail('SLC_STATE_UNKNOWN', ['cut off'])
        }
        if (applied.status === 'same') return { ...applied, scope: 'local' }
        pending.push({ route, operation, author })
        show(applied.document)
        const draft = draftOf(before, applied.document, operation, author)
        const audit = chainEntry({ ...draft, at: author.at }, entries.at(-1) ?? null)
        return { status: 'changed', document: applied.document, scope: 'local', audit }
      },
      async audit(draft) {
        const entry = append(draft)
        remember(entry)
        tellEntries()
        return entry
      },
      decisions: async ({ limit }) => [...entries].reverse().slice(0, limit),
      onAudit: listener => subscribe(onAudit, listener),
      onDocument: listener => subscribe(onDocument, listener),
      close: async () => undefined
    }
  }

  return {
    clock,
    store,
    document: documentOf,
    entries: () => entries,
    forgetReplicas: () => told.clear()
  }
}

function testClock(): TestClock {
  const start = Date.parse('2026-01-01T00:00:00.000Z')
  let ms = 1_000
  return {
    now: () => ms,
    wall: () => new Date(start + ms),
    advance(by) {
      ms += by
    }
  }
}

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
