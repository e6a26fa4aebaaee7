/**
 * Whether an event loop of this process was late since the last look: then our own clock, and nobody's model, may
 * be what was slow (triggers.md, rule 8).
 */
import { BEAT_MS, STALL_MS, THREAD_TIME } from '../domain/thread-region.ts'
import type { Regions } from './regions.ts'

const DEAD_MS = 5_000

/** To be called every `everyMs`; the first look is held against the time of its making. */
export function createStalls(regions: Regions, now: () => number, everyMs: number): () => boolean {
  let last = now()
  return () => {
    const since = last
    last = now()
    return last - since > everyMs + STALL_MS || threadStalled(regions, since, last)
  }
}

/** A beat that came late since the last look, or is overdue now; a thread silent for long is dead, not late. */
function threadStalled(regions: Regions, since: number, now: number): boolean {
  return regions.threads.some(({ times }) => {
    const overdue = now - (times[THREAD_TIME.beat] ?? 0)
    if (overdue > DEAD_MS) return false
    return overdue > BEAT_MS + STALL_MS || (times[THREAD_TIME.lastStall] ?? 0) >= since
  })
}
