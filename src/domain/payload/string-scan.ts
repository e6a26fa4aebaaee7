/**
 * A JSON string that comes in pieces: where it ends, whether its escapes are sound, and its first bytes with the
 * escapes undone (RFC 8259, section 7).
 *
 * Bytes that are no UTF-8 are taken as they are: model servers write them. Control characters end a string that
 * is none.
 */
import { hexDigit } from '../hex-digit.ts'
import { ESCAPED_BYTES } from '../json-escape.ts'

/** Bytes of a string that are kept. */
export const TEXT_BYTES = 160

/** Bytes that end a plain stretch of a string: the quote, the backslash, control characters. */
const STOPS = Uint8Array.from({ length: 256 }, (_, c) => (c === 34 || c === 92 || c < 32 ? 1 : 0))

/** The next byte in bytes[from, to) that is no plain byte of a string, or `to`. */
export function plainEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at + 4 <= to) {
    if (STOPS[bytes[at] ?? 0] !== 0) return at
    if (STOPS[bytes[at + 1] ?? 0] !== 0) return at + 1
    if (STOPS[bytes[at + 2] ?? 0] !== 0) return at + 2
    if (STOPS[bytes[at + 3] ?? 0] !== 0) return at + 3
    at += 4
  }
  while (at < to && STOPS[bytes[at] ?? 0] === 0) at++
  return at
}

const PLAIN = 0
const ESCAPE = 1 // after a backslash; 2..5: hex digits that are still to come, plus one

/** Takes a string that is too long to be kept. */
export interface LongString {
  /** Takes plain bytes; the index of the first byte that is none (a quote, a backslash, a control), or `to`. */
  piece(bytes: Uint8Array, from: number, to: number): number
  /** Takes what an escape stands for. */
  escaped(bytes: Uint8Array, from: number, to: number): void
}

export class StringScan {
  readonly text = new Uint8Array(TEXT_BYTES + 4)
  length = 0 // of the text; more than TEXT_BYTES: it is longer
  broken = false
  closed = false
  #escape = PLAIN
  #code = 0
  #high = 0 // first half of a surrogate pair
  #keep = true

  start(keep: boolean): void {
    this.length = 0
    this.broken = false
    this.closed = false
    this.#escape = PLAIN
    this.#high = 0
    this.#keep = keep
  }

  /** Reads on; the index after the closing quote, or of where it breaks, or `to`. `pieces` gets all text. */
  push(bytes: Uint8Array, from: number, to: number, pieces: LongString | null): number {
    let at = from
    while (at < to) {
      if (this.#escape !== PLAIN) {
        const before = this.length
        if (!this.#unescape(bytes[at] ?? 0)) {
          this.broken = true
          return at
        }
        at++
        if (pieces !== null && this.length > before) pieces.escaped(this.text, before, this.length)
        if (pieces !== null) this.length = 0
        continue
      }
      const end = pieces === null ? plainEnd(bytes, at, to) : pieces.piece(bytes, at, to)
      if (pieces === null && end > at) this.#take(bytes, at, end)
      if (end === to) return to
      const c = bytes[end]
      at = end + 1
      if (c === 92 && pieces === null && at < to && ESCAPED_BYTES[bytes[at] ?? 0] !== 0) {
        this.#high = 0 // the short way for an escape of one letter
        this.#put(ESCAPED_BYTES[bytes[at++] ?? 0] ?? 0)
      } else if (c === 92) this.#escape = ESCAPE
      else {
        this.closed = c === 34
        this.broken = c !== 34
        return at
      }
    }
    return at
  }

  #take(bytes: Uint8Array, from: number, to: number): void {
    this.#high = 0
    if (!this.#keep) return
    let length = this.length
    for (let i = from; i < to && length <= TEXT_BYTES; i++) this.text[length++] = bytes[i] ?? 0
    this.length = length
  }

  #unescape(c: number): boolean {
    if (this.#escape === ESCAPE) {
      if (c === 117) {
        this.#escape = 5
        this.#code = 0
        return true
      }
      const plain = ESCAPED_BYTES[c] ?? 0
      if (plain === 0) return false
      this.#escape = PLAIN
      this.#high = 0
      this.#put(plain)
      return true
    }
    const digit = hexDigit(c)
    if (digit < 0) return false
    this.#code = this.#code * 16 + digit
    this.#escape--
    if (this.#escape === ESCAPE) {
      this.#escape = PLAIN
      this.#character(this.#code)
    }
    return true
  }

  #character(code: number): void {
    const low = code >= 0xdc00 && code <= 0xdfff
    if (low && this.#high !== 0 && this.length >= 3 && this.length <= TEXT_BYTES) {
      const whole = 0x10000 + (this.#high - 0xd800) * 0x400 + (code - 0xdc00)
      this.length -= 3 // the half that was put
      this.#put(0xf0 | (whole >> 18))
      this.#put(0x80 | ((whole >> 12) & 63))
      this.#put(0x80 | ((whole >> 6) & 63))
      this.#put(0x80 | (whole & 63))
      this.#high = 0
      return
    }
    this.#high = code >= 0xd800 && code <= 0xdbff ? code : 0
    if (code < 0x80) this.#put(code)
    else if (code < 0x800) {
      this.#put(0xc0 | (code >> 6))
      this.#put(0x80 | (code & 63))
    } else {
      this.#put(0xe0 | (code >> 12))
      this.#put(0x80 | ((code >> 6) & 63))
      this.#put(0x80 | (code & 63))
    }
  }

  #put(c: number): void {
    if (this.#keep && this.length <= TEXT_BYTES) this.text[this.length++] = c
  }
}
