/**
 * The Host field and the authority of an absolute-form target: `uri-host [":" port]` (RFC 9112 section 3.2).
 *
 * Stricter than the grammar on purpose: letters, digits, `-`, `.`, `_`, `~` or a bracketed IPv6 address, because
 * every other character has been read differently by two servers in a row. The port is checked and ignored.
 */

/** The host in lower case without port, or null where the value is no valid authority. */
export function hostOf(authority: string): string | null {
  if (authority === lastAuthority) return lastHost
  const host = parse(authority)
  if (host !== null) {
    lastAuthority = authority
    lastHost = host
  }
  return host
}

/** The answer for the last authority: nearly all requests of a listener name one. */
let lastAuthority = ''
let lastHost = ''

const MAX_HOST = 255

function parse(authority: string): string | null {
  const end = authority.charCodeAt(0) === OPEN ? endOfAddress(authority) : endOfName(authority)
  if (end <= 0 || end > MAX_HOST || !isPort(authority, end)) return null
  return authority.slice(0, end).toLowerCase()
}

function endOfName(text: string): number {
  let at = 0
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === COLON) break
    if (!isNameCharacter(c)) return -1
  }
  return at
}

/** After the `]` of an IPv6 address. Whether the address exists is the matcher's question, not ours. */
function endOfAddress(text: string): number {
  let colons = 0
  for (let at = 1; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === CLOSE) return colons >= 2 ? at + 1 : -1
    if (c === COLON) colons++
    else if (!isHex(c) && c !== DOT) return -1
  }
  return -1
}

/** Nothing, or a colon and a port of at most five digits up to 65535. */
function isPort(text: string, from: number): boolean {
  if (from === text.length) return true
  if (text.charCodeAt(from) !== COLON || text.length - from > 6) return false
  let port = 0
  for (let at = from + 1; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
  }
  return port <= 65535
}

function isNameCharacter(c: number): boolean {
  return (
    (c >= 97 && c <= 122) ||
    (c >= 48 && c <= 57) ||
    c === DOT ||
    c === 45 ||
    (c >= 65 && c <= 90) ||
    c === 95 ||
    c === 126
  )
}

function isHex(c: number): boolean {
  const lower = c | 32
  return (c >= 48 && c <= 57) || (lower >= 97 && lower <= 102)
}

const OPEN = 91
const CLOSE = 93
const COLON = 58
const DOT = 46
