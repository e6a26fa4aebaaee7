/**
 * A mean and its interval from values that come one by one, without keeping them.
 *
 * Sources: Welford 1962 for the centred sum (no cancellation where the mean is far from 0), Student 1908 for the
 * interval, whose quantile is that of a beta distribution.
 */
import { betaQuantile } from './special.ts'

/** `low` and `high` are null where one value alone says nothing of the spread. */
export type MeanInterval = {
  readonly mean: number
  readonly low: number | null
  readonly high: number | null
}

export class RunningMean {
  count = 0
  #mean = 0
  #squares = 0 // sum of (x − mean)²

  /** Adds a finite value; others are left out. */
  add(x: number): void {
    if (!Number.isFinite(x)) return
    this.count++
    const before = x - this.#mean
    this.#mean += before / this.count
    this.#squares += before * (x - this.#mean)
  }

  /** Mean with its two-sided 95 % interval; null without values. */
  interval(): MeanInterval | null {
    if (this.count === 0) return null
    if (this.count === 1) return { mean: this.#mean, low: null, high: null }
    const variance = Math.max(0, this.#squares) / (this.count - 1)
    const half = studentQuantile(this.count - 1, 0.95) * Math.sqrt(variance / this.count)
    return { mean: this.#mean, low: this.#mean - half, high: this.#mean + half }
  }
}

/** t such that |T| <= t with probability `level`, for `df` degrees of freedom. */
export function studentQuantile(df: number, level: number): number {
  const x = betaQuantile(df / 2, 0.5, 1 - level)
  return x > 0 ? Math.sqrt((df * (1 - x)) / x) : Infinity
}
