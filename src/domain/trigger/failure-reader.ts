/**
 * Reading the failure rings of a variant's threads: what was added since the last read, oldest first.
 *
 * An entry that was read takes no more counts. What was overwritten before it was read is gone: those failures
 * are in the sums and belong to unknown units.
 */
import { AT, type Counters, FAILURE_RING as RING, TICK_MS } from '../counts.ts'

/** Failures of one unit in one tick that failed in the same ways. */
export type Failure = {
  readonly unit: number // unit hash
  readonly kinds: number // bits of FAIL
  readonly stratum: number
  readonly count: number
  readonly ms: number // when, to a tick, since the process epoch
  readonly sentAt: number // when the first of them was sent, likewise
}

export class FailureReader {
  readonly #read: number[] = []

  /** Gives what is new and of this generation. `first`: start from the present. */
  read(
    counters: readonly Counters[],
    generation: number,
    first: boolean,
    take: (failure: Failure) => void
  ): void {
    for (let i = 0; i < counters.length; i++) {
      const c = counters[i]
      if (!c) continue
      const last = c.words[AT.failureSequence] ?? 0
      const read = this.#read[i] ?? (first ? last : 0)
      if (last === read) continue
      this.#read[i] = last
      c.words[AT.failureRead] = last
      const fresh = Math.min((last - read) >>> 0, RING.slots - 1)
      for (let n = fresh - 1; n >= 0; n--) {
        const failure = failureAt(c.words, (last - n) >>> 0, generation)
        if (failure) take(failure)
      }
    }
  }
}

function failureAt(w: Uint32Array, sequence: number, generation: number): Failure | null {
  const at = AT.failures + (sequence % RING.slots) * RING.size
  if (w[at + RING.sequence] !== sequence || w[at + RING.generation] !== generation) return null
  const kinds = w[at + RING.kinds] ?? 0
  return {
    unit: w[at + RING.unit] ?? 0,
    kinds: kinds & 0xff,
    stratum: kinds >>> 8,
    count: w[at + RING.count] ?? 0,
    ms: (w[at + RING.tick] ?? 0) * TICK_MS,
    sentAt: (w[at + RING.sent] ?? 0) * TICK_MS
  }
}
