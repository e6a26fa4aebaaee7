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
  /** The newest entries of a route's log. */
  readonly recent: (route: string | null) => Promise<readonly AuditEntry[]>
  readonly append: (draft: DatedDraft) => Promise<unknown>
}

export type Unsent = {
  /** Resolves when the entry is durable. Throws the system's error, and then it is not kept. */
  add(draft: DatedDraft): Promise<void>
  /** Sends all in order and forgets each that the log has. Rejects with what the log rejects with. */
  send(log: AuditLog): Promise<void>
}

export function createUnsent(journal: Journal, kept: readonly DatedDraft[]): Unsent {
  let drafts = kept
  let sending: Promise<void> | null = null

  async function sendAll({ recent, append }: AuditLog): Promise<void> {
    const known = new Map<string | null, ReadonlySet<string>>()
    for (let next = drafts[0]; next !== undefined; next = drafts[0]) {
      const { route } = next
      const there = known.get(route) ?? new Set((await recent(route)).map(identityOf))
      known.set(route, there)
      if (!there.has(identityOf(next))) await append(next)
      drafts = drafts.slice(1)
    }
    await journal.rewrite(drafts)
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

/** What a draft and the entry that is made of it have in common. */
function identityOf({ requestId, at, type, route, variant, reason, after }: DatedDraft): string {
  return canonicalJson([requestId, at, type, route, variant, reason, after])
}
