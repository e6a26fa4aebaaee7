/**
 * Counters as they are told to Prometheus: sums over threads that only grow.
 *
 * A region counts modulo 2^32 and may be replaced (another number of splits, a route that comes back), so totals
 * are made of differences: each reading adds what a region gained since the last one. Reading must happen more
 * often than 2^32 requests; every scrape does, and `observe` does where nobody scrapes.
 */

import { AT, type Counters, TIME_AT } from '../domain/counts.ts'
import { THREAD_TIME, THREAD_WORD, type ThreadRegion } from '../domain/thread-region.ts'

/** Words of a region that are counts for ever, as [first, number]. Gauges and evidence are not among them. */
const FIRST = AT.requests
const SIZE = AT.firstBytes - FIRST

/** Sums of times that go with histograms. */
const TIMES = {
  latency: TIME_AT.latencySum,
  firstToken: TIME_AT.firstTokenSum,
  tokenTime: TIME_AT.tokenTimeSum
} as const
const TIME_NAMES = ['latency', 'firstToken', 'tokenTime'] as const
export type TimeName = (typeof TIME_NAMES)[number]

/** Sums of one variant. `count(at)` takes an offset of AT. */
export type Totals = {
  count(at: number): number
  seconds(time: TimeName): number
  readonly inFlight: () => number
  /** Adds what the regions gained since the last reading. */
  read(regions: readonly Counters[]): void
}

type Times = { [Name in TimeName]: number }

export function createTotals(): Totals {
  const sums = new Float64Array(SIZE)
  const before = new Map<ArrayBufferLike, { readonly words: Uint32Array; readonly micros: Times }>()
  const micros: Times = { latency: 0, firstToken: 0, tokenTime: 0 }
  let inFlight = 0

  function readOne(region: Counters): void {
    const { words, times } = region
    const last = before.get(words.buffer) ?? {
      words: new Uint32Array(SIZE),
      micros: { latency: 0, firstToken: 0, tokenTime: 0 }
    }
    before.set(words.buffer, last)
    for (let i = 0; i < SIZE; i++) {
      const now = words[FIRST + i] ?? 0
      const gain = (now - (last.words[i] ?? 0)) >>> 0
      if (gain === 0) continue
      sums[i] = (sums[i] ?? 0) + gain
      last.words[i] = now
    }
    for (const name of TIME_NAMES) {
      const sum = times[TIMES[name]] ?? 0
      micros[name] += Math.max(0, sum - last.micros[name])
      last.micros[name] = sum
    }
    inFlight += Math.max(0, (words[AT.inFlight] ?? 0) | 0)
  }

  return {
    count: at => sums[at - FIRST] ?? 0,
    seconds: time => micros[time] / 1e6,
    inFlight: () => inFlight,
    read(regions) {
      inFlight = 0
      for (const region of regions) readOne(region)
    }
  }
}

/** Counts of one data thread. `count(word)` takes an offset of THREAD_WORD; CPU goes on where a new thread begins. */
export type ThreadTotals = {
  count(word: number): number
  readonly cpuSeconds: () => number
  read(region: ThreadRegion): void
}

export function createThreadTotals(): ThreadTotals {
  const sums = new Float64Array(THREAD_WORD.size)
  const before = new Uint32Array(THREAD_WORD.size)
  let cpu = 0 // microseconds
  let cpuBefore = 0
  return {
    count: word => sums[word] ?? 0,
    cpuSeconds: () => cpu / 1e6,
    read({ words, times }) {
      for (let i = 0; i < THREAD_WORD.size; i++) {
        const now = words[i] ?? 0
        sums[i] = (sums[i] ?? 0) + ((now - (before[i] ?? 0)) >>> 0)
        before[i] = now
      }
      const now = times[THREAD_TIME.cpuMicros] ?? 0
      cpu += now >= cpuBefore ? now - cpuBefore : now
      cpuBefore = now
    }
  }
}
