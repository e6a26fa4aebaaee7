/**
 * `If-Match` of a change: exactly one strong ETag `"<epoch>-<revision>"` (RFC 9110 section 13.1.1).
 *
 * Weak tags, `*` and lists are refused, for each of them would let a change pass that its author has not seen.
 */
import { fail } from '../errors.ts'

/** The revision that a request names. Throws 428 when there is none, 400 when it is badly formed. */
export function revisionIn(fields: readonly string[]): string {
  if (fields.length === 0) throw fail('SLC_ADMIN_IF_MATCH')
  const [, revision] = /^"([1-9][0-9]{0,14}-[0-9]{1,15})"$/.exec(fields[0] ?? '') ?? []
  if (fields.length > 1 || revision === undefined) throw fail('SLC_ADMIN_IF_MATCH_INVALID')
  return revision
}

/** The ETag of a document. */
export function etagOf(document: { readonly epoch: number; readonly revision: number }): string {
  return `"${document.epoch}-${document.revision}"`
}
