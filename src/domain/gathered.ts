/**
 * Bytes that came in pieces, copied together: a piece is often a view of a large buffer of a socket, which must not
 * be kept alive, and a body in pieces of one byte must not cost more memory than one in large ones.
 */
const FIRST = 1024

export class Gathered {
  #buffer: Uint8Array | null = null
  bytes = 0

  add(piece: Uint8Array): void {
    const needed = this.bytes + piece.length
    if (piece.length === 0) return
    if (this.#buffer === null) this.#buffer = new Uint8Array(Math.max(piece.length, FIRST))
    else if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
      larger.set(this.#buffer.subarray(0, this.bytes))
      this.#buffer = larger
    }
    this.#buffer.set(piece, this.bytes)
    this.bytes = needed
  }

  /** All of it in a buffer of its own; null when there is nothing. */
  whole(): Uint8Array | null {
    const buffer = this.#buffer
    if (buffer === null || buffer.length === this.bytes) return buffer
    return buffer.slice(0, this.bytes)
  }
}
