/**
 * Who calls: bearer tokens and roles.
 *
 * A token counts only as the one `Authorization: Bearer` field of a request, never in a query or a cookie. It is
 * compared by its SHA-256 digest with `timingSafeEqual`, against every configured digest, so that neither the
 * place of a difference nor the place in the list shows in the time. Clear text never leaves this file.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { ROLES, type Role } from '../config/config.ts'

export type Token = { readonly id: string; readonly role: Role; readonly sha256: string }
export type Caller = { readonly id: string; readonly role: Role }

/** What the Authorization fields of a request say: nobody tried, a wrong token, or a caller. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'right'; readonly caller: Caller }

/** Looks callers up. `fields` are all values of Authorization, one per field, as received (latin1). */
export function authenticator(
  tokens: readonly Token[]
): (fields: readonly string[]) => Credentials {
  const known = tokens.map(({ id, role, sha256 }) => ({
    caller: { id, role },
    digest: Buffer.from(sha256, 'hex')
  }))
  return fields => {
    if (fields.length === 0) return { kind: 'none' }
    const token = fields.length === 1 ? bearer(fields[0] ?? '') : ''
    const given = createHash('sha256').update(token, 'latin1').digest()
    let caller: Caller | null = null
    for (const one of known) {
      const same = one.digest.length === given.length && timingSafeEqual(one.digest, given)
      if (same) caller ??= one.caller
    }
    if (caller === null || token === '') return { kind: 'wrong' }
    return { kind: 'right', caller }
  }
}

/** Whether a role may do what `needed` may: viewer < breaker < operator < admin. */
export function mayDo(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/** The token of one field, or '' when it is not a bearer token. The scheme is case-insensitive (RFC 9110 11.1). */
function bearer(field: string): string {
  return /^bearer +([^\s,]+) *$/i.exec(field)?.[1] ?? ''
}
