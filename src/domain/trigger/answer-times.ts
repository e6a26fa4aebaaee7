/**
 * How long the champion usually takes: its distribution of answer times over the last 5 to 10 minutes.
 *
 * Two histograms of the counters: to the first sign of life (absence) and to the end of the answer (which of
 * the champion's requests should have been answered by now, triggers.md rule 7). A period without answers
 * changes nothing, so the last known distribution stays when traffic stops.
 */
import { AT, bucketFloor, bucketOf, type Counters, HISTOGRAM_BUCKETS as SIZE } from '../counts.ts'

const PERIOD_BLOCKS = 30
const UNKNOWN_MS = 10_000

export class AnswerTimes {
  readonly #at: number
  #memory: ArrayBufferLike | undefined
  #base: Float64Array = new Float64Array(SIZE)
  #current: Float64Array = new Float64Array(SIZE)
  #previous: Float64Array = new Float64Array(SIZE)
  readonly #share = new Float64Array(SIZE + 1) // answered before the floor of a bucket
  #total = 0
  #blocks = 0
  #changed = false

  constructor(histogram: 'firstBytes' | 'answers') {
    this.#at = AT[histogram]
  }

  /** Takes what the champion's counters gained; another champion starts anew. */
  learn(counters: readonly Counters[]): void {
    const memory = counters[0]?.words.buffer
    const sums = this.#sum(counters)
    if (memory !== this.#memory) {
      this.#memory = memory
      this.#base = sums
      return
    }
    let any = false
    for (let i = 0; i < SIZE; i++) {
      const gained = ((sums[i] ?? 0) - (this.#base[i] ?? 0)) >>> 0
      any ||= gained !== (this.#current[i] ?? 0)
      this.#current[i] = gained
    }
    if (any) this.#accumulate()
    this.#changed ||= any
  }

  /** Ends a block of 10 s; blocks without answers do not age what is known. */
  close(counters: readonly Counters[]): void {
    this.learn(counters)
    if (!this.#changed) return
    this.#changed = false
    if (++this.#blocks < PERIOD_BLOCKS) return
    this.#blocks = 0
    this.#previous = this.#current
    this.#current = new Float64Array(SIZE)
    this.#base = this.#sum(counters)
  }

  /** Answers that the distribution rests on. */
  get size(): number {
    return this.#total
  }

  /** Share of answers that came within `ms`; without any history an answer is due after 10 s. */
  within(ms: number): number {
    if (ms <= 0) return 0
    if (this.#total === 0) return ms >= UNKNOWN_MS ? 1 : 0
    return this.#share[bucketOf(ms * 1000)] ?? 1
  }

  /** Upper end in ms of the bucket that holds quantile `q`; 0 without history. */
  quantile(q: number): number {
    if (this.#total === 0) return 0
    let i = 0
    while (i < SIZE - 1 && (this.#share[i + 1] ?? 1) < q) i++
    return bucketFloor(i + 1) / 1000
  }

  #sum(counters: readonly Counters[]): Float64Array {
    const sums = new Float64Array(SIZE)
    for (const c of counters) {
      for (let i = 0; i < SIZE; i++) sums[i] = (sums[i] ?? 0) + (c.words[this.#at + i] ?? 0)
    }
    return sums
  }

  #accumulate(): void {
    let total = 0
    for (let i = 0; i < SIZE; i++) total += (this.#current[i] ?? 0) + (this.#previous[i] ?? 0)
    this.#total = total
    let below = 0
    for (let i = 0; i < SIZE; i++) {
      this.#share[i] = total > 0 ? below / total : 0
      below += (this.#current[i] ?? 0) + (this.#previous[i] ?? 0)
    }
    this.#share[SIZE] = 1
  }
}
