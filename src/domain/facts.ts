/**
 * Facts of a request as a lane gives them, and the three ways to read one value out of them.
 *
 * All text is latin1: one character is one byte as received, so nothing is decoded, folded or lost on the way
 * to the hash. Reading never throws and uses no regular expression; what occurs twice is told apart from what
 * occurs once, because two readers of such a request would disagree about it.
 */
import { hexDigit } from './hex-digit.ts'

export type RequestFacts = {
  readonly method: string
  readonly path: string // raw, without the query
  readonly query: string // raw, without '?'
  readonly host: string // lower case, no port; '' for none
  readonly rawHeaders: readonly string[] // name, value, name, value as received
  readonly peer: string // address of the connection
  readonly secure: boolean // TLS on our listener
}

/** One value of a request: how often it occurs, and the first occurrence. */
export type Occurrence = { readonly count: number; readonly value: string }

const NONE: Occurrence = { count: 0, value: '' }

/** A header field by its lower-case name; the value without surrounding white space. */
export function headerOf(rawHeaders: readonly string[], name: string): Occurrence {
  let count = 0
  let value = ''
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (!sameName(rawHeaders[i] ?? '', name)) continue
    if (count++ === 0) value = trimmed(rawHeaders[i + 1] ?? '')
  }
  return count === 0 ? NONE : { count, value }
}

/** All values of a field joined by ", " (RFC 9110 section 5.3), or null where there is none. */
export function combinedHeader(rawHeaders: readonly string[], name: string): string | null {
  let value: string | null = null
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (!sameName(rawHeaders[i] ?? '', name)) continue
    const next = trimmed(rawHeaders[i + 1] ?? '')
    value = value === null ? next : `${value}, ${next}`
  }
  return value
}

/** A cookie by name, over all Cookie fields. The value is not unquoted: its bytes are the unit. */
export function cookieOf(rawHeaders: readonly string[], name: string): Occurrence {
  let count = 0
  let value = ''
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (!sameName(rawHeaders[i] ?? '', 'cookie')) continue
    const field = rawHeaders[i + 1] ?? ''
    for (let start = 0; start <= field.length; ) {
      const semicolon = field.indexOf(';', start)
      const end = semicolon === -1 ? field.length : semicolon
      const from = skipSpace(field, start, end)
      const equals = from + name.length
      if (equals < end && field.charCodeAt(equals) === EQUALS && field.startsWith(name, from)) {
        if (count++ === 0) value = trimmed(field.slice(equals + 1, end))
      }
      start = end + 1
    }
  }
  return count === 0 ? NONE : { count, value }
}

/** A query parameter by name; name and value percent-decoded to bytes, `+` and bad escapes left as they are. */
export function queryOf(query: string, name: string): Occurrence {
  let count = 0
  let value = ''
  for (let start = 0; start < query.length; ) {
    const ampersand = query.indexOf('&', start)
    const end = ampersand === -1 ? query.length : ampersand
    const found = query.indexOf('=', start)
    const equals = found === -1 || found > end ? end : found
    if (percentDecoded(query.slice(start, equals)) === name) {
      if (count++ === 0) value = equals < end ? percentDecoded(query.slice(equals + 1, end)) : ''
    }
    start = end + 1
  }
  return count === 0 ? NONE : { count, value }
}

/** Bytes of percent-encoded text as latin1; an escape that is none stays as it is written. */
export function percentDecoded(text: string): string {
  let at = text.indexOf('%')
  if (at === -1) return text
  let out = ''
  let start = 0
  while (at !== -1) {
    const high = hexDigit(text.charCodeAt(at + 1))
    const low = hexDigit(text.charCodeAt(at + 2))
    if (high >= 0 && low >= 0) {
      out += text.slice(start, at) + String.fromCharCode(high * 16 + low)
      start = at + 3
      at = text.indexOf('%', start)
    } else at = text.indexOf('%', at + 1)
  }
  return out + text.slice(start)
}

/** The UTF-8 bytes of ordinary text as latin1: how configured values are compared with received ones. */
export function latin1Of(text: string): string {
  let out = ''
  for (const byte of new TextEncoder().encode(text)) out += String.fromCharCode(byte)
  return out
}

/** Whether a received field name is `lower`, which is in lower case already. */
export function sameName(received: string, lower: string): boolean {
  if (received.length !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const c = received.charCodeAt(i)
    if ((c >= 65 && c <= 90 ? c + 32 : c) !== lower.charCodeAt(i)) return false
  }
  return true
}

const EQUALS = 61

/** Without optional white space (space and tab) at both ends. */
function trimmed(value: string): string {
  const start = skipSpace(value, 0, value.length)
  let end = value.length
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--
  return start === 0 && end === value.length ? value : value.slice(start, end)
}

function skipSpace(text: string, from: number, end: number): number {
  let at = from
  while (at < end && isSpace(text.charCodeAt(at))) at++
  return at
}

function isSpace(c: number): boolean {
  return c === 32 || c === 9
}
