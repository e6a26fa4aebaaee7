/**
 * The request target: its form, and whether its path means one thing to every server behind us.
 *
 * The raw bytes are what is matched and forwarded; decoding here only looks for what another server could see
 * after decoding: dot segments, NUL and controls, overlong UTF-8. Such a request is refused, never normalised
 * (RFC 3986 sections 2 and 3.3, RFC 9112 section 3.2).
 */
import { hostOf } from './host.ts'

export type Target = {
  readonly path: string // raw, begins with '/'
  readonly query: string // raw, without '?'
  readonly origin: string // path and query as they are forwarded
  readonly host: string | null // of an absolute-form target, lower case without port
  readonly authority: string | null // of an absolute-form target, as received
}

/** Takes a target apart; a string is the reason why it is refused. `*` is not handled here. */
export function targetOf(raw: string): Target | string {
  if (raw.charCodeAt(0) === SLASH) return originForm(raw, null, null)
  const scheme = schemeLength(raw)
  if (scheme === 0) return 'the target is neither a path nor an http or https address'
  let end = scheme
  while (end < raw.length && raw.charCodeAt(end) !== SLASH && raw.charCodeAt(end) !== QUESTION)
    end++
  const authority = raw.slice(scheme, end)
  if (authority.includes('@')) return 'the target carries user information'
  const host = hostOf(authority)
  if (host === null) return 'the host of the target is not valid'
  const rest = raw.slice(end)
  return originForm(rest.charCodeAt(0) === SLASH ? rest : `/${rest}`, host, authority)
}

function originForm(raw: string, host: string | null, authority: string | null): Target | string {
  let question = -1
  let suspicious = false // a % or a dot segment may be in the path
  for (let at = 0; at < raw.length; at++) {
    const c = raw.charCodeAt(at)
    if (c <= 0x20 || c >= 0x7f) return 'the target has a control character or a byte beyond ASCII'
    if (c === HASH) return 'the target has a fragment'
    if (question !== -1) continue
    if (c === QUESTION) question = at
    else if (c === BACKSLASH) return 'the path has a backslash'
    else if (c === PERCENT || (c === DOT && raw.charCodeAt(at - 1) === SLASH)) suspicious = true
  }
  const path = question === -1 ? raw : raw.slice(0, question)
  if (suspicious) {
    const reason = pathFault(path)
    if (reason !== null) return reason
  }
  const query = question === -1 ? '' : raw.slice(question + 1)
  return { path, query, origin: raw, host, authority }
}

const MAX_DECODINGS = 4

/** Decodes again and again, as chains of servers do, and looks at every stage. */
function pathFault(path: string): string | null {
  if (!hasValidEscapes(path)) return 'the path has a malformed percent-encoding'
  let text = path
  for (let round = 0; ; round++) {
    if (hasDotSegment(text)) return 'the path has a dot segment'
    if (!text.includes('%') || round === MAX_DECODINGS) return null
    const decoded = decodeOnce(text)
    if (decoded === text) return null
    if (hasControl(decoded)) return 'the path encodes a control character'
    if (hasOverlong(decoded)) return 'the path has overlong UTF-8'
    text = decoded
  }
}

function hasValidEscapes(path: string): boolean {
  for (let at = path.indexOf('%'); at !== -1; at = path.indexOf('%', at + 1)) {
    if (hex(path.charCodeAt(at + 1)) < 0 || hex(path.charCodeAt(at + 2)) < 0) return false
  }
  return true
}

/** A segment `.` or `..`, also before a path parameter; `\` separates like `/`. */
function hasDotSegment(text: string): boolean {
  for (let start = 0; start <= text.length; ) {
    const end = segmentEnd(text, start)
    if (text.charCodeAt(start) === DOT) {
      const semicolon = text.indexOf(';', start)
      const length = (semicolon === -1 || semicolon > end ? end : semicolon) - start
      if (length === 1 || (length === 2 && text.charCodeAt(start + 1) === DOT)) return true
    }
    start = end + 1
  }
  return false
}

function segmentEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) !== SLASH && text.charCodeAt(at) !== BACKSLASH)
    at++
  return at
}

/** Percent-decodes to bytes, one character each; what is no escape stays. */
function decodeOnce(text: string): string {
  let out = ''
  let start = 0
  for (let at = text.indexOf('%'); at !== -1; at = text.indexOf('%', at + 1)) {
    const high = hex(text.charCodeAt(at + 1))
    const low = hex(text.charCodeAt(at + 2))
    if (high < 0 || low < 0) continue
    out += text.slice(start, at) + String.fromCharCode(high * 16 + low)
    start = at + 3
    at += 2
  }
  return out + text.slice(start)
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c < 0x20 || c === 0x7f) return true
  }
  return false
}

/** A lead byte that can only begin an encoding longer than needed (RFC 3629 section 3). */
function hasOverlong(bytes: string): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes.charCodeAt(at)
    if (lead < 0xc0) continue
    const next = bytes.charCodeAt(at + 1)
    if (next < 0x80 || next > 0xbf || Number.isNaN(next)) continue
    if (lead === 0xc0 || lead === 0xc1) return true
    if (lead === 0xe0 && next < 0xa0) return true
    if (lead === 0xf0 && next < 0x90) return true
    if (lead === 0xf8 && next < 0x88) return true
    if (lead === 0xfc && next < 0x84) return true
  }
  return false
}

/** Length of `http://` or `https://` at the beginning, in any case; 0 for neither. */
function schemeLength(raw: string): number {
  const begin = raw.slice(0, 8).toLowerCase()
  if (begin.startsWith('http://')) return 7
  return begin === 'https://' ? 8 : 0
}

function hex(c: number): number {
  if (c >= 48 && c <= 57) return c - 48
  const lower = c | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

const SLASH = 47
const BACKSLASH = 92
const QUESTION = 63
const HASH = 35
const PERCENT = 37
const DOT = 46
