/**
 * Exact binomial: tail probabilities and the interval of a share.
 *
 * Source: Clopper and Pearson 1934; both by the incomplete beta function, so they hold for any counts.
 */
import { betaQuantile, incompleteBeta } from './special.ts'

export type Interval = { readonly low: number; readonly high: number }

/** P(X >= k) for X ~ Binomial(n, p). */
export function binomialTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1
  if (k > n) return 0
  return incompleteBeta(k, n - k + 1, p)
}

/** P(X <= x) for X ~ Binomial(n, p), continued between integers by the incomplete beta function. */
export function binomialBelow(x: number, n: number, p: number): number {
  if (x >= n) return 1
  return incompleteBeta(n - x, x + 1, 1 - p)
}

/** Exact two-sided interval of a share after x of n, level e.g. 0.95. Without data: 0..1. */
export function shareInterval(x: number, n: number, level: number): Interval {
  const tail = (1 - level) / 2
  return { low: shareLow(x, n, tail), high: shareHigh(x, n, tail) }
}

/** Exact one-sided lower bound: the share is below it with probability `alpha` at most. */
export function shareLow(x: number, n: number, alpha: number): number {
  return x <= 0 ? 0 : betaQuantile(x, Math.max(0, n - x) + 1, alpha)
}

/** Exact one-sided upper bound: the share is above it with probability `alpha` at most. */
export function shareHigh(x: number, n: number, alpha: number): number {
  return x >= n ? 1 : betaQuantile(x + 1, n - x, 1 - alpha)
}
