/**
 * State in a directory, for one process: the documents of the routes and the audit log.
 *
 * A change is accepted when its document is durable (rename and fsync of the directory). Its audit entry is
 * written and fsynced just before and withdrawn when the document cannot be; so a crash in between leaves at
 * most one entry too many, the last, and `open` settles it (file-recovery.ts).
 * Changes of all routes stand in one queue, which keeps the log linear.
 *
 * A rollback never waits: it holds in memory before `write` returns, then is made durable, and where the disk
 * does not take it (scope `local`) that is tried again until it does. Nothing else is ever shown that is not
 * durable. Until the rollbacks before it are durable, no other change is accepted.
 */
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type RouteDocument, revisionOf } from '../domain/document.ts'
import {
  type Applied,
  type Author,
  applyOperation,
  type Means,
  type Operation
} from '../domain/operations.ts'
import { fail, SluiceError } from '../errors.ts'
import type {
  AuditDraft,
  AuditEntry,
  Clock,
  Log,
  Replica,
  StateSource,
  StateStore,
  StateWarning,
  WriteResult
} from '../ports.ts'
import { draftOf } from './audit-draft.ts'
import { type AuditFile, openAuditFile } from './audit-file.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { codeOf, diskFault, quoted } from './disk-fault.ts'
import { saveDocument } from './document-file.ts'
import { findRoutes } from './file-recovery.ts'
import { makeDirectory } from './make-directory.ts'
import { createReserve, isFull } from './reserve.ts'

export type FileStateOptions = {
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
  readonly rotateAuditAt?: number // bytes, default 16 MiB
  readonly keepAudit?: number // rotated files, default 64
}

/** How long a rollback's answer waits for the disk before it says `local`; how often the disk is tried again. */
const SETTLE_MS = 2_000
const RETRY_MS = 1_000

/** One process has the directory, so it needs no name that tells it from others. */
const ALONE = 'local'

type Route = {
  durable: RouteDocument // on disk
  shown: RouteDocument // the durable one with the rollbacks that wait for the disk
  readonly source: StateSource
  facts: Pick<Replica, 'calls' | 'out'>
}

/** A rollback that holds in memory and waits for the disk. */
type Waiting = {
  readonly route: string
  readonly operation: Operation
  readonly author: Author
  entry: AuditEntry | null
  durable: boolean
}

