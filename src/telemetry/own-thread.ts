/**
 * The main thread about itself: event-loop delay, heap and CPU. Data threads write theirs into shared memory.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

export type OwnThread = {
  readonly delaySeconds: number // 99th percentile since the last reading
  readonly heapBytes: number
  readonly cpuSeconds: number
}

/** Begins to watch the thread that calls; each call of the result is a reading. */
export function watchOwnThread(): () => OwnThread {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  return () => {
    const p99 = delay.percentile(99) / 1e9
    delay.reset()
    const { user, system } = process.threadCpuUsage()
    return {
      delaySeconds: Number.isFinite(p99) ? p99 : 0,
      heapBytes: getHeapStatistics().used_heap_size,
      cpuSeconds: (user + system) / 1e6
    }
  }
}
