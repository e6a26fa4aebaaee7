/**
 * The bytes of tensors that follow the JSON of an answer, one after the other in the order of the outputs.
 *
 * Floats are looked at for NaN and infinities, texts are walked by their lengths, all else is counted. What does not
 * have as many bytes as its shape and datatype need does not fit. Source: Triton, extension binary data.
 */
import { BAD } from './facts.ts'
import { FLOATS, type Float, FloatBits } from './float-bits.ts'
import type { Unreadable } from './reading.ts'
import type { Tensor } from './tensor.ts'

export class TensorBytes {
  bad = 0
  predictions = 0
  why: Unreadable | null = null
  readonly #tensors: readonly Tensor[]
  #at = -1 // of the tensor that is read
  #left = 0 // bytes of it to come
  #floats: FloatBits | null = null
  #texts: TextWalk | null = null

  constructor(tensors: readonly Tensor[]) {
    this.#tensors = tensors
    this.#following()
  }

  /** A tensor is not over. */
  get isInside(): boolean {
    return this.#at < this.#tensors.length
  }

  push(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to && this.why === null) {
      if (this.#at >= this.#tensors.length) {
        this.why = 'syntax' // more bytes than the tensors have
        return
      }
      const end = Math.min(to, at + this.#left)
      this.#floats?.push(bytes, at, end)
      this.bad |= this.#floats?.bad ?? 0 // now: the bound may come before the end of the tensor
      this.#texts?.push(bytes, at, end)
      this.#left -= end - at
      at = end
      if (this.#left === 0) this.#following()
    }
  }

  /** No more bytes come. */
  end(): void {
    if (this.why === null && this.#at < this.#tensors.length) this.why = 'cut'
  }

  /** Ends a tensor and begins the next that has any bytes. */
  #following(): void {
    for (;;) {
      if (this.#at >= 0) this.#judge(this.#tensors[this.#at])
      const next = this.#tensors[++this.#at]
      if (next === undefined) return
      const bytes = next.binaryBytes ?? 0
      if (!Number.isSafeInteger(bytes) || bytes < 0) {
        this.why = 'syntax'
        return
      }
      this.#left = bytes
      const name = next.datatype?.name
      const float = FLOATS.find(f => f === name)
      this.#floats = float === undefined ? null : new FloatBits(float satisfies Float)
      this.#texts = name === 'BYTES' ? new TextWalk() : null
      if (bytes > 0) return
    }
  }

  #judge(tensor: Tensor | undefined): void {
    if (tensor === undefined) return
    this.bad |= this.#floats?.bad ?? 0
    const width = tensor.datatype?.bytes ?? 0
    let count = width > 0 ? (tensor.binaryBytes ?? 0) / width : null
    if (this.#texts !== null) {
      count = this.#texts.count
      if (!this.#texts.isWhole) {
        this.why = 'syntax'
        return
      }
    }
    if (count === null) {
      this.predictions += (tensor.binaryBytes ?? 0) > 0 ? 1 : 0
      return
    }
    this.predictions += Math.ceil(count)
    const { expected } = tensor
    if (!Number.isInteger(count) || (expected !== null && expected !== count)) this.bad |= BAD.shape
  }
}

/** Texts, each behind its length in four bytes, little-endian. */
class TextWalk {
  count = 0
  #lengthBytes = 0
  #length = 0
  #left = 0

  get isWhole(): boolean {
    return this.#lengthBytes === 0 && this.#left === 0
  }

  push(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, to - at)
        this.#left -= step
        at += step
        continue
      }
      this.#length += (bytes[at++] ?? 0) * 256 ** this.#lengthBytes++
      if (this.#lengthBytes < 4) continue
      this.count++
      this.#left = this.#length
      this.#length = 0
      this.#lengthBytes = 0
    }
  }
}
