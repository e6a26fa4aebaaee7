/**
 * The last 48 prediction calls of a challenger, over all data threads, in the order in which they ended.
 *
 * Two rules need single calls and not sums: the gross failure rule, and the rule that one unit cannot roll
 * back a model (triggers.md, rule 6). Only calls under the current ranges enter.
 */
import { AT, CALLED, type Counters, FAIL, CALL_RING as RING } from '../counts.ts'

export class LastCalls {
  readonly #unit = new Uint32Array(RING.slots)
  readonly #kinds = new Uint32Array(RING.slots) // bits: what failed (FAIL), and CALLED
  readonly #ms = new Float64Array(RING.slots)
  #count = 0
  #read: number[] = []
  #next: number[] = []

  /** Takes what is new from every thread; true when there was any. `first`: start from the present. */
  read(counters: readonly Counters[], generation: number, first: boolean): boolean {
    const before = this.#count
    for (let i = 0; i < counters.length; i++) this.#skipLost(i, counters[i], first)
    for (;;) {
      const thread = this.#earliest(counters)
      if (thread < 0) break
      this.#take(counters[thread], this.#next[thread] ?? 0, generation)
      this.#next[thread] = ((this.#next[thread] ?? 0) + 1) >>> 0
    }
    return this.#count !== before
  }

  clear(): void {
    this.#count = 0
  }

  get size(): number {
    return Math.min(this.#count, RING.slots)
  }

  /** The call `back` places before the last one (0). */
  unitOf(back: number): number {
    return this.#unit[this.#slot(back)] ?? 0
  }

  kindsOf(back: number): number {
    return (this.#kinds[this.#slot(back)] ?? 0) & 0xff
  }

  stratumOf(back: number): number {
    return (this.#kinds[this.#slot(back)] ?? 0) >>> 8
  }

  msOf(back: number): number {
    return this.#ms[this.#slot(back)] ?? 0
  }

  /** Calls among the last `window` that failed in one of the kinds of `mask`. */
  failures(mask: number, window: number): number {
    let failed = 0
    const end = Math.min(window, this.size)
    for (let i = 0; i < end; i++) if (this.kindsOf(i) & mask) failed++
    return failed
  }

  /** Good answers to units other than `unit`; an error is no good answer for any kind. */
  goodToOthers(mask: number, unit: number): number {
    let good = 0
    for (let i = 0; i < this.size; i++) {
      const kinds = this.kindsOf(i)
      if (kinds & CALLED && !(kinds & (mask | FAIL.errors)) && this.unitOf(i) !== unit) good++
    }
    return good
  }

  #slot(back: number): number {
    return (this.#count - 1 - back) % RING.slots
  }

  #skipLost(thread: number, c: Counters | undefined, first: boolean): void {
    const last = c?.words[AT.callSequence] ?? 0
    const read = this.#read[thread] ?? (first ? last : 0)
    this.#read[thread] = last
    const fresh = (last - read) >>> 0
    this.#next[thread] = (last - Math.min(fresh, RING.slots - 1) + 1) >>> 0
  }

  /** The thread whose next unread call ended first; -1 when all are read. */
  #earliest(counters: readonly Counters[]): number {
    let found = -1
    let soonest = 0
    for (let i = 0; i < counters.length; i++) {
      const next = this.#next[i] ?? 0
      const w = counters[i]?.words
      if (!w || (((this.#read[i] ?? 0) - next) | 0) < 0) continue
      const ms = w[AT.calls + (next % RING.slots) * RING.size + RING.ms] ?? 0
      if (found < 0 || ((ms - soonest) | 0) < 0) {
        found = i
        soonest = ms
      }
    }
    return found
  }

  #take(c: Counters | undefined, sequence: number, generation: number): void {
    if (!c) return
    const w = c.words
    const at = AT.calls + (sequence % RING.slots) * RING.size
    if (w[at + RING.sequence] !== sequence || w[at + RING.generation] !== generation) return
    const slot = this.#count % RING.slots
    this.#unit[slot] = w[at + RING.unit] ?? 0
    this.#kinds[slot] = w[at + RING.kinds] ?? 0
    this.#ms[slot] = w[at + RING.ms] ?? 0
    if (w[at + RING.sequence] === sequence) this.#count++
  }
}
