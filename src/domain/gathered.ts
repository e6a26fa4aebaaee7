/**
 * Bytes that came in pieces, copied together: a piece is often a view of a large buffer of a socket, which must not
 * be kept alive, and a body in pieces of one byte must not cost more memory than one in large ones. What is held is
 * what came, and less than a block.
 */
import { releaseBytes } from './release-bytes.ts'
import { OWN_BYTES } from './shadow-copy.ts'

const LEAST = 1024 // of a block behind the first
const BLOCK = 65_536

export class Gathered {
  readonly #full: Uint8Array[] = []
  #last = new Uint8Array(0)
  #used = 0 // of the last block
  bytes = 0

  add(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      if (this.#used === this.#last.length) this.#open(piece.length - at)
      const step = Math.min(piece.length - at, this.#last.length - this.#used)
      this.#last.set(piece.subarray(at, at + step), this.#used)
      this.#used += step
      at += step
    }
    this.bytes += piece.length
  }

  /** All of it in a buffer of its own; null when there is nothing. To be called once, at the end. */
  whole(): Uint8Array | null {
    if (this.bytes === 0) return null
    if (this.bytes === this.#last.length) return this.#last
    const all = new Uint8Array(this.bytes)
    let at = 0
    for (const block of this.#full) {
      all.set(block, at)
      at += block.length
      releaseBytes(block)
    }
    all.set(this.#last.subarray(0, this.#used), at)
    releaseBytes(this.#last)
    return all
  }

  /** The first block is as large as the first piece, which is often all; the next ones grow up to 64 KiB. */
  #open(needed: number): void {
    const isFirst = this.#last.length === 0
    if (!isFirst) this.#full.push(this.#last)
    const size = isFirst ? 0 : Math.min(BLOCK, Math.max(LEAST, this.#last.length * 2))
    this.#last = new Uint8Array(Math.max(needed, size))
    this.#used = 0
  }
}

/**
 * The bytes of a body until they are copied. Most bodies are one small piece, which is kept as it came, for nobody
 * changes it; more are gathered.
 */
export class Pieces {
  #only: Uint8Array | null = null
  #gathered: Gathered | null = null

  get bytes(): number {
    return this.#gathered?.bytes ?? this.#only?.length ?? 0
  }

  add(piece: Uint8Array): void {
    if (this.#gathered === null && this.#only === null && piece.length < OWN_BYTES) {
      this.#only = piece
      return
    }
    this.#gathered ??= new Gathered()
    if (this.#only !== null) this.#gathered.add(this.#only)
    this.#only = null
    this.#gathered.add(piece)
  }

  /** All of it; of OWN_BYTES or more it is a buffer of its own. To be called once, at the end. */
  whole(): Uint8Array | null {
    return this.#gathered === null ? this.#only : this.#gathered.whole()
  }
}
