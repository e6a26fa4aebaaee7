/**
 * One top-level member of a JSON object, found without building the object.
 *
 * Input and output are bytes as latin1. Strings lose their escapes (a lone surrogate keeps its own three bytes,
 * so different ids never become the same), numbers keep their text. Text that is not JSON has no member; of
 * members that occur twice the last counts. Depth is bounded, nothing throws.
 */
import { ESCAPES } from './json-escape.ts'

const MAX_DEPTH = 64

/** The member's bytes, or null: not an object, no such member, or neither a string nor a number. */
export function topLevelMember(json: string, name: string): string | null {
  const wanted = utf8AsLatin1(name)
  const cursor = { json, at: 0 }
  if (!take(cursor, '{')) return null
  let found: string | null = null
  if (!take(cursor, '}')) {
    do {
      const key = readString(cursor)
      if (key === null || !take(cursor, ':')) return null
      const value = readScalar(cursor)
      if (value === undefined) return null
      if (key === wanted) found = value
    } while (take(cursor, ','))
    if (!take(cursor, '}')) return null
  }
  skipSpace(cursor)
  return cursor.at === json.length ? found : null
}

type Cursor = { readonly json: string; at: number }

/** Reads a value: the bytes of a string or number, null for any other, undefined where it is not JSON. */
function readScalar(cursor: Cursor): string | null | undefined {
  skipSpace(cursor)
  const c = cursor.json.charCodeAt(cursor.at)
  if (c === QUOTE) return readString(cursor) ?? undefined
  if (c === MINUS || isDigit(c)) return readNumber(cursor) ?? undefined
  return skipValue(cursor, 0) ? null : undefined
}

function skipValue(cursor: Cursor, depth: number): boolean {
  if (depth > MAX_DEPTH) return false
  skipSpace(cursor)
  const c = cursor.json.charCodeAt(cursor.at)
  if (c === QUOTE) return readString(cursor) !== null
  if (c === MINUS || isDigit(c)) return readNumber(cursor) !== null
  if (c === BRACE) return skipMembers(cursor, depth, '}', true)
  if (c === BRACKET) return skipMembers(cursor, depth, ']', false)
  for (const word of ['true', 'false', 'null']) {
    if (!cursor.json.startsWith(word, cursor.at)) continue
    cursor.at += word.length
    return true
  }
  return false
}

function skipMembers(cursor: Cursor, depth: number, close: string, named: boolean): boolean {
  cursor.at++
  if (take(cursor, close)) return true
  do {
    if (named && (readString(cursor) === null || !take(cursor, ':'))) return false
    if (!skipValue(cursor, depth + 1)) return false
  } while (take(cursor, ','))
  return take(cursor, close)
}

function readString(cursor: Cursor): string | null {
  skipSpace(cursor)
  const { json } = cursor
  if (json.charCodeAt(cursor.at) !== QUOTE) return null
  let out = ''
  let start = cursor.at + 1
  for (let at = start; at < json.length; at++) {
    const c = json.charCodeAt(at)
    if (c < 32) return null
    if (c === QUOTE) {
      cursor.at = at + 1
      return out + json.slice(start, at)
    }
    if (c !== BACKSLASH) continue
    out += json.slice(start, at)
    const escaped = json[at + 1] ?? ''
    if (escaped === 'u') {
      let unit = hexOf(json, at + 2)
      if (unit < 0) return null
      at += 5
      const low = isHigh(unit) && json.startsWith('\\u', at + 1) ? hexOf(json, at + 3) : -1
      if (low >= 0xdc00 && low <= 0xdfff) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
        at += 6
      }
      out += utf8Bytes(unit)
    } else {
      const plain = ESCAPES[escaped]
      if (plain === undefined) return null
      out += plain
      at++
    }
    start = at + 1
  }
  return null
}

function readNumber(cursor: Cursor): string | null {
  const { json } = cursor
  const start = cursor.at
  let at = start
  if (json.charCodeAt(at) === MINUS) at++
  const first = at
  while (isDigit(json.charCodeAt(at))) at++
  if (at === first || (at > first + 1 && json[first] === '0')) return null
  if (json[at] === '.') {
    const fraction = ++at
    while (isDigit(json.charCodeAt(at))) at++
    if (at === fraction) return null
  }
  if (json[at] === 'e' || json[at] === 'E') {
    at++
    if (json[at] === '+' || json[at] === '-') at++
    const exponent = at
    while (isDigit(json.charCodeAt(at))) at++
    if (at === exponent) return null
  }
  cursor.at = at
  return json.slice(start, at)
}

function take(cursor: Cursor, token: string): boolean {
  skipSpace(cursor)
  if (cursor.json[cursor.at] !== token) return false
  cursor.at++
  return true
}

function skipSpace(cursor: Cursor): void {
  for (; cursor.at < cursor.json.length; cursor.at++) {
    const c = cursor.json.charCodeAt(cursor.at)
    if (c !== 32 && c !== 9 && c !== 10 && c !== 13) return
  }
}

function hexOf(json: string, at: number): number {
  let value = 0
  for (let i = at; i < at + 4; i++) {
    const c = json.charCodeAt(i) | 0
    const lower = c | 32
    if (isDigit(c)) value = value * 16 + c - 48
    else if (lower >= 97 && lower <= 102) value = value * 16 + lower - 87
    else return -1
  }
  return value
}

function utf8AsLatin1(text: string): string {
  let out = ''
  for (const character of text) out += utf8Bytes(character.codePointAt(0) ?? 0)
  return out
}

function utf8Bytes(code: number): string {
  if (code < 0x80) return String.fromCharCode(code)
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >> 6), tail(code))
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >> 12), tail(code >> 6), tail(code))
  return String.fromCharCode(0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code))
}

function tail(code: number): number {
  return 0x80 | (code & 0x3f)
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57
}

const QUOTE = 34
const MINUS = 45
const BACKSLASH = 92
const BRACE = 123
const BRACKET = 91
