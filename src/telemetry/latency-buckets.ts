/**
 * The latency histogram of Prometheus out of the log-linear one of the counters.
 *
 * A log-linear bucket is at most 1/16 wide; it is counted at the first bound that it lies below as a whole, so a
 * request is never told faster than it was. Bounds are in seconds, counts cumulative; the last is +Inf.
 */
import { bucketFloor, HISTOGRAM_BUCKETS } from '../domain/counts.ts'

export const BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600
]

/** Index into BOUNDS of each log-linear bucket; BOUNDS.length = beyond all. Latencies are whole microseconds. */
const PLACE: readonly number[] = Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => {
  const largest = bucketFloor(bucket + 1) - 1
  const place = BOUNDS.findIndex(bound => largest <= bound * 1e6)
  return place < 0 ? BOUNDS.length : place
})

/**
 * Cumulative counts at each bound and at +Inf, which is the number of all. `count` takes an offset of AT; `at` is
 * that of the histogram.
 */
export function cumulative(count: (at: number) => number, at: number): readonly number[] {
  const counts = new Array<number>(BOUNDS.length + 1).fill(0)
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const place = PLACE[bucket] ?? BOUNDS.length
    counts[place] = (counts[place] ?? 0) + count(at + bucket)
  }
  let sum = 0
  return counts.map(n => (sum += n))
}
