/**
 * n and x of both arms per tick and stratum, back to the start of a challenger's detectors, at most an hour:
 * what a second, parallel sum without one unit is made of (triggers.md, rule 6).
 *
 * Only ticks in which the challenger had anything are kept; the ring grows as it is used.
 */
import { ROW } from '../counts.ts'

const MOST = 14_400

export type TickCounts = {
  readonly tick: number
  readonly stratum: number
  /** One word of a row (ROW) of the challenger, of the champion. */
  challenger(word: number): number
  champion(word: number): number
}

export class TickHistory {
  readonly #row: number // words kept of a row
  readonly #size: number
  #words: Uint32Array
  #count = 0

  constructor(row: number = ROW.latency + 1) {
    this.#row = row
    this.#size = 2 + 2 * row
    this.#words = new Uint32Array(64 * this.#size)
  }

  /** Keeps one stratum of a tick: rows start at `at` in both arms' differences. */
  push(tick: number, stratum: number, own: Float64Array, other: Float64Array, at: number): void {
    const slot = this.#place()
    this.#words[slot] = tick
    this.#words[slot + 1] = stratum
    for (let i = 0; i < this.#row; i++) {
      this.#words[slot + 2 + i] = own[at + i] ?? 0
      this.#words[slot + 2 + this.#row + i] = other[at + i] ?? 0
    }
  }

  clear(): void {
    this.#count = 0
  }

  /** Visits what is kept since a tick, oldest first. */
  replay(sinceTick: number, visit: (counts: TickCounts) => void): void {
    const slots = this.#words.length / this.#size
    let from = this.#count
    const oldest = Math.max(0, this.#count - slots)
    while (from > oldest && (this.#words[((from - 1) % slots) * this.#size] ?? 0) >= sinceTick)
      from--
    let at = 0
    const counts = {
      tick: 0,
      stratum: 0,
      challenger: (word: number) => this.#words[at + 2 + word] ?? 0,
      champion: (word: number) => this.#words[at + 2 + this.#row + word] ?? 0
    }
    for (let i = from; i < this.#count; i++) {
      at = (i % slots) * this.#size
      counts.tick = this.#words[at] ?? 0
      counts.stratum = this.#words[at + 1] ?? 0
      visit(counts)
    }
  }

  #place(): number {
    let slots = this.#words.length / this.#size
    if (this.#count === slots && slots < MOST) {
      slots = Math.min(MOST, slots * 2)
      const grown = new Uint32Array(slots * this.#size)
      grown.set(this.#words)
      this.#words = grown
    }
    return (this.#count++ % slots) * this.#size
  }
}
