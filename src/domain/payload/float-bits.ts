/**
 * NaN and infinities in little-endian IEEE 754 numbers that come in any pieces (and BF16, the upper half of FP32).
 *
 * A number that is cut by a chunk is put together in a few bytes; all others are read in place.
 */
import { BAD } from './facts.ts'

export const FLOATS = ['FP16', 'BF16', 'FP32', 'FP64'] as const
export type Float = (typeof FLOATS)[number]

/** Bytes of one value. */
export function floatBytes(type: Float): number {
  if (type === 'FP64') return 8
  return type === 'FP32' ? 4 : 2
}

export class FloatBits {
  bad = 0 // bits of BAD
  readonly #type: Float
  readonly #width: number
  readonly #cut = new Uint8Array(8)
  #cutBytes = 0

  constructor(type: Float) {
    this.#type = type
    this.#width = floatBytes(type)
  }

  /** Begins with other values. */
  start(): void {
    this.bad = 0
    this.#cutBytes = 0
  }

  push(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    while (this.#cutBytes > 0 && at < to) {
      this.#cut[this.#cutBytes++] = bytes[at++] ?? 0
      if (this.#cutBytes < this.#width) continue
      this.#judge(this.#cut, 0)
      this.#cutBytes = 0
    }
    const end = to - ((to - at) % this.#width)
    if (at < end) this.#scan(bytes, at, end)
    for (at = Math.max(at, end); at < to; at++) this.#cut[this.#cutBytes++] = bytes[at] ?? 0
  }

  /** Whole values: only those whose exponent is all ones are looked at closely. */
  #scan(bytes: Uint8Array, from: number, to: number): void {
    const width = this.#width
    const ones = this.#type === 'FP16' ? 0x7c : 0x7f
    for (let at = from; at < to; at += width)
      if (((bytes[at + width - 1] ?? 0) & ones) === ones) this.#judge(bytes, at)
  }

  #judge(bytes: Uint8Array, at: number): void {
    const high = (bytes[at + this.#width - 1] ?? 0) & 0x7f
    const next = bytes[at + this.#width - 2] ?? 0
    let fraction = 0
    if (this.#type === 'FP16') {
      if ((high & 0x7c) !== 0x7c) return
      fraction = (high & 3) | next
    } else {
      const least = this.#type === 'FP64' ? 0xf0 : 0x80 // bits of the exponent in the second byte
      if (high !== 0x7f || (next & least) !== least) return
      fraction = next & ~least & 0xff
      for (let i = 0; i < this.#width - 2; i++) fraction |= bytes[at + i] ?? 0
    }
    this.bad |= fraction === 0 ? BAD.infinite : BAD.nan
  }
}
