/**
 * The heartbeat of a data thread in shared memory: that it lives, when it stood still, what it uses.
 *
 * A beat that comes late by more than 200 ms is a stall of ours: what was measured across it is held against
 * nobody (triggers.md, rule 8).
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import {
  BEAT_MS,
  STALL_MS,
  THREAD_TIME,
  THREAD_WORD,
  type ThreadRegion
} from '../domain/thread-region.ts'
import type { ProcessClock } from './process-time.ts'

const DELAY_WINDOW_MS = 250

/** Begins to beat; the result stops it. */
export function startBeat(region: ThreadRegion, now: ProcessClock): () => void {
  const { times, words } = region
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  let last = now()
  let windowEnd = last + DELAY_WINDOW_MS
  times[THREAD_TIME.beat] = last
  const timer = setInterval(() => {
    const at = now()
    if (at - last > BEAT_MS + STALL_MS) {
      times[THREAD_TIME.lastStall] = at
      words[THREAD_WORD.stalls] = (words[THREAD_WORD.stalls] ?? 0) + 1
    }
    last = at
    times[THREAD_TIME.beat] = at
    if (at < windowEnd) return
    windowEnd = at + DELAY_WINDOW_MS
    times[THREAD_TIME.loopDelayP99Ms] = delay.percentile(99) / 1e6
    delay.reset()
    const cpu = process.threadCpuUsage()
    times[THREAD_TIME.cpuMicros] = cpu.user + cpu.system
    times[THREAD_TIME.heapUsed] = process.memoryUsage().heapUsed
  }, BEAT_MS)
  return () => {
    clearInterval(timer)
    delay.disable()
  }
}
