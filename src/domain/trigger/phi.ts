/**
 * phi: how much more the champion's failures vary than independent calls would (triggers.md, rule 5).
 *
 * Retries and users that always fail make failures come together; evidence is divided by phi, the larger of
 * variance/mean of failures in 10 s blocks and the design effect between 64 groups of units, over the last 60
 * blocks with requests. Blocks survive a change of ranges.
 */
import { AT, type Counters, GROUPS, ROW } from '../counts.ts'
import { FAILED, JUDGED } from './evidence.ts'

const BLOCKS = 60
const KNOWN_BLOCKS = 30
const LEAST_WHEN_NEW = 3
const MOST = 10
const WIDTH = GROUPS * ROW.size
const KINDS = FAILED.length

export class Bursts {
  readonly phi = new Float64Array(KINDS).fill(LEAST_WHEN_NEW)
  readonly #ring = new Uint32Array(BLOCKS * WIDTH)
  readonly #sums = new Float64Array(WIDTH)
  readonly #failures = new Float64Array(BLOCKS * KINDS)
  readonly #previous: Uint32Array[] = []
  readonly #block = new Float64Array(WIDTH)
  #memory: ArrayBufferLike | undefined
  #count = 0

  /** Starts from the counts as they stand; called when the champion is first seen or is another one. */
  #start(counters: readonly Counters[]): void {
    this.#previous.length = 0
    for (const c of counters) this.#previous.push(c.words.slice(AT.groups, AT.groups + WIDTH))
  }

  /** Closes a block of 10 s of the champion's counters. */
  close(counters: readonly Counters[]): void {
    const memory = counters[0]?.words.buffer
    if (memory !== this.#memory) {
      this.#memory = memory
      this.#start(counters)
      return
    }
    this.#block.fill(0)
    let any = false
    for (let i = 0; i < counters.length; i++) any = this.#gain(i, counters[i]) || any
    if (any) this.push(this.#block)
  }

  /** Takes a block of 10 s with requests: GROUPS rows (ROW) of what was counted in it. */
  push(block: Float64Array): void {
    this.#push(block)
    for (let kind = 0; kind < KINDS; kind++) this.phi[kind] = this.#phiOf(kind)
  }

  #gain(thread: number, c: Counters | undefined): boolean {
    if (!c) return false
    let previous = this.#previous[thread]
    if (!previous) {
      previous = new Uint32Array(WIDTH)
      this.#previous[thread] = previous
    }
    let any = false
    for (let i = 0; i < WIDTH; i++) {
      const value = c.words[AT.groups + i] ?? 0
      const gained = (value - (previous[i] ?? 0)) >>> 0
      if (gained === 0) continue
      previous[i] = value
      this.#block[i] = (this.#block[i] ?? 0) + gained
      any = true
    }
    return any
  }

  #push(block: Float64Array): void {
    const slot = this.#count % BLOCKS
    const at = slot * WIDTH
    const full = this.#count >= BLOCKS
    this.#failures.fill(0, slot * KINDS, (slot + 1) * KINDS)
    for (let i = 0; i < WIDTH; i++) {
      const old = full ? (this.#ring[at + i] ?? 0) : 0
      const value = block[i] ?? 0
      this.#ring[at + i] = value
      this.#sums[i] = (this.#sums[i] ?? 0) + value - old
    }
    for (let kind = 0; kind < KINDS; kind++) {
      let failures = 0
      for (let i = FAILED[kind] ?? 0; i < WIDTH; i += ROW.size) failures += block[i] ?? 0
      this.#failures[slot * KINDS + kind] = failures
    }
    this.#count++
  }

  #phiOf(kind: number): number {
    const measured = Math.max(this.#overTime(kind), this.#overUnits(kind))
    const least = this.#count < KNOWN_BLOCKS ? LEAST_WHEN_NEW : 1
    return Math.min(MOST, Math.max(least, measured))
  }

  /** Variance over mean of the failures per block; 1 without failures. */
  #overTime(kind: number): number {
    const blocks = Math.min(this.#count, BLOCKS)
    let sum = 0
    for (let b = 0; b < blocks; b++) sum += this.#failures[b * KINDS + kind] ?? 0
    const mean = sum / blocks
    if (blocks < 2 || mean === 0) return 1
    let squares = 0
    for (let b = 0; b < blocks; b++)
      squares += ((this.#failures[b * KINDS + kind] ?? 0) - mean) ** 2
    return squares / (blocks - 1) / mean
  }

  /** Sum of (x_g - n_g p)^2 / (n_g p (1 - p)) over (groups - 1); 1 where p is 0 or 1. */
  #overUnits(kind: number): number {
    const n = JUDGED[kind] ?? 0
    const x = FAILED[kind] ?? 0
    let calls = 0
    let failures = 0
    let groups = 0
    for (let g = 0; g < WIDTH; g += ROW.size) {
      calls += this.#sums[g + n] ?? 0
      failures += this.#sums[g + x] ?? 0
      if ((this.#sums[g + n] ?? 0) > 0) groups++
    }
    const p = failures / calls
    if (groups < 2 || !(p > 0 && p < 1)) return 1
    let sum = 0
    for (let g = 0; g < WIDTH; g += ROW.size) {
      const calls = this.#sums[g + n] ?? 0
      if (calls > 0) sum += ((this.#sums[g + x] ?? 0) - calls * p) ** 2 / (calls * p * (1 - p))
    }
    return sum / (groups - 1)
  }
}
