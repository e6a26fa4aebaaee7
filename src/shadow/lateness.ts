/**
 * How late this process is. It runs where no other has something to do, so that what it takes for the time of an answer
 * may be the time that it stood ready itself: then its own clock, and nobody's model, is what was slow. While answers
 * are waited for a timer tells by how much it came late.
 */
const TICK_MS = 10
const USUAL_MS = 2 // that timers are late anyway

export class Lateness {
  readonly #now: () => number
  #waiting = 0
  #timer: NodeJS.Timeout | null = null
  #at = 0 // of the last tick
  #total = 0

  /** `now` in ms, monotonic. */
  constructor(now = () => performance.now()) {
    this.#now = now
  }

  /** An answer is waited for. Gives a mark for `end`. */
  begin(): number {
    if (this.#waiting++ === 0) {
      this.#at = this.#now()
      this.#timer = setInterval(() => this.#tick(), TICK_MS)
    }
    return this.#total + this.#sinceTick()
  }

  /** It is waited for no more. ms that this process was late meanwhile. */
  end(mark: number): number {
    const late = this.#total + this.#sinceTick() - mark
    if (--this.#waiting === 0 && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
    return late
  }

  #tick(): void {
    this.#total += this.#sinceTick()
    this.#at = this.#now()
  }

  #sinceTick(): number {
    return Math.max(0, this.#now() - this.#at - TICK_MS - USUAL_MS)
  }
}
