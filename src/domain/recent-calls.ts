/**
 * How many prediction calls each challenger of a route got in its last minute in traffic, on this replica.
 *
 * Only time in traffic passes: a challenger that is out keeps the figure that it left with, so that replicas can
 * say which part of its traffic those have that took it out. Another run of a challenger starts from nothing.
 */
import { TICK_MS } from './counts.ts'

const TICKS = 60_000 / TICK_MS

export type CallSample = {
  readonly run: string // rollout id
  readonly total: number // calls so far, modulo 2^32
  readonly inTraffic: boolean
}

type Window = {
  readonly run: string
  readonly gains: Float64Array // of the last ticks in traffic
  at: number
  sum: number
  total: number
}

export class RecentCalls {
  readonly #windows = new Map<string, Window>()

  /** One tick of all challengers; one that is not named any more is forgotten. */
  tick(samples: ReadonlyMap<string, CallSample>): void {
    for (const name of this.#windows.keys()) if (!samples.has(name)) this.#windows.delete(name)
    for (const [name, sample] of samples) {
      const known = this.#windows.get(name)
      if (known === undefined || known.run !== sample.run) this.#windows.set(name, opened(sample))
      else advance(known, sample)
    }
  }

  /** Calls by challenger. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#windows].map(([name, { sum }]) => [name, sum]))
  }
}

function opened({ run, total }: CallSample): Window {
  return { run, gains: new Float64Array(TICKS), at: 0, sum: 0, total }
}

function advance(window: Window, { total, inTraffic }: CallSample): void {
  const gain = (total - window.total) >>> 0
  window.total = total
  if (!inTraffic) {
    window.sum += gain // calls of the moment in which it left; they go with the tick that they join
    const last = (window.at + TICKS - 1) % TICKS
    window.gains[last] = (window.gains[last] ?? 0) + gain
    return
  }
  window.sum += gain - (window.gains[window.at] ?? 0)
  window.gains[window.at] = gain
  window.at = (window.at + 1) % TICKS
}
