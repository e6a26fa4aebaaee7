/**
 * The shadow thread's own counts of copies, in shared memory: how each ended, or why it was not sent.
 */
import { OUTCOMES } from '../domain/counts.ts'
import {
  type CopyOutcome,
  countShadow,
  countShadowDrop,
  SHADOW_AT,
  type ShadowDrop
} from '../domain/shadow.ts'

export type CopyCounting = {
  ended(slot: number, outcome: CopyOutcome): void
  dropped(slot: number, why: ShadowDrop): void
}

export function countingIn(buffer: SharedArrayBuffer): CopyCounting {
  const words = new Uint32Array(buffer)
  return {
    ended: (slot, outcome) =>
      countShadow(words, slot, SHADOW_AT.outcomes + OUTCOMES.indexOf(outcome)),
    dropped: (slot, why) => countShadowDrop(words, slot, why)
  }
}
