/**
 * Base64 of RFC 4648 without the platform's help: encoders of bodies, and decoders of embeddings.
 */
import { finished, Pace, type Steps } from './pace.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const NONE = 255
const VALUES = new Uint8Array(256).fill(NONE)
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** Bytes of a padded or unpadded text, or null when it is no base64. */
export function fromBase64(text: string): Uint8Array | null {
  return finished(fromBase64Steps(text, new Pace()))
}

/** The same with pauses. */
export function* fromBase64Steps(text: string, pace: Pace): Steps<Uint8Array | null> {
  let length = text.length
  while (length > text.length - 2 && length > 0 && text.charCodeAt(length - 1) === EQUALS) length--
  if (length % 4 === 1) return null
  const bytes = new Uint8Array((length * 3) >> 2)
  for (let from = 0; from < length; from += CHARACTERS) {
    const to = Math.min(length, from + CHARACTERS)
    if (!decode(text, from, to, bytes)) return null
    if (pace.isDue(2 * (to - from))) yield
  }
  return bytes
}

/** Decodes the characters from `from`, a multiple of four, to `to`; false when one is of no base64. */
function decode(text: string, from: number, to: number, bytes: Uint8Array): boolean {
  let word = 0
  let at = (from >> 2) * 3
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i)
    const value = c < 256 ? (VALUES[c] ?? NONE) : NONE
    if (value === NONE) return false
    word = (word << 6) | value
    if ((i & 3) !== 3) continue
    bytes[at++] = word >>> 16
    bytes[at++] = word >>> 8
    bytes[at++] = word
    word = 0
  }
  const left = to & 3
  if (left === 2) bytes[at] = word >>> 4
  if (left === 3) {
    bytes[at++] = word >>> 10
    bytes[at] = word >>> 2
  }
  return true
}

export function toBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  let at = 0
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    out[at++] = LETTERS[word >>> 18] ?? 0
    out[at++] = LETTERS[(word >>> 12) & 63] ?? 0
    out[at++] = left > 1 ? (LETTERS[(word >>> 6) & 63] ?? 0) : EQUALS
    out[at++] = left > 2 ? (LETTERS[word & 63] ?? 0) : EQUALS
  }
  return ASCII.decode(out)
}

const LETTERS = Uint8Array.from(ALPHABET, letter => letter.charCodeAt(0))
const ASCII = new TextDecoder()
const EQUALS = 61
const CHARACTERS = 8_192 // that are decoded together
