/**
 * The shared memory of the counters: one region per data thread and (route, variant), allocated when a variant
 * first appears and kept for the life of the process, so that no count is lost when a thread dies, a variant
 * leaves or a route is reloaded. Each region has one writer, the thread of its column.
 */
import { type Counters, countersOver, regionBytes } from '../domain/counts.ts'
import {
  THREAD_REGION_BYTES,
  type ThreadRegion,
  threadRegionOver
} from '../domain/thread-region.ts'

export type Regions = {
  /** Index of a variant's regions in `buffers(thread)`; allocates them at first sight. */
  indexOf(route: string, variant: string, splits: number): number
  /** Counters of a variant, one per thread. */
  of(route: string, variant: string, splits: number): readonly Counters[]
  /** Every region that the variant ever had, for counters that must not go back when splits change. */
  all(route: string, variant: string): readonly Counters[]
  /** What goes to a thread beside a snapshot: its column. */
  buffers(thread: number): readonly SharedArrayBuffer[]
  header(thread: number): SharedArrayBuffer
  readonly threads: readonly ThreadRegion[]
}

export function createRegions(threads: number): Regions {
  const headers = Array.from({ length: threads }, () => new SharedArrayBuffer(THREAD_REGION_BYTES))
  const columns: SharedArrayBuffer[][] = headers.map(() => [])
  const rows = new Map<string, { readonly index: number; readonly counters: readonly Counters[] }>()

  function row(route: string, variant: string, splits: number) {
    const key = `${route}/${variant}/${splits}`
    const known = rows.get(key)
    if (known) return known
    const index = rows.size
    const counters = columns.map(column => {
      const buffer = new SharedArrayBuffer(regionBytes(splits))
      column[index] = buffer
      return countersOver(buffer, splits)
    })
    const made = { index, counters }
    rows.set(key, made)
    return made
  }

  return {
    indexOf: (route, variant, splits) => row(route, variant, splits).index,
    of: (route, variant, splits) => row(route, variant, splits).counters,
    all: (route, variant) =>
      [...rows].flatMap(([key, { counters }]) =>
        key.startsWith(`${route}/${variant}/`) ? counters : []
      ),
    buffers: thread => columns[thread] ?? [],
    header: thread => headers[thread] ?? new SharedArrayBuffer(THREAD_REGION_BYTES),
    threads: headers.map(header => threadRegionOver(header))
  }
}
