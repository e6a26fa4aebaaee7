/**
 * The main thread and the shadow process about themselves: event-loop delay, heap and CPU. Data threads write theirs
 * into shared memory.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

export type OwnThread = {
  readonly delaySeconds: number // 99th percentile since the last reading
  readonly heapBytes: number
  readonly cpuSeconds: number
}

export type OwnProcess = OwnThread & { readonly residentBytes: number }

/** Begins to watch the thread that calls; each call of the result is a reading. */
export function watchOwnThread(): () => OwnThread {
  return watch(() => process.threadCpuUsage())
}

/** The same of a process with one thread of its own: its CPU is that of all that V8 and libuv start beside. */
export function watchOwnProcess(): () => OwnProcess {
  const read = watch(() => process.cpuUsage())
  return () => ({ ...read(), residentBytes: process.memoryUsage.rss() })
}

function watch(cpu: () => NodeJS.CpuUsage): () => OwnThread {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  return () => {
    const p99 = delay.percentile(99) / 1e9
    delay.reset()
    const { user, system } = cpu()
    return {
      delaySeconds: Number.isFinite(p99) ? p99 : 0,
      heapBytes: getHeapStatistics().used_heap_size,
      cpuSeconds: (user + system) / 1e6
    }
  }
}
