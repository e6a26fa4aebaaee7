/**
 * Turns of the loop of events between the steps of long work: after so long that work and a last step, of two
 * milliseconds or so, are done within 5 ms (shadow.md). Before each step whoever waits for the core goes first.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Steps } from '../domain/compare/pace.ts'
import type { GiveWay } from '../ports.ts'

const YIELD_MS = 3

export type Turns = {
  /** Work begins, in a turn of its own. */
  begin(): void
  /** Others have waited long enough. */
  areDue(): boolean
  /** Lets them go first. */
  take(): Promise<void>
  /** Does all steps of some work, with turns in between. */
  drive<T>(steps: Steps<T>): Promise<T>
}

/** `now` is the time in ms, and `next` ends when others had their turn. */
export function createTurns(
  giveWay: GiveWay,
  now: () => number = () => performance.now(),
  next: () => Promise<unknown> = turn
): Turns {
  let turnedAt = now()

  async function take(): Promise<void> {
    await next()
    turnedAt = now()
  }

  const areDue = () => now() - turnedAt >= YIELD_MS

  return {
    begin() {
      turnedAt = now()
    },
    areDue,
    take,
    async drive(steps) {
      for (;;) {
        giveWay()
        const step = steps.next()
        if (step.done) return step.value
        if (areDue()) await take()
      }
    }
  }
}
