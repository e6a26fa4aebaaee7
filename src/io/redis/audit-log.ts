/**
 * The audit stream of a route, or of what is about no route: one entry more, and questions about it.
 */
import { fail } from '../../errors.ts'
import type { AuditDraft, AuditEntry } from '../../ports.ts'
import { NEWEST, type RemoteRoute } from './remote-route.ts'
import type { Writer } from './writer.ts'

export type DatedDraft = AuditDraft & { readonly at: string }

const ATTEMPTS = 50
const PAGE = 500

/** Appends an entry that changes no document. Throws the client's error or SLC_STORE_UNREACHABLE. */
export async function appendEntry(writer: Writer, dated: DatedDraft): Promise<AuditEntry> {
  const { at, ...draft } = dated
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await writer.look('')
    const done = await writer.put({ text: null, draft, at, hint: '' })
    if (done?.entry) return done.entry
  }
  throw fail('SLC_STORE_UNREACHABLE', ['its log changes faster than it can be written'])
}

/** The newest entries first. `since` is asked of all, because the clocks of authors differ. */
export async function newestEntries(
  remote: RemoteRoute,
  since: string | undefined,
  limit: number
): Promise<readonly AuditEntry[]> {
  const found: AuditEntry[] = []
  for (let before = NEWEST; found.length < limit; ) {
    const page = await remote.entriesBefore(before, PAGE)
    found.push(...page.filter(({ at }) => since === undefined || at >= since))
    before = page.at(-1)?.sequence ?? 0
    if (page.length < PAGE) break
  }
  return found.slice(0, limit)
}
