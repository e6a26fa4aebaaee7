/**
 * Counts of both arms of one kind of failure that wait until it is known whether the champion was well while the
 * challenger failed (triggers.md, rule 7), with the units that failed.
 *
 * Where it was not, the challenger's failures beyond the champion's share are left out and everything else is
 * added. Leaving all counts out would keep only those times in which the challenger looked worse by chance; this
 * can only take evidence away, whatever the times are, so the bound on false alarms holds.
 */
import type { Failure } from '../trigger/failure-reader.ts'
import { KIND_ROW } from './totals.ts'

export class HeldCounts {
  readonly failures: Failure[] = []
  readonly #strata: number
  readonly #counts: Float64Array // per stratum: n and x of the challenger, n and x of the champion

  constructor(strata: number) {
    this.#strata = strata
    this.#counts = new Float64Array(strata * 4)
  }

  add(stratum: number, nc: number, xc: number, nb: number, xb: number): void {
    const at = stratum * 4
    this.#counts[at] = (this.#counts[at] ?? 0) + Math.max(nc, xc)
    this.#counts[at + 1] = (this.#counts[at + 1] ?? 0) + xc
    this.#counts[at + 2] = (this.#counts[at + 2] ?? 0) + Math.max(nb, xb)
    this.#counts[at + 3] = (this.#counts[at + 3] ?? 0) + xb
  }

  /** Calls and failures of the challenger that are held. */
  sums(): { readonly n: number; readonly x: number } {
    let n = 0
    let x = 0
    for (let s = 0; s < this.#strata; s++) {
      n += this.#counts[s * 4] ?? 0
      x += this.#counts[s * 4 + 1] ?? 0
    }
    return { n, x }
  }

  /** When the first call that failed was sent, and when it failed, in ms; null when that is not known. */
  first(): { readonly sentAt: number; readonly failedAt: number } | null {
    if (this.failures.length === 0) return null
    let sentAt = Infinity
    let failedAt = Infinity
    for (const failure of this.failures) {
      sentAt = Math.min(sentAt, failure.sentAt)
      failedAt = Math.min(failedAt, failure.ms)
    }
    return { sentAt, failedAt }
  }

  /**
   * Moves all into rows of totals, at the words of a kind, and holds nothing then. Gives the number of failures
   * that were left out, 0 for a champion that was well.
   */
  release(totals: Float64Array, kind: number, well: boolean): number {
    let leftOut = 0
    for (let s = 0; s < this.#strata; s++) {
      const [nc = 0, xc = 0, nb = 0, xb = 0] = this.#counts.subarray(s * 4, s * 4 + 4)
      const kept = well ? xc : Math.min(xc, nb > 0 ? Math.floor((nc * xb) / nb) : 0)
      leftOut += xc - kept
      const own = 2 * s * KIND_ROW.size + 2 * kind
      const other = own + KIND_ROW.size
      totals[own] = (totals[own] ?? 0) + nc
      totals[own + 1] = (totals[own + 1] ?? 0) + kept
      totals[other] = (totals[other] ?? 0) + nb
      totals[other + 1] = (totals[other + 1] ?? 0) + xb
    }
    this.clear()
    return leftOut
  }

  clear(): void {
    this.failures.length = 0
    this.#counts.fill(0)
  }
}
