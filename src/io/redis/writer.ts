/**
 * Changes of one route in Redis, each with its audit entry, on the base of what was read last.
 *
 * A write is sent once. Where its answer is lost the store is asked whether it has our entry, for as long as a
 * connection takes to come back; when it has not, or does not say, the change is unknown, since it may still
 * come: it is not made again, and what the store has is what holds.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { AuditDraft, AuditEntry, Clock } from '../../ports.ts'
import { chainEntry } from '../audit-entry.ts'
import { faultOf, unknownState } from './fault.ts'
import { digestOf, type Head, idOf, type RemoteRoute, type RemoteState } from './remote-route.ts'

export type WriterOptions = {
  readonly remote: RemoteRoute
  readonly clock: Clock
  readonly count: (error: unknown) => void
  readonly onAudit: (entry: AuditEntry, origin: 'own' | 'fleet') => void
}

/** The document's new text, null to leave it; the entry's draft, null for none; `at` is now without one. */
export type Writing = {
  readonly text: string | null
  readonly draft: AuditDraft | null
  readonly at?: string | undefined
  readonly hint: string // `<route> <revision>`, '' where nobody has to look
}

export type Writer = {
  /** Reads, and tells the audit entries that came since the last time. Rejects with the client's error. */
  look(knownDigest: string): Promise<RemoteState>
  /** True when it was written, false when the store has moved on. Throws SLC_STORE_UNKNOWN or SLC_STORE_UNREACHABLE. */
  put(writing: Writing): Promise<{ readonly entry: AuditEntry | null } | null>
  /** Whether the entry is one that was written here, and is the newest of its request. */
  entryOfRequest(requestId: string): AuditEntry | null
  /** An entry as it would be next; for what is not in the log yet. */
  draftEntry(draft: AuditDraft, at?: string): AuditEntry
}

const ENTRIES_AT_ONCE = 1_000
const RESOLVE_MS = 1_000
const RESOLVE_EVERY_MS = 50
const KEEP_OWN = 200 // entries of ours, to know them again

export function createWriter(options: WriterOptions): Writer {
  const { remote, clock } = options
  let base: { readonly digest: string; readonly head: Head } = { digest: '', head: null }
  let storeMicros = 0 // the store's time of that reading
  let told = -1 // sequence of the last entry that listeners know
  const tried = new Set<string>() // digests of entries that this replica wrote or tried to
  const written = new Map<string, AuditEntry>() // by digest

  /** Entries of others, in order; what was there at the first look is history. */
  async function tellNew(head: Head): Promise<void> {
    const newest = head?.sequence ?? 0
    // A log that was lost, or is another server's, begins anew at a time that may be earlier.
    if (told === -1 || newest < told) told = newest
    if (newest <= told) return
    for (const entry of await remote.entriesAfter(told, ENTRIES_AT_ONCE)) {
      told = Math.max(told, entry.sequence)
      if (written.has(entry.sha256)) continue
      options.onAudit(entry, tried.delete(entry.sha256) ? 'own' : 'fleet')
    }
  }

  /** Sequences are the store's time in microseconds, and rise strictly along a route. */
  function draftEntry(draft: AuditDraft, at = clock.wall().toISOString()): AuditEntry {
    const { head } = base
    return chainEntry({ ...draft, at }, head, Math.max(storeMicros, (head?.sequence ?? 0) + 1))
  }

  /** Whether the store has what was sent, although it did not say so. */
  async function arrived(text: string | null, entry: AuditEntry | null): Promise<boolean> {
    if (entry === null) return text !== null && (await remote.read('')).digest === digestOf(text)
    const [found] = await remote.entriesAfter(entry.sequence - 1, 1)
    return found?.sha256 === entry.sha256
  }

  /** The same, asked until the store answers or for RESOLVE_MS; false where it cannot be said. */
  async function hasArrived(text: string | null, entry: AuditEntry | null): Promise<boolean> {
    const deadline = clock.now() + RESOLVE_MS
    for (;;) {
      try {
        return await arrived(text, entry)
      } catch {
        if (clock.now() >= deadline) return false
        await delay(RESOLVE_EVERY_MS)
      }
    }
  }

  async function send({ text, hint }: Writing, entry: AuditEntry | null): Promise<boolean> {
    try {
      return (await remote.write(base, text, entry, hint)) || (await arrived(text, entry))
    } catch (error) {
      options.count(error)
      const fault = faultOf(error)
      if (fault.ambiguous && (await hasArrived(text, entry))) return true
      throw unknownState(fault)
    }
  }

  function remember(entry: AuditEntry): void {
    told = Math.max(told, entry.sequence)
    written.set(entry.sha256, entry)
    for (const old of [...written.keys()].slice(0, -KEEP_OWN)) written.delete(old)
    options.onAudit(entry, 'own')
  }

  return {
    async look(knownDigest) {
      const state = await remote.read(knownDigest)
      base = { digest: state.digest, head: state.head }
      storeMicros = state.nowMicros
      await tellNew(state.head)
      return state
    },
    async put(writing) {
      const { text, draft, at } = writing
      const entry = draft === null ? null : draftEntry(draft, at)
      if (entry !== null) tried.add(entry.sha256)
      for (const old of [...tried].slice(0, -KEEP_OWN)) tried.delete(old)
      if (!(await send(writing, entry))) return null
      base = {
        digest: text === null ? base.digest : digestOf(text),
        head: entry === null ? base.head : headOf(entry)
      }
      if (entry !== null) remember(entry)
      return { entry }
    },
    entryOfRequest: requestId =>
      [...written.values()].findLast(entry => entry.requestId === requestId) ?? null,
    draftEntry
  }
}

function headOf({ sequence, sha256 }: AuditEntry): Head {
  return { id: idOf(sequence), sequence, sha256 }
}
