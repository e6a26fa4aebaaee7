/**
 * Work on one route in order, one at a time, so that a route has one call to the store open.
 *
 * A store that answers slowly must not gather work: who waits longer than it can is told so when its turn comes,
 * without a call, and looks that wait for the same thing are one.
 */
import { fail } from '../../errors.ts'

export type SerialQueue = {
  /** Runs the task when all before it are done. Throws SLC_STORE_UNREACHABLE when that took longer than `patienceMs`. */
  run<Result>(task: () => Promise<Result>, patienceMs?: number): Promise<Result>
  /** The same for a task that is as good as one that waits already: they run once. */
  share(task: () => Promise<void>): Promise<void>
  /** Whether a task waits or runs. */
  busy(): boolean
}

/** `now` in ms, monotonic. */
export function createSerialQueue(now: () => number): SerialQueue {
  let last: Promise<unknown> = Promise.resolve()
  let shared: Promise<void> | null = null
  let waiting = 0

  function run<Result>(
    task: () => Promise<Result>,
    patienceMs = Number.POSITIVE_INFINITY
  ): Promise<Result> {
    const asked = now()
    waiting++
    const result = last.then(() => {
      if (now() - asked > patienceMs) {
        throw fail('SLC_STORE_UNREACHABLE', ['it answers too slowly'], { reason: 'busy' })
      }
      return task()
    })
    const done = result.finally(() => {
      waiting--
    })
    last = done.catch(() => undefined)
    return done
  }

  return {
    run,
    share(task) {
      shared ??= run(() => {
        shared = null
        return task()
      })
      return shared
    },
    busy: () => waiting > 0
  }
}
