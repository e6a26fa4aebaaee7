/**
 * The shadow process's own counts of copies: how each ended, or why it was not sent. What changed is told to the
 * main process, which adds it to what the data threads counted.
 */
import { OUTCOMES } from '../domain/counts.ts'
import {
  type CopyOutcome,
  countShadow,
  countShadowDrop,
  SHADOW_AT,
  SHADOW_REGION_BYTES,
  type ShadowDrop
} from '../domain/shadow.ts'
import type { SlotCounts } from '../domain/shadow-messages.ts'

export type CopyCounting = {
  ended(slot: number, outcome: CopyOutcome): void
  dropped(slot: number, why: ShadowDrop): void
  /** The counts of every slot that had one since the last call. */
  changed(): readonly SlotCounts[]
}

export function createCounting(): CopyCounting {
  const words = new Uint32Array(SHADOW_REGION_BYTES / 4)
  const slots = new Set<number>()
  return {
    ended(slot, outcome) {
      countShadow(words, slot, SHADOW_AT.outcomes + OUTCOMES.indexOf(outcome))
      slots.add(slot)
    },
    dropped(slot, why) {
      countShadowDrop(words, slot, why)
      slots.add(slot)
    },
    changed() {
      const changed = [...slots].map(slot => ({
        slot,
        words: words.slice(slot * SHADOW_AT.size, (slot + 1) * SHADOW_AT.size)
      }))
      slots.clear()
      return changed
    }
  }
}
