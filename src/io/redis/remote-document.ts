/**
 * The store's text as a document, or why it cannot be used: hostile or broken content is never applied, and one
 * of a later version of Sluice is never overwritten.
 */
import type { RouteDocument } from '../../domain/document.ts'
import { checkDocument } from '../document-schema.ts'
import type { RemoteState } from './remote-route.ts'

export type Decoded =
  | { readonly ok: true; readonly document: RouteDocument }
  | { readonly ok: false; readonly reason: string; readonly newer: boolean }

export function decodeRemote({ digest, text }: RemoteState, route: string): Decoded {
  if (text === null) {
    const size = digest.replace('size:', '')
    return { ok: false, reason: `it has ${size} bytes, more than a document can`, newer: false }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, reason: 'it is no JSON', newer: false }
  }
  const schema = typeof value === 'object' && value !== null && 'schema' in value && value.schema
  if (typeof schema === 'number' && Number.isInteger(schema) && schema > 1) {
    const reason = `it is of schema ${schema}, of a later version; upgrade this replica`
    return { ok: false, reason, newer: true }
  }
  const checked = checkDocument(value, route)
  return checked.ok ? checked : { ok: false, reason: checked.reason, newer: false }
}
