/**
 * The shadow counters in shared memory: a region per data thread for what was considered and dropped, one of the
 * shadow thread for how copies ended, and one of this thread for copies that were lost with a shadow thread.
 * A slot is a shadow's for the life of the process, so that no count is lost by a reload.
 */

import { OUTCOMES } from '../domain/counts.ts'
import {
  type CopyOutcome,
  SHADOW_AT,
  SHADOW_DROPS,
  SHADOW_REGION_BYTES,
  SHADOW_SLOTS
} from '../domain/shadow.ts'

export type ShadowCounts = {
  /** The slot of a shadow; null when there is none left. */
  slotOf(route: string, shadow: string): number | null
  ofThread(thread: number): SharedArrayBuffer
  readonly ofShadowThread: SharedArrayBuffer
  /** What became of a shadow's requests. */
  read(slot: number): {
    readonly considered: number
    readonly dropped: Readonly<Record<string, number>>
    readonly outcomes: Readonly<Record<string, number>>
  }
  /** Counts as lost what was considered and has not ended. Right only while nothing is copied. */
  loseOpen(): void
}

export function createShadowCounts(threads: number): ShadowCounts {
  const buffers = Array.from({ length: threads }, () => new SharedArrayBuffer(SHADOW_REGION_BYTES))
  const ofShadowThread = new SharedArrayBuffer(SHADOW_REGION_BYTES)
  const lost = new Uint32Array(SHADOW_REGION_BYTES / 4)
  const regions = [
    ...buffers.map(buffer => new Uint32Array(buffer)),
    new Uint32Array(ofShadowThread),
    lost
  ]
  const slots = new Map<string, number>()

  function sum(slot: number, word: number): number {
    let all = 0
    for (const words of regions) all += words[slot * SHADOW_AT.size + word] ?? 0
    return all
  }

  return {
    slotOf(route, shadow) {
      const key = `${route}/${shadow}`
      const known = slots.get(key)
      if (known !== undefined) return known
      if (slots.size >= SHADOW_SLOTS) return null
      slots.set(key, slots.size)
      return slots.size - 1
    },
    ofThread: thread => buffers[thread] ?? new SharedArrayBuffer(SHADOW_REGION_BYTES),
    ofShadowThread,
    read: slot => ({
      considered: sum(slot, SHADOW_AT.considered),
      dropped: Object.fromEntries(
        SHADOW_DROPS.map((why, i) => [why, sum(slot, SHADOW_AT.drops + i)])
      ),
      outcomes: Object.fromEntries(
        COPY_OUTCOMES.map(outcome => [
          outcome,
          sum(slot, SHADOW_AT.outcomes + OUTCOMES.indexOf(outcome))
        ])
      )
    }),
    loseOpen() {
      const at = SHADOW_AT.drops + SHADOW_DROPS.indexOf('lost')
      for (const slot of slots.values()) {
        let open = sum(slot, SHADOW_AT.considered)
        for (let word = SHADOW_AT.drops; word < SHADOW_AT.size; word++) open -= sum(slot, word)
        lost[slot * SHADOW_AT.size + at] =
          (lost[slot * SHADOW_AT.size + at] ?? 0) + Math.max(0, open)
      }
    }
  }
}

/** Outcomes that a copy can have, in the order of the counters. */
export const COPY_OUTCOMES: readonly CopyOutcome[] = OUTCOMES.filter(
  (outcome): outcome is CopyOutcome => outcome !== 'client_gone' && outcome !== 'shed'
)
