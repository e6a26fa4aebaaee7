/**
 * How often each unit failed, counted up, and which of them to name: those that fail most now.
 *
 * A unit's weight halves every 30 s, so that a new fault shows its units beside those of a long day. A unit that
 * is quiet for two minutes is forgotten; should it fail again, its count is another one (`birth`). Bounded.
 */
import { MOST_UNITS, type UnitTotal } from './totals.ts'

const HALF_LIFE_MS = 30_000
const QUIET_MS = 120_000
const MOST = 1_024

type Known = {
  readonly unit: number
  readonly kinds: number
  readonly birth: number
  count: number
  weight: number
  at: number
}

export class UnitTotals {
  readonly #known = new Map<string, Known>()
  #births = 0

  /** `kinds`: a bit of FAIL, and the stratum above bit 7. */
  add(unit: number, kinds: number, count: number, now: number): void {
    const key = `${unit}.${kinds}`
    const known = this.#known.get(key)
    if (known) {
      known.weight = weightAt(known, now) + count
      known.count += count
      known.at = now
      return
    }
    if (this.#known.size >= MOST) this.#dropHalf(now)
    this.#known.set(key, { unit, kinds, birth: ++this.#births, count, weight: count, at: now })
  }

  /** At most MOST_UNITS, those of most weight first. */
  top(now: number): readonly UnitTotal[] {
    for (const [key, { at }] of this.#known) if (now - at >= QUIET_MS) this.#known.delete(key)
    return this.#byWeight(now)
      .slice(0, MOST_UNITS)
      .map(({ unit, kinds, birth, count }) => ({ unit, kinds, birth, count }))
  }

  clear(): void {
    this.#known.clear()
  }

  #byWeight(now: number): Known[] {
    return [...this.#known.values()].sort((a, b) => weightAt(b, now) - weightAt(a, now))
  }

  #dropHalf(now: number): void {
    for (const { unit, kinds } of this.#byWeight(now).slice(MOST / 2)) {
      this.#known.delete(`${unit}.${kinds}`)
    }
  }
}

function weightAt({ weight, at }: Known, now: number): number {
  return weight * 2 ** (-(now - at) / HALF_LIFE_MS)
}
