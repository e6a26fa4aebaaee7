/**
 * JSON as the admin API takes it (RFC 8259, and stricter): what two parsers could read differently is refused.
 *
 * Valid UTF-8 without a byte order mark, no duplicate keys (after decoding escapes), no `__proto__` and no
 * `constructor` with a `prototype` inside, at most 32 levels, finite numbers, no lone surrogates, nothing behind
 * the value. Objects have no prototype, so a lookup finds what was sent and nothing else.
 */
import { ESCAPES } from '../domain/json-escape.ts'
import { fail } from '../errors.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

export const MAX_DEPTH = 32

/** The value in `bytes`. Throws SLC_ADMIN_JSON (400) with what is wrong and at which character. */
export function parseStrictJson(bytes: Uint8Array): Json {
  const reader: Reader = { text: decode(bytes), at: 0 }
  skipSpace(reader)
  const value = readValue(reader, 0)
  skipSpace(reader)
  if (reader.at < reader.text.length) throw refuse('something follows the value', reader.at)
  return value
}

type Reader = { readonly text: string; at: number }

const LITERALS = [
  ['true', true],
  ['false', false],
  ['null', null]
] as const
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw refuse('it begins with a byte order mark', 0)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw fail('SLC_ADMIN_JSON', ['it is not valid UTF-8'])
  }
}

function readValue(reader: Reader, depth: number): Json {
  const { text, at } = reader
  const first = text[at]
  if (first === undefined) throw refuse('it ends where a value should be', at)
  if (first === '{') return readObject(reader, depth + 1)
  if (first === '[') return readArray(reader, depth + 1)
  if (first === '"') return readString(reader)
  if (first === '-' || isDigit(first)) return readNumber(reader)
  for (const [word, value] of LITERALS) {
    if (text.startsWith(word, at)) {
      reader.at += word.length
      return value
    }
  }
  throw refuse('there is no value', at)
}

function readObject(reader: Reader, depth: number): JsonObject {
  enter(reader, depth)
  const seen = new Set<string>()
  const object: Record<string, Json> = Object.create(null)
  if (closes(reader, '}')) return object
  do {
    skipSpace(reader)
    const start = reader.at
    if (reader.text[start] !== '"') throw refuse('a key in quotes is missing', start)
    const key = readString(reader)
    if (key === '__proto__') throw refuse('the key __proto__ is not allowed', start)
    if (seen.has(key)) throw refuse('a key is there twice', start)
    seen.add(key)
    skipSpace(reader)
    if (reader.text[reader.at++] !== ':') throw refuse('a colon is missing', reader.at - 1)
    skipSpace(reader)
    const value = readValue(reader, depth)
    if (key === 'constructor' && isObject(value) && 'prototype' in value) {
      throw refuse('a constructor with a prototype is not allowed', start)
    }
    object[key] = value
  } while (continues(reader, '}'))
  return object
}

function readArray(reader: Reader, depth: number): readonly Json[] {
  enter(reader, depth)
  const items: Json[] = []
  if (closes(reader, ']')) return items
  do {
    skipSpace(reader)
    items.push(readValue(reader, depth))
  } while (continues(reader, ']'))
  return items
}

function readString(reader: Reader): string {
  const start = reader.at
  let value = ''
  let from = ++reader.at
  for (;;) {
    const char = reader.text[reader.at]
    if (char === undefined) throw refuse('a string does not end', start)
    if (char < ' ') throw refuse('a control character is not escaped', reader.at)
    if (char === '"') break
    if (char !== '\\') {
      reader.at++
      continue
    }
    value += reader.text.slice(from, reader.at) + readEscape(reader)
    from = reader.at
  }
  value += reader.text.slice(from, reader.at++)
  if (!value.isWellFormed()) throw refuse('a string has half of a surrogate pair', start)
  return value
}

function readEscape(reader: Reader): string {
  const start = reader.at
  const letter = reader.text[start + 1] ?? ''
  const plain = ESCAPES[letter]
  if (plain !== undefined) {
    reader.at = start + 2
    return plain
  }
  const digits = reader.text.slice(start + 2, start + 6)
  if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw refuse('an escape is wrong', start)
  reader.at = start + 6
  return String.fromCharCode(Number.parseInt(digits, 16))
}

function readNumber(reader: Reader): number {
  const start = reader.at
  NUMBER.lastIndex = start
  const [digits] = NUMBER.exec(reader.text) ?? []
  if (digits === undefined) throw refuse('a number is wrong', start)
  reader.at = start + digits.length
  const next = reader.text[reader.at]
  if (next !== undefined && !' \t\n\r,]}'.includes(next)) throw refuse('a number is wrong', start)
  const value = Number(digits)
  if (!Number.isFinite(value)) throw refuse('a number is too large', start)
  return value
}

function enter(reader: Reader, depth: number): void {
  if (depth > MAX_DEPTH) throw refuse(`it is deeper than ${MAX_DEPTH} levels`, reader.at)
  reader.at++
}

function closes(reader: Reader, bracket: string): boolean {
  skipSpace(reader)
  if (reader.text[reader.at] !== bracket) return false
  reader.at++
  return true
}

function continues(reader: Reader, bracket: string): boolean {
  skipSpace(reader)
  const char = reader.text[reader.at++]
  if (char === ',') return true
  if (char === bracket) return false
  throw refuse(`a comma or ${bracket} is missing`, reader.at - 1)
}

function skipSpace(reader: Reader): void {
  while (' \t\n\r'.includes(reader.text[reader.at] ?? '-')) reader.at++
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9'
}

function refuse(what: string, at: number): Error {
  return fail('SLC_ADMIN_JSON', [`${what} (character ${at + 1})`])
}
