/**
 * Milliseconds since the process epoch, the time base that all threads share in shared memory.
 *
 * `performance.now()` is cheap and monotonic but counts from this thread's start; one constant, taken once from
 * the common monotonic clock, aligns it.
 */
export type ProcessClock = () => number

/** `epochMs` is the process epoch on the monotonic clock (process.hrtime), in ms. */
export function processClock(epochMs: number): ProcessClock {
  const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now() - epochMs
  return () => performance.now() + offset
}
