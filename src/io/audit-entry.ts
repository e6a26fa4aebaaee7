/**
 * One line of the audit log: its place in the chain, its digest and its text.
 *
 * `sha256` is the digest of the canonical JSON of the entry without it, and `previous` is the one of the entry
 * before, so that a line that was changed, removed or put in later shows.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../domain/canonical-json.ts'
import type { AuditEntry } from '../ports.ts'

export type AuditFields = Omit<AuditEntry, 'sequence' | 'previous' | 'sha256'>

/** The entry that follows `last` (null: the first of all), as it will be read back. */
export function chainEntry(
  fields: AuditFields,
  last: Pick<AuditEntry, 'sequence' | 'sha256'> | null,
  sequence = (last?.sequence ?? 0) + 1
): AuditEntry {
  const bare = { ...fields, sequence, previous: last?.sha256 ?? '' }
  const plain = JSON.parse(canonicalJson(bare)) as typeof bare // the same fields, of plain JSON
  return { ...plain, sha256: digestOf(plain) }
}

/** Whether the digest of an entry is its own. */
export function isIntact(entry: AuditEntry): boolean {
  const { sha256, ...rest } = entry
  return sha256 === digestOf(rest)
}

/** The entry that a line is; null when it is none or was changed. */
export function entryOf(text: string): AuditEntry | null {
  try {
    const entry = JSON.parse(text) as AuditEntry // written by us, as the digest below says
    const numbered = typeof entry === 'object' && entry !== null && Number.isInteger(entry.sequence)
    return numbered && isIntact(entry) ? entry : null
  } catch {
    return null
  }
}

export function lineOf(entry: AuditEntry): Buffer {
  return Buffer.from(`${canonicalJson(entry)}\n`)
}

function digestOf(rest: AuditFields & { readonly sequence: number }): string {
  return createHash('sha256').update(canonicalJson(rest)).digest('hex')
}
