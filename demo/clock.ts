/**
 * The time of a demo: looks at the routers ten times a second, and has one line told each second.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

export type Clock<View> = {
  /** Looks until `done` says so (true) or `ms` are over (false). */
  until(ms: number, done: (view: View) => boolean): Promise<boolean>
}

const LOOK_MS = 100

/** `tell` gets the second since now, what was seen, and the time of that (performance.now). */
export function createClock<View>(
  look: () => Promise<View>,
  tell: (second: number, view: View, now: number) => void
): Clock<View> {
  const start = performance.now()
  let told = 0
  return {
    async until(ms, done) {
      const end = performance.now() + ms
      while (performance.now() < end) {
        await delay(LOOK_MS)
        const view = await look()
        const now = performance.now()
        const enough = done(view)
        const second = Math.floor((now - start) / 1000)
        if (second > told) {
          told = second
          tell(second, view, now)
        }
        if (enough) return true
      }
      return false
    }
  }
}
