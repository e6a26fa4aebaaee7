/**
 * Which units the failures of a challenger came from, back to at most an hour (triggers.md, rule 6).
 *
 * Read from the failure rings of all threads once per tick and kept in a bounded list, oldest overwritten.
 * Failures whose entry was lost belong to unknown units: they stay in the sums and name nobody.
 */
import type { Counters } from '../counts.ts'
import { type Failure, FailureReader } from './failure-reader.ts'

const SIZE = 6
const TICK = 0
const UNIT = 1
const KINDS = 2
const STRATUM = 3
const COUNT = 4
const MS = 5
const SLOTS = 4096

export type TopUnit = {
  readonly unit: number
  readonly failures: number // of that unit
  readonly known: number // failures whose unit is known
  readonly units: number // different units among them
}

export class FailingUnits {
  #entries = new Float64Array(64 * SIZE)
  #count = 0
  readonly #reader = new FailureReader()
  readonly #noted = new Map<number, { readonly unit: number; others: number }>()

  /** Takes what is new from every thread, under the watch's own tick. */
  read(counters: readonly Counters[], generation: number, tick: number, first: boolean): void {
    this.#reader.read(counters, generation, first, failure => this.add(tick, failure))
  }

  /** Takes failures under a tick that is not before any other. */
  add(tick: number, { unit, kinds, stratum, count, ms }: Omit<Failure, 'sentAt'>): void {
    const at = this.#place()
    this.#entries[at + TICK] = tick
    this.#entries[at + UNIT] = unit
    this.#entries[at + KINDS] = kinds
    this.#entries[at + STRATUM] = stratum
    this.#entries[at + COUNT] = count
    this.#entries[at + MS] = ms
    for (const [mask, noted] of this.#noted) {
      if (kinds & mask && noted.unit !== unit) noted.others++
    }
  }

  clear(): void {
    this.#count = 0
    this.#noted.clear()
  }

  /** Remembers a unit, to count from now on the failures of a kind that are not its own. */
  note(mask: number, unit: number): void {
    this.#noted.set(mask, { unit, others: 0 })
  }

  /** Failures of units other than the noted one; without one, there may be any. */
  others(mask: number): number {
    return this.#noted.get(mask)?.others ?? 1
  }

  /** The unit with most failures of a kind since a tick; null when none is known. */
  top(mask: number, sinceTick: number): TopUnit | null {
    const byUnit = new Map<number, number>()
    let known = 0
    this.#each(mask, sinceTick, at => {
      const unit = this.#entries[at + UNIT] ?? 0
      const count = this.#entries[at + COUNT] ?? 0
      known += count
      byUnit.set(unit, (byUnit.get(unit) ?? 0) + count)
    })
    let top: TopUnit | null = null
    for (const [unit, failures] of byUnit) {
      if (!top || failures > top.failures) top = { unit, failures, known, units: byUnit.size }
    }
    return top
  }

  /** Failures of one unit by `removalKey(tick, stratum)`, for a sum without them. */
  ofUnit(unit: number, mask: number, sinceTick: number): Map<number, number> {
    const found = new Map<number, number>()
    this.#each(mask, sinceTick, at => {
      if (this.#entries[at + UNIT] !== unit) return
      const key = removalKey(this.#entries[at + TICK] ?? 0, this.#entries[at + STRATUM] ?? 0)
      found.set(key, (found.get(key) ?? 0) + (this.#entries[at + COUNT] ?? 0))
    })
    return found
  }

  /** Time in ms since the process epoch of the first failure of a kind since a tick; null when none is known. */
  firstAt(mask: number, sinceTick: number): number | null {
    let first: number | null = null
    this.#each(mask, sinceTick, at => {
      const ms = this.#entries[at + MS] ?? 0
      if (first === null || ms < first) first = ms
    })
    return first
  }

  #each(mask: number, sinceTick: number, visit: (at: number) => void): void {
    const slots = this.#entries.length / SIZE
    const from = Math.max(0, this.#count - slots)
    for (let i = this.#count - 1; i >= from; i--) {
      const at = (i % slots) * SIZE
      if ((this.#entries[at + TICK] ?? 0) < sinceTick) return
      if ((this.#entries[at + KINDS] ?? 0) & mask) visit(at)
    }
  }

  /** The next slot; the list doubles up to its bound, then the oldest goes. */
  #place(): number {
    let slots = this.#entries.length / SIZE
    if (this.#count === slots && slots < SLOTS) {
      const grown = new Float64Array(slots * 2 * SIZE)
      grown.set(this.#entries)
      this.#entries = grown
      slots *= 2
    }
    return (this.#count++ % slots) * SIZE
  }
}

/** One number for a tick of the watch and a stratum. */
export function removalKey(tick: number, stratum: number): number {
  return tick * 64 + stratum
}
