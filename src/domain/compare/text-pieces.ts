/**
 * A text that comes in pieces, of which there may be a million: they are joined in batches, so that no join is long.
 */
const BATCH = 1_024

export class TextPieces {
  readonly #separator: string
  readonly #batches: string[] = []
  #last: string[] = []

  constructor(separator = '') {
    this.#separator = separator
  }

  get isEmpty(): boolean {
    return this.#last.length === 0 // a batch is joined when the piece behind it comes
  }

  push(piece: string): void {
    if (this.#last.length === BATCH) {
      this.#batches.push(this.#last.join(this.#separator))
      this.#last = []
    }
    this.#last.push(piece)
  }

  /** All of it. */
  whole(): string {
    const last = this.#last.join(this.#separator)
    return this.#batches.length === 0 ? last : [...this.#batches, last].join(this.#separator)
  }
}
