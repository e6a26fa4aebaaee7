/**
 * The shadow thread's own counts of copies, in shared memory: how each ended, or why it was not sent.
 */
import { OUTCOMES } from '../domain/counts.ts'
import { type CopyOutcome, SHADOW_AT, SHADOW_DROPS, type ShadowDrop } from '../domain/shadow.ts'

export type CopyCounting = {
  ended(slot: number, outcome: CopyOutcome): void
  dropped(slot: number, why: ShadowDrop): void
}

export function countingIn(buffer: SharedArrayBuffer): CopyCounting {
  const words = new Uint32Array(buffer)
  const bump = (slot: number, word: number): void => {
    const at = slot * SHADOW_AT.size + word
    words[at] = (words[at] ?? 0) + 1
  }
  return {
    ended: (slot, outcome) => bump(slot, SHADOW_AT.outcomes + OUTCOMES.indexOf(outcome)),
    dropped: (slot, why) => bump(slot, SHADOW_AT.drops + SHADOW_DROPS.indexOf(why))
  }
}
