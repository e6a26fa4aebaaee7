/**
 * NaN and infinities in base64 of little-endian 32-bit floats, which comes in any pieces.
 *
 * Letters of both alphabets of RFC 4648 (sections 4 and 5) are read, with and without padding.
 */
import { FloatBits } from './float-bits.ts'

const PADDING = 64
const NONE = 255
const LETTERS = lettersOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')

const BLOCK = 768 // bytes that are judged at once

export class Base64Floats {
  isSound = true // nothing but base64 came
  readonly #floats = new FloatBits('FP32')
  readonly #bytes = new Uint8Array(BLOCK + 3)
  #length = 0
  #total = 0
  #bits = 0
  #count = 0 // letters of the present group of four
  #padded = false

  /** The last group is a stray letter, which no byte has. */
  get isStray(): boolean {
    return this.#count === 1
  }

  /** Begins with another text. */
  start(): void {
    this.isSound = true
    this.#floats.start()
    this.#length = 0
    this.#total = 0
    this.#count = 0
    this.#padded = false
  }

  /** Whole values. */
  get values(): number {
    return Math.floor((this.#total + this.#length) / 4)
  }

  /** Bytes after the last whole value. */
  get left(): number {
    return (this.#total + this.#length) % 4
  }

  get bad(): number {
    this.#flush()
    return this.#floats.bad
  }

  /** Reads plain bytes of a JSON string on; the index of the first that is none, or `to`. */
  push(bytes: Uint8Array, from: number, to: number): number {
    let bits = this.#bits
    let count = this.#count
    let at = from
    for (; at < to; at++) {
      if (count === 0 && !this.#padded) {
        at = this.#groups(bytes, at, to)
        if (at >= to) break
      }
      const value = LETTERS[bytes[at] ?? 0] ?? NONE
      if (value === NONE && isStop(bytes[at] ?? 0)) break
      if (value >= PADDING || this.#padded) {
        this.#padded = true
        if (value !== PADDING) this.isSound = false
        continue
      }
      bits = ((bits << 6) | value) & 0xfff
      if (count > 0) this.#put((bits >> (6 - 2 * count)) & 0xff)
      count = (count + 1) & 3
    }
    this.#bits = bits
    this.#count = count
    return at
  }

  /** Whole groups of four letters, which are nearly all; where they end. */
  #groups(bytes: Uint8Array, from: number, to: number): number {
    let at = from
    let length = this.#length
    const out = this.#bytes
    while (at + 4 <= to) {
      const a = LETTERS[bytes[at] ?? 0] ?? NONE
      const b = LETTERS[bytes[at + 1] ?? 0] ?? NONE
      const c = LETTERS[bytes[at + 2] ?? 0] ?? NONE
      const d = LETTERS[bytes[at + 3] ?? 0] ?? NONE
      if ((a | b | c | d) >= PADDING) break
      out[length] = (a << 2) | (b >> 4)
      out[length + 1] = ((b & 15) << 4) | (c >> 2)
      out[length + 2] = ((c & 3) << 6) | d
      length += 3
      at += 4
      if (length < BLOCK) continue
      this.#length = length
      this.#flush()
      length = 0
    }
    this.#length = length
    return at
  }

  #put(byte: number): void {
    this.#bytes[this.#length++] = byte
    if (this.#length >= BLOCK) this.#flush()
  }

  #flush(): void {
    this.#floats.push(this.#bytes, 0, this.#length)
    this.#total += this.#length
    this.#length = 0
  }
}

/** Ends a plain stretch of a JSON string. */
function isStop(c: number): boolean {
  return c === 34 || c === 92 || c < 32
}

function lettersOf(alphabet: string): Uint8Array {
  const letters = new Uint8Array(256).fill(NONE)
  for (let i = 0; i < alphabet.length; i++) letters[alphabet.charCodeAt(i)] = i
  letters['-'.charCodeAt(0)] = 62
  letters['_'.charCodeAt(0)] = 63
  letters['='.charCodeAt(0)] = PADDING
  return letters
}