export function createFileState(options: FileStateOptions): StateStore {
  const { directory, clock, log } = options
  const routes = new Map<string, Route>()
  const waiting: Waiting[] = []
  const reserve = createReserve(directory)
  const errors = { write: 0, rollback: 0 }
  const auditListeners = new Set<(entry: AuditEntry, origin: 'own') => void>()
  const documentListeners = new Set<(document: RouteDocument) => void>()
  let queue: Promise<unknown> = Promise.resolve()
  let opened: { readonly audit: AuditFile; readonly lock: DirectoryLock } | null = null
  let retry: NodeJS.Timeout | null = null
  let failing = false // told once, not at every try

  function enqueue<Result>(task: () => Promise<Result>): Promise<Result> {
    const done = queue.then(task)
    queue = done.catch(() => undefined)
    return done
  }

  function parts(): { readonly audit: AuditFile; readonly lock: DirectoryLock } {
    if (opened === null) throw fail('SLC_STATE_UNKNOWN', ['the state directory is not open'])
    return opened
  }

  function routeOf(name: string): Route {
    const route = routes.get(name)
    if (route === undefined) throw fail('SLC_INTERNAL', [`state of route ${name}`])
    return route
  }

  function tell<const Values extends readonly unknown[]>(
    listeners: ReadonlySet<(...values: Values) => void>,
    ...values: Values
  ): void {
    for (const listener of listeners) {
      try {
        listener(...values)
      } catch (error) {
        log.error({ err: error }, 'a listener of the state failed')
      }
    }
  }

  /** Makes one change durable: entry, then document. Throws SLC_STATE_UNKNOWN, and then neither is there. */
  async function commit(
    route: Route,
    document: RouteDocument,
    operation: Operation,
    author: Author
  ): Promise<AuditEntry> {
    const { audit } = parts()
    const entry = audit.next({
      ...draftOf(route.durable, document, operation, author),
      at: author.at
    })
    await append(entry)
    try {
      await saveDocument(directory, document)
    } catch (error) {
      await audit.withdraw().catch(problem => {
        log.error(
          { err: problem },
          'an audit entry could not be withdrawn; the next start settles it'
        )
      })
      throw unknown(error, directory)
    }
    const before = route.shown
    route.durable = document
    route.shown = withWaiting(route)
    if (revisionOf(before) !== revisionOf(route.shown)) tell(documentListeners, route.shown)
    tell(auditListeners, entry, 'own')
    return entry
  }

  async function append(entry: AuditEntry): Promise<void> {
    const { audit, lock } = parts()
    try {
      const ours = await lock.holds()
      if (!ours)
        throw fail('SLC_STATE_UNKNOWN', [`another process has taken over ${quoted(directory)}`])
      await audit.append(entry)
    } catch (error) {
      throw unknown(error, directory)
    }
  }

  /** Rollbacks that are not durable yet, applied to what is: a join, so their order with the rest is no matter. */
  function withWaiting(route: Route): RouteDocument {
    const own = waiting.filter(item => !item.durable && item.route === route.durable.route)
    return own.reduce(
      (document, { operation, author }) =>
        applyOperation(document, operation, author, means).document,
      route.durable
    )
  }

  /** Makes waiting rollbacks durable, in order. Throws when the disk does not take one. */
  async function settle(): Promise<void> {
    for (let item = waiting[0]; item !== undefined; item = waiting[0]) {
      const route = routeOf(item.route)
      const applied = applyOperation(route.durable, item.operation, item.author, means)
      item.durable = true
      try {
        if (applied.status === 'changed') {
          item.entry = await commit(route, applied.document, item.operation, item.author)
        }
      } catch (error) {
        item.durable = false
        if (isFull(reasonOf(error)) && (await reserve.give())) continue
        retryLater(error)
        throw error
      }
      waiting.shift()
    }
    if (failing) log.info({ directory }, 'every rollback is durable again')
    failing = false
  }

  function retryLater(error: unknown): void {
    errors.rollback++
    const facts = { directory, reason: reasonOf(error), rollbacks: waiting.length }
    const fault = error instanceof SluiceError ? error.args[0] : diskFault(error, directory)
    if (!failing)
      log.error(facts, `a rollback holds and is not durable yet, trying again: ${fault}`)
    failing = true
    if (retry !== null || opened === null) return
    retry = setTimeout(() => {
      retry = null
      enqueue(settle).catch(() => undefined) // logged, and the next try is set
    }, RETRY_MS)
    retry.unref()
  }

  async function rollBack(
    name: string,
    operation: Operation,
    author: Author
  ): Promise<WriteResult> {
    const route = routeOf(name)
    const applied = applyOperation(route.shown, operation, author, means)
    if (applied.status === 'refused') return applied
    const item: Waiting = { route: name, operation, author, entry: null, durable: false }
    if (applied.status === 'changed') {
      waiting.push(item)
      const draft = draftOf(route.shown, applied.document, operation, author)
      const ahead = waiting.at(-2)?.entry ?? undefined
      item.entry = parts().audit.next({ ...draft, at: author.at }, ahead)
      route.shown = applied.document
      tell(documentListeners, route.shown)
    }
    const settled = enqueue(settle).catch(() => undefined)
    await Promise.race([settled, delay(SETTLE_MS, undefined, { ref: false })])
    const document = applied.status === 'changed' ? route.shown : applied.document
    const scope = isSettled(name) ? 'fleet' : 'local'
    if (applied.status === 'same' || item.entry === null) return { status: 'same', document, scope }
    return { status: 'changed', document, scope, audit: item.entry }
  }

  /** Rollbacks that hold and are not durable are decisions too; a replay gets them when they are. */
  function withUnsettled(
    found: readonly AuditEntry[],
    query: { readonly route?: string; readonly limit: number }
  ): readonly AuditEntry[] {
    const unsettled = waiting
      .map(({ entry }) => entry)
      .filter(entry => entry !== null)
      .filter(entry => query.route === undefined || entry.route === query.route)
      .filter(entry => entry.sequence > (found[0]?.sequence ?? 0))
    return [...unsettled.reverse(), ...found].slice(0, query.limit)
  }

  function isSettled(name: string): boolean {
    return !waiting.some(item => item.route === name)
  }

  async function change(name: string, operation: Operation, author: Author): Promise<WriteResult> {
    const route = routeOf(name)
    const shown = applyOperation(route.shown, operation, author, means)
    if (shown.status !== 'changed') return unchanged(shown, isSettled(name))
    await settle()
    const applied = applyOperation(route.durable, operation, author, means)
    if (applied.status !== 'changed') return unchanged(applied, true)
    const audit = await commit(route, applied.document, operation, author)
    await reserve.hold()
    return { status: 'changed', document: applied.document, scope: 'fleet', audit }
  }

  async function find(
    names: readonly string[],
    first: (name: string) => RouteDocument
  ): Promise<readonly StateWarning[]> {
    const { audit } = parts()
    const found = await findRoutes({ directory, audit, names, first, means, wall: clock.wall })
    for (const { document, source } of found.routes) {
      const facts = { calls: {}, out: {} }
      routes.set(document.route, { durable: document, shown: document, source, facts })
    }
    return found.warnings
  }

  return {
    async open(names, first) {
      const warnings: StateWarning[] = []
      try {
        await makeDirectory(directory)
        const lock = await lockDirectory(directory)
        try {
          const { audit, warnings: repairs } = await openAuditFile({
            directory,
            rotateAt: options.rotateAuditAt ?? 16 * 1024 * 1024,
            keep: options.keepAudit ?? 64,
            stamp: () => clock.wall().getTime()
          })
          opened = { audit, lock }
          warnings.push(
            ...repairs.map(message => ({ route: null, reason: 'audit-repaired', message }))
          )
          warnings.push(...(await find(names, first)))
          await reserve.hold()
        } catch (error) {
          opened = null
          await lock.release().catch(() => undefined)
          throw error
        }
      } catch (error) {
        if (error instanceof SluiceError) throw error
        throw fail('SLC_STATE_DIRECTORY', [quoted(directory), diskFault(error, directory)])
      }
      return warnings
    },
    read: name => routes.get(name)?.shown ?? null,
    source: name => routes.get(name)?.source ?? 'config',
    errors: () => errors,
    ageMs: () => 0,
    replicas(name) {
      const { shown, facts } = routeOf(name)
      return [{ id: ALONE, revision: revisionOf(shown), ...facts }]
    },
    announce(name, { calls, out }) {
      routeOf(name).facts = { calls, out }
    },
    spread: async () => undefined,
    unsettled: () => [...new Set(waiting.map(({ route }) => route))],
    ensure(name, first) {
      return enqueue(async () => {
        try {
          const warnings = routes.has(name) ? [] : await find([name], first)
          for (const { reason, message } of warnings) log.warn({ route: name, reason }, message)
        } catch (error) {
          throw unknown(error, directory)
        }
        return routeOf(name).shown
      })
    },
    async write(name, operation, author) {
      parts()
      if (operation.kind === 'rollback') return rollBack(name, operation, author)
      return enqueue(() => change(name, operation, author)).catch(error => {
        errors.write++
        throw error
      })
    },
    audit(draft: AuditDraft) {
      return enqueue(async () => {
        await settle()
        const entry = parts().audit.next({ ...draft, at: clock.wall().toISOString() })
        await append(entry)
        tell(auditListeners, entry, 'own')
        return entry
      })
    },
    async decisions(query) {
      const found = await parts().audit.query(query)
      return query.afterSequence === undefined ? withUnsettled(found, query) : found
    },
    onAudit: listener => subscribe(auditListeners, listener),
    onDocument: listener => subscribe(documentListeners, listener),
    async close() {
      if (opened === null) return
      const settled = enqueue(settle).catch(() => undefined)
      await Promise.race([settled, delay(SETTLE_MS, undefined, { ref: false })])
      if (waiting.length > 0) log.error({ rollbacks: waiting.length }, 'not made durable')
      if (retry !== null) clearTimeout(retry)
      const { lock } = parts()
      opened = null
      await lock.release()
    }
  }
}

const means: Means = {
  sha256: text => createHash('sha256').update(text).digest('hex'),
  newId: () => randomUUID()
}

function unchanged(
  applied: Exclude<Applied, { status: 'changed' }>,
  settled: boolean
): WriteResult {
  if (applied.status === 'refused') return applied
  return { ...applied, scope: settled ? 'fleet' : 'local' }
}

function reasonOf(error: unknown): unknown {
  return error instanceof SluiceError ? error.details['reason'] : String(error)
}

/** `directory` where the error does not say which file it is about. */
function unknown(error: unknown, directory: string): SluiceError {
  if (error instanceof SluiceError) return error
  return fail('SLC_STATE_UNKNOWN', [diskFault(error, directory)], { reason: codeOf(error) })
}

function subscribe<Value>(listeners: Set<Value>, listener: Value): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
