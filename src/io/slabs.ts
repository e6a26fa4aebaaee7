/**
 * Texts that wait in memory, as UTF-8 in slabs: what waits costs what it says, and neither a collector that comes late
 * nor an allocator that keeps pieces adds to it.
 *
 * For a queue, whose texts are freed in about the order in which they came: a slab is free when all of its texts
 * are. One that is larger than a slab has a slab of its own.
 */
import { releaseBytes } from '../domain/release-bytes.ts'

/** What is left at the end of a slab is lost to it: of texts of 130 KiB a thirtieth. Its pages come when they are used. */
const SLAB_BYTES = 4 * 1024 * 1024

type Slab = { readonly bytes: Uint8Array<ArrayBuffer>; used: number; texts: number }

/** Bytes of one text, until they are freed. */
export class Slice {
  readonly length: number
  readonly #slab: Slab
  readonly #start: number
  readonly #freed: (slab: Slab) => void
  #isFree = false

  constructor(slab: Slab, start: number, length: number, freed: (slab: Slab) => void) {
    this.#slab = slab
    this.#start = start
    this.length = length
    this.#freed = freed
  }

  /** A view: it says something else once the slice is freed. */
  bytes(): Buffer {
    return Buffer.from(this.#slab.bytes.buffer, this.#start, this.length)
  }

  /** Again is nothing. */
  free(): void {
    if (this.#isFree) return
    this.#isFree = true
    this.#freed(this.#slab)
  }
}

export class Slabs {
  #current: Slab | null = null
  #held = 0

  /** Bytes of memory that it has. */
  get held(): number {
    return this.#held
  }

  /** Takes a text of so many bytes in UTF-8 (`Buffer.byteLength`). */
  write(text: string, length: number): Slice {
    const slab = this.#slabFor(length)
    const start = slab.used
    ENCODER.encodeInto(text, slab.bytes.subarray(start, start + length))
    slab.used += length
    slab.texts++
    return new Slice(slab, start, length, this.#freed)
  }

  #slabFor(length: number): Slab {
    const { bytes, used } = this.#current ?? EMPTY
    if (this.#current !== null && bytes.length - used >= length) return this.#current
    const next = this.#made(Math.max(length, SLAB_BYTES))
    if (length > SLAB_BYTES) return next
    const before = this.#current
    this.#current = next
    if (before?.texts === 0) this.#release(before)
    return next
  }

  #made(length: number): Slab {
    this.#held += length
    return { bytes: new Uint8Array(length), used: 0, texts: 0 }
  }

  readonly #freed = (slab: Slab): void => {
    slab.texts--
    if (slab.texts > 0) return
    if (slab === this.#current) slab.used = 0
    else this.#release(slab)
  }

  #release(slab: Slab): void {
    this.#held -= slab.bytes.length
    releaseBytes(slab.bytes)
  }
}

const EMPTY: Slab = { bytes: new Uint8Array(0), used: 0, texts: 0 }
const ENCODER = new TextEncoder()
