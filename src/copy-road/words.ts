/** Numbers on a stream, as words of four bytes, little endian: they may be cut anywhere. */
export class WordReader {
  readonly #take: (word: number) => void
  #word = 0
  #bytes = 0

  constructor(take: (word: number) => void) {
    this.#take = take
  }

  push(piece: Uint8Array): void {
    for (const byte of piece) {
      this.#word += byte * 2 ** (8 * this.#bytes)
      if (++this.#bytes < 4) continue
      const word = this.#word
      this.#word = 0
      this.#bytes = 0
      this.#take(word)
    }
  }
}

/** `word` is from 0 to 2^32 - 1. */
export function wordBytes(word: number): Uint8Array {
  return Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24)
}
