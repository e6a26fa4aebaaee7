/**
 * The text of one string or bare token of JSON, read byte by byte (RFC 8259 sections 6 and 7).
 *
 * Escapes are undone to UTF-8; a surrogate without its other half keeps its own three bytes, so that different
 * ids stay different. Other bytes stay as they are. What does not fit in the room is told and not kept.
 */
import { hexDigit } from '../hex-digit.ts'
import { ESCAPED_BYTES } from '../json-escape.ts'

export class UnitText {
  readonly #room: number
  readonly #bytes: number[] = [] // on the heap: cheaper to make for a request than bytes beside it
  /** Bytes so far; one beyond the room for more than fits. */
  length = 0
  #escape = 0 // digits of \u still to come, or ESCAPE behind a backslash
  #unit = 0
  #high = 0 // a high surrogate that waits for its low one

  constructor(room: number) {
    this.#room = room
  }

  get fits(): boolean {
    return this.length <= this.#room
  }

  get first(): number {
    return this.length === 0 ? 0 : (this.#bytes[0] ?? 0)
  }

  clear(): void {
    this.length = 0
    this.#escape = 0
    this.#high = 0
  }

  /** Reads on in a string: where its quote stands, the chunk's length while it goes on, -1 for no JSON. */
  string(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const c = chunk[at] ?? 0
      if (this.#escape !== 0) {
        if (!this.#escapeByte(c)) return -1
      } else if (c === BACKSLASH) this.#escape = ESCAPE
      else {
        this.#flushHigh()
        if (c === QUOTE) return at
        if (c < SPACE) return -1
        this.put(c)
      }
    }
    return chunk.length
  }

  put(byte: number): void {
    if (this.length < this.#room) this.#bytes[this.length] = byte
    if (this.length <= this.#room) this.length++
  }

  /** The bytes as latin1; of what did not fit, the beginning. */
  toString(): string {
    const end = Math.min(this.length, this.#room)
    let text = ''
    for (let i = 0; i < end; i++) text += String.fromCharCode(this.#bytes[i] ?? 0)
    return text
  }

  /** A byte behind a backslash. False: it is no escape. */
  #escapeByte(c: number): boolean {
    if (this.#escape === ESCAPE) {
      if (c === LOWER_U) {
        this.#escape = 4
        this.#unit = 0
        return true
      }
      this.#escape = 0
      this.#flushHigh()
      const plain = ESCAPED_BYTES[c] ?? 0
      if (plain !== 0) this.put(plain)
      return plain !== 0
    }
    const digit = hexDigit(c)
    if (digit < 0) return false
    this.#unit = this.#unit * 16 + digit
    if (--this.#escape === 0) this.#codeUnit(this.#unit)
    return true
  }

  #codeUnit(unit: number): void {
    const high = this.#high
    if (high !== 0 && unit >= 0xdc00 && unit <= 0xdfff) {
      this.#high = 0
      this.#putCode(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00))
      return
    }
    this.#flushHigh()
    if (unit >= 0xd800 && unit <= 0xdbff) this.#high = unit
    else this.#putCode(unit)
  }

  #flushHigh(): void {
    if (this.#high === 0) return
    const high = this.#high
    this.#high = 0
    this.#putCode(high)
  }

  #putCode(code: number): void {
    if (code < 0x80) this.put(code)
    else if (code < 0x800) this.put(0xc0 | (code >> 6))
    else if (code < 0x10000) {
      this.put(0xe0 | (code >> 12))
      this.put(0x80 | ((code >> 6) & 0x3f))
    } else {
      this.put(0xf0 | (code >> 18))
      this.put(0x80 | ((code >> 12) & 0x3f))
      this.put(0x80 | ((code >> 6) & 0x3f))
    }
    if (code >= 0x80) this.put(0x80 | (code & 0x3f))
  }
}

/** Whether a text is a number of JSON (RFC 8259 section 6). */
export function isNumber(text: string): boolean {
  let at = text.charCodeAt(0) === MINUS ? 1 : 0
  const whole = digitsFrom(text, at)
  if (whole === at || (whole > at + 1 && text[at] === '0')) return false
  at = whole
  if (text.charCodeAt(at) === DOT) {
    const fraction = digitsFrom(text, at + 1)
    if (fraction === at + 1) return false
    at = fraction
  }
  if (at < text.length && (text.charCodeAt(at) | 32) === LOWER_E) {
    const sign = text.charCodeAt(at + 1)
    const first = sign === PLUS || sign === MINUS ? at + 2 : at + 1
    at = digitsFrom(text, first)
    if (at === first) return false
  }
  return at === text.length
}

/** Where the digits that begin at `from` end. */
function digitsFrom(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++
  return at
}

const ESCAPE = 5 // beyond the four digits of \u
const SPACE = 32
const QUOTE = 34
const PLUS = 43
const MINUS = 45
const DOT = 46
const BACKSLASH = 92
const LOWER_E = 101
const LOWER_U = 117
