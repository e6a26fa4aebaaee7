/**
 * The ratio of two rates of rare events, given how many events there were in all.
 *
 * Conditional on the sum of events, the challenger's are Binomial(sum, theta) with theta = r w / (r w + 1 - w),
 * w = its share of the requests: no base rate is needed. Source: Przyborowski and Wilenski 1940; Lindon and
 * Malek 2022 use the same condition.
 */
import { type Interval, shareInterval } from './binomial.ts'

/** Requests and events of two arms: n and x of the challenger, n and x of the champion. */
export type Counts = {
  readonly nc: number
  readonly xc: number
  readonly nb: number
  readonly xb: number
}

/** Exact two-sided interval of the ratio; `high` is Infinity where the champion has no events. */
export function rateRatioInterval({ nc, xc, nb, xb }: Counts, level = 0.95): Interval {
  if (nc <= 0 || nb <= 0 || xc + xb <= 0) return { low: 0, high: Infinity }
  const { low, high } = shareInterval(xc, xc + xb, level)
  const odds = nb / nc
  return { low: (low / (1 - low)) * odds, high: high >= 1 ? Infinity : (high / (1 - high)) * odds }
}
