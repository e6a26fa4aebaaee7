/**
 * Room for bytes that are held at once, so that what waits is bounded over all that wait.
 */
export class ByteBudget {
  readonly #limit: number
  #held = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** False: there is no room, and nothing was taken. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#limit) return false
    this.#held += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#held -= bytes
  }

  get held(): number {
    return this.#held
  }
}
