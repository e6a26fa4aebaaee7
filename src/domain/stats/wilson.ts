/**
 * The score interval of a share. Source: Wilson 1927; unlike Wald's it holds for few trials and shares near 0 or 1.
 */
import type { Interval } from './binomial.ts'

/** Normal quantile of .975. */
const Z_95 = 1.959963984540054

/** Two-sided 95 % interval after `x` of `n`. Without data: 0..1. */
export function wilsonInterval(x: number, n: number): Interval {
  if (!(n > 0)) return { low: 0, high: 1 }
  const p = Math.min(1, Math.max(0, x / n))
  const z2 = Z_95 ** 2
  const middle = (p + z2 / (2 * n)) / (1 + z2 / n)
  const half = (Z_95 / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n))
  return {
    low: p === 0 ? 0 : Math.max(0, middle - half),
    high: p === 1 ? 1 : Math.min(1, middle + half)
  }
}
