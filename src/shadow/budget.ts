/**
 * Bytes of shadow answers that are held at once. With the credit of the copies it bounds what shadows can cost
 * in memory: an answer that finds no room is counted and not kept.
 */
export class Budget {
  readonly #limit: number
  #held = 0

  constructor(limit: number) {
    this.#limit = limit
  }

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
