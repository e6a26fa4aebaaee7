/**
 * The document of one route on one replica, and how it and the store's come together (state.md).
 *
 * `confirmed` is what the store has, or had when it last answered. `shown` is that with every rollback that this
 * replica knows of, and is what traffic follows: it may take weight away before the store knows, and never gives
 * any. Whoever has the later document gives it to the other; a rollback that the store lacks is made again there
 * until it has it. Everything that talks to the store stands in one queue, so that a route has one call open.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { canonicalJson } from '../../domain/canonical-json.ts'
import { type RouteDocument, revisionOf } from '../../domain/document.ts'
import { join } from '../../domain/join.ts'
import { type Author, applyOperation, type Means, type Operation } from '../../domain/operations.ts'
import { summaryOf } from '../../domain/recovery.ts'
import {
  bind,
  firstMissing,
  isBound,
  isKnown,
  isSpent,
  type Tombstone,
  tombstoneOf,
  tombstonesOf,
  unboundTombstone,
  withoutBoundTwins,
  withTombstones
} from '../../domain/tombstones.ts'
import { fail, SluiceError } from '../../errors.ts'
import type { AuditDraft, AuditEntry, Clock, Log, StateSource, WriteResult } from '../../ports.ts'
import { draftOf } from '../audit-draft.ts'
import { appendEntry, type DatedDraft } from './audit-log.ts'
import { faultOf, unreachable } from './fault.ts'
import { decodeRemote } from './remote-document.ts'
import { digestOf, type RemoteRoute, type RemoteState } from './remote-route.ts'
import { createSerialQueue } from './serial-queue.ts'
import { createWriter } from './writer.ts'

export type RouteContext = {
  readonly remote: RemoteRoute
  readonly means: Means
  readonly clock: Clock
  readonly log: Log
  readonly count: (error: unknown) => void
  readonly onDocument: (document: RouteDocument) => void
  readonly onAudit: (entry: AuditEntry, origin: 'own' | 'fleet') => void
  /** The store's document changed: it is kept on disk. */
  readonly keep: (document: RouteDocument) => void
  /** A rollback that the store may not have yet becomes durable here. Never throws. */
  readonly remember: (tombstone: Tombstone) => Promise<void>
  /** The entry of a rollback that is not known to be in the log becomes durable until it is. Never throws. */
  readonly keepEntry: (draft: DatedDraft) => Promise<void>
  /** After every answer of the store. */
  readonly onState: (state: RemoteState) => void
}

export type RouteStart = {
  readonly document: RouteDocument // of the disk, or the first one
  readonly source: Exclude<StateSource, 'store'>
  readonly tombstones: readonly Tombstone[] // that were remembered
  readonly first: () => RouteDocument // where neither disk nor store has one
}

export type RouteState = {
  shown(): RouteDocument
  source(): StateSource
  /** ms since the store answered; since the start where it never did. */
  ageMs(): number
  settled(): boolean
  /** Asks the store and brings both together. Rejects with a SluiceError when it does not answer. */
  sync(): Promise<void>
  /** Whether a sync waits or runs. */
  busy(): boolean
  write(operation: Operation, author: Author): Promise<WriteResult>
  audit(draft: DatedDraft): Promise<AuditEntry>
}

/** What is to be written; the entry is of `at`, or of now. */
type Change = {
  readonly document: RouteDocument
  readonly draft: AuditDraft | null
  readonly at?: string
}

const SETTLE_MS = 2_000 // how long a rollback's answer waits for the store
const PATIENCE_MS = 1_000 // how long any other change waits for its turn
const ATTEMPTS = 50
const NO_REF = { ref: false }

