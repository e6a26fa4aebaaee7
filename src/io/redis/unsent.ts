/**
 * Audit entries that the store did not take, kept on disk in the order in which they were made until it has
 * them (state.md). One may be there already: its answer was lost, or the process ended before it could forget
 * it. So what the log has is looked up before anything is sent, and an entry is never in it twice.
 */
import { canonicalJson } from '../../domain/canonical-json.ts'
import type { AuditEntry } from '../../ports.ts'
import type { Journal } from '../journal.ts'
import type { DatedDraft } from './audit-log.ts'

export type AuditLog = {
  /** False while a route's log may still get by another way what is kept for it. */
  readonly ready: (route: string | null) => boolean
  /** The newest entries of a route's log. */
  readonly recent: (route: string | null) => Promise<readonly AuditEntry[]>
  readonly append: (draft: DatedDraft) => Promise<unknown>
}

export type Unsent = {
  /** Resolves when the entry is durable. Throws the system's error, and then it is not kept. */
  add(draft: DatedDraft): Promise<void>
  /** Sends those of each route in order and forgets each that the log has. Rejects with the log's first error. */
  send(log: AuditLog): Promise<void>
}

export function createUnsent(journal: Journal, kept: readonly DatedDraft[]): Unsent {
  let drafts = kept
  let sending: Promise<void> | null = null

  async function sendAll({ ready, recent, append }: AuditLog): Promise<void> {
    const known = new Map<string | null, ReadonlySet<string>>()
    const before = drafts
    const later = new Set<string | null>() // routes whose entries have to wait
    let failure: unknown = null
    for (const draft of before) {
      const { route } = draft
      if (!ready(route)) later.add(route)
      if (later.has(route)) continue
      try {
        const there = known.get(route) ?? new Set((await recent(route)).map(identityOf))
        known.set(route, there)
        if (!there.has(identityOf(draft))) await append(draft)
        drafts = drafts.filter(each => each !== draft)
      } catch (error) {
        failure ??= error
        later.add(route)
      }
    }
    if (drafts.length < before.length) await journal.rewrite(drafts)
    if (failure !== null) throw failure
  }

  return {
    async add(draft) {
      drafts = [...drafts, draft] // before it is written, so that a rewrite has it
      try {
        await journal.append(draft)
      } catch (error) {
        drafts = drafts.filter(each => each !== draft)
        throw error
      }
    },
    send(log) {
      if (drafts.length === 0) return Promise.resolve()
      sending ??= sendAll(log).finally(() => {
        sending = null
      })
      return sending
    }
  }
}

/**
 * What a draft and the entry that is made of it have in common. A rollback is made in the document that the store
 * has by then, so that what comes of it may be another document than here.
 */
function identityOf(draft: DatedDraft): string {
  const { requestId, at, type, route, variant, reason, after } = draft
  const fixed = [requestId, at, type, route, variant, reason]
  return canonicalJson(type === 'rollback' ? fixed : [...fixed, after])
}
