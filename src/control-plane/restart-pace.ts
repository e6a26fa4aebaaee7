/**
 * How long a thread that ended stays away before another one takes its place.
 *
 * The first is there at once, so that a single fault is not felt; one that ends again and again waits longer each
 * time and does not eat the processor. One that lived long has shown that it can.
 */
export type RestartPace = {
  /** A thread starts; times in ms of a clock that never goes back. */
  started(now: number): void
  /** It ended: ms until the next one may start. */
  ended(now: number): number
}

const WAITS_MS = [100, 500, 2_000, 5_000] as const // after each end in a row
const LONGEST_MS = 10_000
const STEADY_MS = 60_000 // who lives longer ends a row

/** The pace of one place that a thread has, for the life of the process. */
export function restartPace(): RestartPace {
  let startedAt = 0
  let ends = 0
  return {
    started(now) {
      startedAt = now
    },
    ended(now) {
      if (now - startedAt > STEADY_MS) ends = 0
      return WAITS_MS[ends++] ?? LONGEST_MS
    }
  }
}
