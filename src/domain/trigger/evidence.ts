/**
 * What the evidence rows of one variant gained since the last tick, over all data threads.
 *
 * Only rows of the expected generation are read (triggers.md, rule 3): a thread that has not started it yet
 * gives nothing. What a variant counted before it was first seen here is history, not evidence. Differences
 * are modulo 2^32.
 */
import { AT, type Counters, evidenceRow, ROW, strataOf } from '../counts.ts'

/** n and x of each kind in a row, in the order of FAIL_KINDS. */
export const JUDGED = [ROW.calls, ROW.calls, ROW.judged, ROW.timed] as const
export const FAILED = [ROW.errors, ROW.clientErrors, ROW.badPredictions, ROW.latency] as const

export class EvidenceReader {
  /** Differences of the last read: strata x ROW.size. */
  readonly rows: Float64Array
  readonly #width: number
  readonly #previous: Uint32Array[] = []
  #generation = -1
  #memory: ArrayBufferLike | undefined

  constructor(splits: number) {
    this.#width = strataOf(splits) * ROW.size
    this.rows = new Float64Array(this.#width)
  }

  /** Reads all threads; true when anything was counted. */
  read(counters: readonly Counters[], generation: number): boolean {
    const memory = counters[0]?.words.buffer
    const first = memory !== this.#memory
    if (first || generation !== this.#generation) this.#previous.length = 0
    this.#memory = memory
    const seen = this.#generation
    this.#generation = generation
    this.rows.fill(0)
    let any = false
    for (let i = 0; i < counters.length; i++) {
      const c = counters[i]
      if (!c || c.words[AT.generations + (generation & 1)] !== generation) continue
      any = this.#readThread(i, c, generation, first || seen === -1) || any
    }
    return any
  }

  #readThread(thread: number, c: Counters, generation: number, first: boolean): boolean {
    const from = evidenceRow(c.splits, generation, 0)
    let previous = this.#previous[thread]
    if (!previous) {
      previous = new Uint32Array(this.#width)
      if (first) previous.set(c.words.subarray(from, from + this.#width))
      this.#previous[thread] = previous
      if (first) return false
    }
    let any = false
    for (let i = 0; i < this.#width; i++) {
      const value = c.words[from + i] ?? 0
      const before = previous[i] ?? 0
      if (value === before) continue
      previous[i] = value
      this.rows[i] = (this.rows[i] ?? 0) + ((value - before) >>> 0)
      any = true
    }
    return any
  }
}
