/**
 * One claim of a bearer token, read and not verified (RFC 7519): for routes behind something that verifies.
 *
 * Whatever is not a token with a JSON object in its middle has no claim. A number is taken by its text, so that
 * ids above 2^53 keep their digits; of claims that occur twice the last counts (RFC 7519 section 4), as it does
 * for what verifies. Bounded by the size of a field.
 */
import { topLevelMember } from './json-member.ts'

/** Bytes of the claim as latin1, or null: no bearer token, no such claim, neither string nor number. */
export type JwtClaim = string | null

const MAX_TOKEN = 16_384

export function jwtClaim(authorization: string, claim: string): JwtClaim {
  if (authorization.length > MAX_TOKEN) return null
  const token = bearerToken(authorization)
  if (token === null) return null
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first <= 0 || second <= first + 1) return null
  const json = base64UrlDecoded(token.slice(first + 1, second))
  return json === null ? null : topLevelMember(json, claim)
}

/** The token of `Bearer <token>`; the scheme's name is case-insensitive (RFC 9110 section 11.1). */
function bearerToken(authorization: string): string | null {
  if (authorization.length < 8 || authorization.charCodeAt(6) !== 32) return null
  if (authorization.slice(0, 6).toLowerCase() !== 'bearer') return null
  return authorization.slice(7).trim()
}

/** Bytes as latin1, or null where the text is not base64url (padding is allowed at the end). */
function base64UrlDecoded(text: string): string | null {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) === 61) end--
  if (end % 4 === 1) return null
  let out = ''
  let bits = 0
  let held = 0
  for (let i = 0; i < end; i++) {
    const value = sextet(text.charCodeAt(i))
    if (value < 0) return null
    held = ((held << 6) | value) & 0xfff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    out += String.fromCharCode((held >>> bits) & 0xff)
  }
  return out
}

function sextet(c: number): number {
  if (c >= 65 && c <= 90) return c - 65
  if (c >= 97 && c <= 122) return c - 71
  if (c >= 48 && c <= 57) return c + 4
  if (c === 45) return 62
  return c === 95 ? 63 : -1
}
