/**
 * How long to wait before the next try: 0.1 s, and twice as long after each failure, to 30 s. Jittered by half,
 * so that a hundred replicas that lost the same broker do not come back together.
 */
const LEAST_MS = 100
const MOST_MS = 30_000

/** `failures` in a row, at least 1; `random` in [0, 1). Returns ms, never less than 100 nor more than 30,000. */
export function backOff(failures: number, random: number): number {
  const whole = Math.min(MOST_MS, LEAST_MS * 2 ** Math.min(failures, 20))
  return Math.round(whole / 2 + (random * whole) / 2)
}
