/**
 * Finding the documents of routes at a start, whatever a crash, a bad disk or a careless hand left behind.
 *
 * The newest readable generation counts, then the configuration; never part of a file. Where anything was lost
 * the audit log is asked what happened since (recovery.ts), so that a rollback survives the loss of its
 * document, and the result is a revision that nobody has seen. A change whose entry is the last of the log and
 * whose document was not written was never accepted: it is withdrawn, but a rollback is carried out.
 */
import { join } from 'node:path'
import { isLater, type RouteDocument, revisionOf } from '../domain/document.ts'
import type { Author, Means } from '../domain/operations.ts'
import { type Happened, parseRevision, recover, redo, summaryOf } from '../domain/recovery.ts'
import { fail } from '../errors.ts'
import type { AuditEntry, StateSource, StateWarning } from '../ports.ts'
import type { AuditFile } from './audit-file.ts'
import { quoted } from './disk-fault.ts'
import { type Loaded, loadDocument, saveDocument } from './document-file.ts'

export type FoundRoute = { readonly document: RouteDocument; readonly source: StateSource }

export type Search = {
  readonly directory: string
  readonly audit: AuditFile
  readonly names: readonly string[]
  readonly first: (name: string) => RouteDocument
  readonly means: Means
  readonly wall: () => Date
}

const AT_ONCE = 16

/** Every route with its document, which is durable. Throws the system's error. */
export async function findRoutes(
  search: Search
): Promise<{ readonly routes: readonly FoundRoute[]; readonly warnings: readonly StateWarning[] }> {
  const { directory, audit, names } = search
  const stamp = search.wall().getTime()
  const loaded = await inGroups(names, name => loadDocument(directory, name, stamp))
  const whole = new Map<string, RouteDocument>()
  const damaged = new Map<string, Loaded>()
  for (const [i, name] of names.entries()) {
    const one = loaded[i]
    if (one === undefined) continue
    if (one.document !== null && one.faults.length === 0) whole.set(name, one.document)
    else damaged.set(name, one)
  }
  const warnings = await finishLast(search, whole)
  const routes: FoundRoute[] = []
  for (const document of whole.values()) routes.push({ document, source: 'disk' })
  if (damaged.size === 0) return { routes, warnings }

  const origins = new Map<string, RouteDocument>()
  for (const [name, { document }] of damaged) origins.set(name, document ?? search.first(name))
  const happened = await laterChanges(audit, origins)
  const fresh: RouteDocument[] = []
  for (const [name, origin] of origins) {
    const { document, faults } = damaged.get(name) ?? { document: null, faults: [] }
    const since = happened.get(name) ?? []
    const source = document === null ? 'config' : 'disk'
    if (faults.length === 0 && since.length === 0) {
      fresh.push(origin)
      routes.push({ document: origin, source })
      continue
    }
    const known = faults.length > 0 ? faults : [`${name}.json is missing`]
    const repaired = await repair(search, origin, source, known, since)
    routes.push({ document: repaired.document, source })
    warnings.push(repaired.warning)
  }
  await inGroups(fresh, document => saveDocument(directory, document))
  return { routes, warnings }
}

/** Goes on from an older document, or from the configuration, with what the log still knows. */
async function repair(
  search: Search,
  origin: RouteDocument,
  source: StateSource,
  faults: readonly string[],
  since: readonly Happened[]
): Promise<{ readonly document: RouteDocument; readonly warning: StateWarning }> {
  const { audit, directory } = search
  const { route } = origin
  const lost = faults.join('; ')
  const reason =
    source === 'config'
      ? fail('SLC_STATE_CORRUPT', [quoted(join(directory, `${route}.json`)), lost]).message
      : `The state of ${route} is older than it was: ${lost}. It goes on from ${revisionOf(origin)}; check its weights.`
  const author: Author = { by: 'sluice', at: search.wall().toISOString(), reason, requestId: '' }
  const document = recover(origin, since, author, search.means)
  const entry = audit.next({
    type: 'config',
    route,
    variant: null,
    by: author.by,
    at: author.at,
    reason,
    requestId: author.requestId,
    before: summaryOf(origin),
    after: summaryOf(document),
    evidence: { faults, carriedOver: since.length },
    revision: revisionOf(document)
  })
  await audit.append(entry)
  await saveDocument(directory, document)
  const warning = source === 'config' ? 'state-from-configuration' : 'older-generation'
  return { document, warning: { route, reason: warning, message: reason } }
}

/** The one change that a crash can have left between its entry and its document. Updates `whole`. */
async function finishLast(
  search: Search,
  whole: Map<string, RouteDocument>
): Promise<StateWarning[]> {
  const { audit, directory } = search
  const entry = audit.last()
  if (entry === null || entry.route === null || entry.revision === null) return []
  const { route } = entry
  const document = whole.get(route) ?? (await elsewhere(search, route))
  const named = parseRevision(entry.revision)
  if (document === null || named === null || !isLater(named, document)) return []
  const happened = happenedIn(entry)
  const redone = happened === null ? null : redo(document, happened, search.means)
  if (redone === null) await audit.withdraw()
  else await saveDocument(directory, redone)
  if (redone !== null && whole.has(route)) whole.set(route, redone)
  const what = redone === null ? 'was never accepted and is withdrawn' : 'is carried out now'
  return [
    {
      route,
      reason: redone === null ? 'change-withdrawn' : 'rollback-finished',
      message: `A stop interrupted a change of ${route} (${entry.type} by ${entry.by}); it ${what}.`
    }
  ]
}

/** The document of a route that is not asked for; null when it is damaged, which its own start will see. */
async function elsewhere(search: Search, route: string): Promise<RouteDocument | null> {
  if (search.names.includes(route)) return null
  const { document, faults } = await loadDocument(search.directory, route, search.wall().getTime())
  return faults.length === 0 ? document : null
}

/** Changes of routes after these documents, in the order in which they happened. One pass over the log. */
async function laterChanges(
  audit: AuditFile,
  documents: ReadonlyMap<string, RouteDocument>
): Promise<ReadonlyMap<string, readonly Happened[]>> {
  const open = new Map(documents)
  const found = new Map<string, Happened[]>()
  for await (const entry of audit.backward()) {
    if (open.size === 0) break
    const document = entry.route === null ? undefined : open.get(entry.route)
    const happened = happenedIn(entry)
    if (document === undefined || happened === null) continue
    const named = parseRevision(happened.revision)
    if (named === null) continue
    if (isLater(named, document))
      found.set(document.route, [happened, ...(found.get(document.route) ?? [])])
    else open.delete(document.route)
  }
  return found
}

/** What an entry says of a document; null for one that is about something else. */
function happenedIn(entry: AuditEntry): Happened | null {
  const { revision, before, after } = entry
  if (revision === null || !isSummary(before) || !isSummary(after)) return null
  return { ...entry, revision, before, after }
}

function isSummary(value: unknown): value is Happened['after'] {
  if (typeof value !== 'object' || value === null) return false
  return 'weights' in value && 'rolledBack' in value && 'paused' in value
}

async function inGroups<Item, Result>(
  items: readonly Item[],
  task: (item: Item) => Promise<Result>
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(task))))
  }
  return results
}