export function createRouteState(start: RouteStart, context: RouteContext): RouteState {
  const { means, clock, log } = context
  const writer = createWriter(context)
  const born = clock.now()
  let confirmed: RouteDocument | null = start.source === 'disk' ? start.document : null
  let source: StateSource = start.source
  let tombstones: readonly Tombstone[] = [
    ...withoutBoundTwins(start.tombstones),
    ...tombstonesOf(start.document)
  ]
  let shown = withTombstones(start.document, tombstones, means)
  let confirmedDigest = digestOf(canonicalJson(start.document))
  let answeredAt = -1
  let unreadable = '' // why the store's document is not used; told once
  const queue = createSerialQueue(clock.now)
  const asked = new Set<string>() // ids of rollbacks that were asked for and are in no document yet

  /** Asks the store; its document, null where it has none, undefined where it has one that cannot be used. */
  async function look(): Promise<RouteDocument | null | undefined> {
    const known = confirmed === null ? '' : confirmedDigest
    const state = await writer.look(known)
    answeredAt = clock.now()
    context.onState(state)
    const before = unreadable
    unreadable = ''
    if (state.digest === '') return null
    if (state.digest === known) return confirmed
    const decoded = decodeRemote(state, shown.route)
    if (decoded.ok) return decoded.document
    if (before !== decoded.reason) {
      const facts = { route: shown.route, reason: decoded.reason }
      log.error(facts, "the store's document cannot be used; the last good one is kept")
      context.count(new Error(`Protocol error: ${decoded.reason}`))
    }
    unreadable = decoded.reason
    if (decoded.newer) throw fail('SLC_STORE_UNREACHABLE', [decoded.reason], { reason: 'schema' })
    return undefined
  }

  /** Both sides have the same, and every rollback, when this resolves. */
  async function meet(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const theirs = await look()
      const change = theirs ? (giveBack(theirs) ?? (await rollBackIn(theirs))) : giveOurs(theirs)
      if (change === null) return
      await put(change)
    }
    throw fail('SLC_STORE_UNREACHABLE', ['its state changes faster than it can be read'])
  }

  /** The store has nothing, or nothing that can be used; that is overwritten only by what was the state. */
  function giveOurs(theirs: null | undefined): Change {
    if (confirmed === null) {
      if (theirs === undefined)
        throw fail('SLC_STORE_UNREACHABLE', [unreadable], { reason: 'document' })
      return { document: start.first(), draft: null }
    }
    const why = theirs === null ? 'had lost it' : 'had one that cannot be used'
    return { document: confirmed, draft: reassertion(confirmed, null, why) }
  }

  /** What the store is to have instead of its document; else this replica takes that. */
  function giveBack(theirs: RouteDocument): Change | null {
    const joined = confirmed === null ? null : join(confirmed, theirs, means)
    if (confirmed !== null && joined?.holds === 'ours') {
      return { document: confirmed, draft: reassertion(confirmed, theirs, 'had an older one') }
    }
    if (joined?.holds === 'neither') {
      const draft = reassertion(joined.document, theirs, 'had one of another history')
      return { document: joined.document, draft }
    }
    if (joined?.holds !== 'same' || source !== 'store') adopt(theirs)
    return null
  }

  /** The next rollback that the store's document lacks. */
  async function rollBackIn(theirs: RouteDocument): Promise<Change | null> {
    await bindAll(theirs)
    const missing = firstMissing(theirs, tombstones, means)
    if (missing === null) return null
    const { operation, author } = missing
    const { document } = applyOperation(theirs, operation, author, means)
    return { document, draft: draftOf(theirs, document, operation, author), at: author.at }
  }

  function reassertion(ours: RouteDocument, theirs: RouteDocument | null, why: string): AuditDraft {
    return {
      type: 'config',
      route: ours.route,
      variant: null,
      by: 'replica',
      reason: `put back what replicas work with: the store ${why}`,
      requestId: `reassert-${revisionOf(ours)}`,
      before: theirs === null ? null : summaryOf(theirs),
      after: summaryOf(ours),
      evidence: null,
      revision: revisionOf(ours)
    }
  }

  /** Takes what the store has. A rollback that was in force stays so, whatever the document says. */
  function adopt(document: RouteDocument): void {
    const now = clock.wall().getTime()
    const carried = tombstonesOf(shown).filter(each => !isKnown(each, tombstones))
    const fresh = tombstonesOf(document).filter(each => !isKnown(each, [...tombstones, ...carried]))
    tombstones = [...tombstones, ...carried, ...fresh].filter(each => !isSpent(each, document, now))
    for (const each of [...carried, ...fresh]) void context.remember(each)
    const news = confirmed === null || canonicalJson(confirmed) !== canonicalJson(document)
    confirmed = document
    confirmedDigest = digestOf(canonicalJson(document))
    source = 'store'
    if (news) context.keep(document)
    for (const { rollback } of Object.values(document.challengers)) {
      for (const id of asked) if (rollback !== null && isOf(rollback.id, id)) asked.delete(id)
    }
    show(withTombstones(document, tombstones, means))
  }

  /** Rollbacks of what was not known here are meant in the runs that there are. */
  async function bindAll(document: RouteDocument): Promise<void> {
    const unbound = tombstones.filter(each => !isBound(each))
    if (unbound.length === 0) return
    const bound = unbound.map(each => bind(each, document, means))
    tombstones = [...tombstones.filter(isBound), ...bound]
    await Promise.all(bound.map(context.remember)) // before it is made: it must not meet a later run
  }

  function show(document: RouteDocument): void {
    if (canonicalJson(document) === canonicalJson(shown)) return
    shown = document
    context.onDocument(document)
  }

  /** Writes on the base of the last look; null when the store has moved on. */
  async function put(change: Change): Promise<AuditEntry | 'no entry' | null> {
    const { document, draft, at } = change
    const hint = `${document.route} ${revisionOf(document)}`
    const done = await writer.put({ text: canonicalJson(document), draft, at, hint })
    if (done === null) return null
    adopt(document)
    return done.entry ?? 'no entry'
  }

  async function change(operation: Operation, author: Author): Promise<WriteResult> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await meet()
      if (confirmed === null) throw fail('SLC_INTERNAL', ['met and knows nothing'])
      const before = confirmed
      const applied = applyOperation(before, operation, author, means)
      if (applied.status === 'refused') return applied
      if (applied.status === 'same') return { ...applied, scope: 'fleet' }
      const { document } = applied
      const draft = draftOf(before, document, operation, author)
      const audit = await put({ document, draft, at: author.at })
      if (audit !== null && audit !== 'no entry') {
        return { status: 'changed', document, scope: 'fleet', audit }
      }
    }
    throw fail('SLC_STORE_UNREACHABLE', ['its state changes faster than it can be written'])
  }

  async function rollBack(operation: Tombstone['operation'], author: Author): Promise<WriteResult> {
    const applied = applyOperation(shown, operation, author, means)
    if (applied.status === 'refused') return applied
    const before = shown
    let remembered: Promise<void> = Promise.resolve()
    if (applied.status === 'changed') {
      const tombstone =
        confirmed === null
          ? unboundTombstone(operation, author)
          : tombstoneOf(confirmed, operation, author)
      tombstones = [...tombstones, tombstone]
      show(withTombstones(confirmed ?? start.document, tombstones, means))
      remembered = context.remember(tombstone)
    }
    // What a person asks for is meant of whatever the store has now; a trigger speaks of the run that it saw.
    // Where it was made meanwhile the store has what was meant, and a later run is another matter.
    const meansAll = operation.trigger === 'operator' && operation.runs === undefined
    if (meansAll) asked.add(operation.id)
    const stored = queue.run(async () => {
      await meet()
      return asked.delete(operation.id) ? change(operation, author) : null
    }, SETTLE_MS)
    const result = await Promise.race([stored.catch(() => null), delay(SETTLE_MS, null, NO_REF)])
    asked.delete(operation.id)
    if (result?.status === 'changed') return result
    const scope = confirmed !== null && source === 'store' && isStored() ? 'fleet' : 'local'
    if (applied.status === 'same') return { status: 'same', document: shown, scope }
    const draft = draftOf(before, applied.document, operation, author)
    const entry = writer.entryOfRequest(author.requestId)
    const kept = entry === null ? context.keepEntry({ ...draft, at: author.at }) : null
    await Promise.race([Promise.all([remembered, kept]), delay(SETTLE_MS, null, NO_REF)])
    const audit = entry ?? writer.draftEntry(draft, author.at)
    return { status: 'changed', document: shown, scope, audit }

    function isStored(): boolean {
      const now = confirmed ?? start.document
      return firstMissing(now, tombstones, means) === null
    }
  }

  return {
    shown: () => shown,
    source: () => source,
    ageMs: () => clock.now() - (answeredAt === -1 ? born : answeredAt),
    settled: () => firstMissing(confirmed ?? start.document, tombstones, means) === null,
    busy: queue.busy,
    sync: () => queue.share(() => known(meet)),
    write(operation, author) {
      if (operation.kind === 'rollback') return rollBack(operation, author)
      return queue.run(() => known(() => change(operation, author)), PATIENCE_MS)
    },
    audit: draft => queue.run(() => known(() => appendEntry(writer, draft)), PATIENCE_MS)
  }

  /** Faults of the connection become the API's error, and are counted. */
  async function known<Result>(task: () => Promise<Result>): Promise<Result> {
    try {
      return await task()
    } catch (error) {
      if (error instanceof SluiceError) throw error
      context.count(error)
      throw unreachable(faultOf(error)) // of a look: what was sent says so itself
    }
  }
}

/** Whether a document's rollback is the one of that id; of several challengers each has its name behind it. */
function isOf(rollback: string, id: string): boolean {
  return rollback === id || rollback.startsWith(`${id}.`)
}
