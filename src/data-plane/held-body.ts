/**
 * The bytes of a request body that wait until its unit is known, and the budget of a thread for all of them.
 *
 * Nothing of such a request is with an upstream yet. Small pieces are copied together, so that a body in pieces
 * of one byte costs no more memory than one in large ones. What is held leaves in order, once, and its room is
 * given back piece by piece.
 */
import type { ByteBudget } from '../domain/byte-budget.ts'

/** Bytes that all threads of the process together may hold for requests that wait for their unit. */
export const HELD_BYTES = 256 * 1024 * 1024

/** From this size on a piece is kept as it is; smaller ones share blocks. */
const OWN_PIECE = 4096
const FIRST_BLOCK = 1024
const BLOCK = 16_384

type Piece = { readonly buffer: Buffer; length: number }

export class HeldBody {
  readonly #budget: ByteBudget
  #pieces: Piece[] = []
  #next = 0
  #open: Piece | null = null // takes small pieces
  /** Bytes of the body so far. */
  bytes = 0
  /** The body is whole. */
  ended = false
  /** Something of it is gone for good: nothing may be sent on as if it were not. */
  dropped = false

  constructor(budget: ByteBudget) {
    this.#budget = budget
  }

  /** Keeps a piece. False: the thread has no room, and the body is not whole any more. */
  add(chunk: Buffer): boolean {
    this.bytes += chunk.length
    if (chunk.length >= OWN_PIECE) {
      if (!this.#budget.take(chunk.length)) return false
      this.#open = null
      this.#pieces.push({ buffer: chunk, length: chunk.length })
      return true
    }
    for (let at = 0; at < chunk.length; ) {
      const open = this.#openPiece()
      if (open === null) return false
      const copied = chunk.copy(open.buffer, open.length, at)
      open.length += copied
      at += copied
    }
    return true
  }

  /** The next piece, which is not held any more; null when all have left. */
  next(): Buffer | null {
    const piece = this.#pieces[this.#next]
    if (piece === undefined) return null
    this.#next++
    this.#budget.giveBack(piece.buffer.length)
    if (this.#next === this.#pieces.length) this.#clear()
    return piece.buffer.subarray(0, piece.length)
  }

  /** Forgets what is left. */
  drop(): void {
    this.dropped = true
    for (let i = this.#next; i < this.#pieces.length; i++)
      this.#budget.giveBack(this.#pieces[i]?.buffer.length ?? 0)
    this.#clear()
  }

  #clear(): void {
    this.#pieces = []
    this.#next = 0
    this.#open = null
  }

  #openPiece(): Piece | null {
    if (this.#open !== null && this.#open.length < this.#open.buffer.length) return this.#open
    const size = this.#pieces.length === 0 ? FIRST_BLOCK : BLOCK
    if (!this.#budget.take(size)) return null
    const piece = { buffer: Buffer.allocUnsafeSlow(size), length: 0 }
    this.#pieces.push(piece)
    this.#open = piece
    return piece
  }
}
