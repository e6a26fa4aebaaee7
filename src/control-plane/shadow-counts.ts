/**
 * The shadow counters: a region of shared memory per data thread for what was considered and dropped, what the shadow
 * process told of how copies ended, and what is known of shadow processes that have ended. A slot is a shadow's for
 * the life of this process, so that no count is lost by a reload.
 */
import { OUTCOMES } from '../domain/counts.ts'
import {
  type CopyOutcome,
  SHADOW_AT,
  SHADOW_DROPS,
  SHADOW_REGION_BYTES,
  SHADOW_SLOTS
} from '../domain/shadow.ts'
import type { SlotCounts } from '../domain/shadow-messages.ts'

export type ShadowCounts = {
  /** The slot of a shadow; null when there is none left. */
  slotOf(route: string, shadow: string): number | null
  ofThread(thread: number): SharedArrayBuffer
  /** What the shadow process counted since its start. */
  hear(counts: readonly SlotCounts[]): void
  /** What became of a shadow's requests. */
  read(slot: number): {
    readonly considered: number
    readonly dropped: Readonly<Record<string, number>>
    readonly outcomes: Readonly<Record<string, number>>
  }
  /** The shadow process has ended: what was sent to it and has not ended is lost. Right only while nothing is sent. */
  loseSent(): void
  /** A data thread has ended: what it considered and neither sent nor dropped is lost. */
  loseUnsent(thread: number): void
}

export function createShadowCounts(threads: number): ShadowCounts {
  const buffers = Array.from({ length: threads }, () => new SharedArrayBuffer(SHADOW_REGION_BYTES))
  const ofProcess = new Uint32Array(SHADOW_REGION_BYTES / 4)
  const before = new Uint32Array(SHADOW_REGION_BYTES / 4) // of processes that have ended
  const ofThreads = buffers.map(buffer => new Uint32Array(buffer))
  const regions = [...ofThreads, ofProcess, before]
  const slots = new Map<string, number>()

  function sum(slot: number, word: number): number {
    return regions.reduce((all, words) => all + at(words, slot, word), 0)
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
    hear(counts) {
      for (const { slot, words } of counts) ofProcess.set(words, slot * SHADOW_AT.size)
    },
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
    loseSent() {
      for (const [word, count] of ofProcess.entries()) before[word] = (before[word] ?? 0) + count
      ofProcess.fill(0)
      for (const slot of slots.values()) {
        const sent = ofThreads.reduce((all, words) => all + at(words, slot, SHADOW_AT.sent), 0)
        lose(before, slot, sent - ended(before, slot))
      }
    },
    loseUnsent(thread) {
      const words = ofThreads[thread]
      if (words === undefined) return
      for (const slot of slots.values()) {
        const left = at(words, slot, SHADOW_AT.considered) - at(words, slot, SHADOW_AT.sent)
        lose(words, slot, left - ended(words, slot))
      }
    }
  }
}

function at(words: Uint32Array, slot: number, word: number): number {
  return words[slot * SHADOW_AT.size + word] ?? 0
}

/** Everything of a slot that was dropped or has an outcome. */
function ended(words: Uint32Array, slot: number): number {
  let all = 0
  for (let word = SHADOW_AT.drops; word < SHADOW_AT.size; word++) all += at(words, slot, word)
  return all
}

/** `copies` is a difference of counters, which begin again at 2^32. */
function lose(words: Uint32Array, slot: number, copies: number): void {
  words[slot * SHADOW_AT.size + LOST] = at(words, slot, LOST) + Math.max(0, copies | 0)
}

const LOST = SHADOW_AT.drops + SHADOW_DROPS.indexOf('lost')

/** Outcomes that a copy can have, in the order of the counters. */
export const COPY_OUTCOMES: readonly CopyOutcome[] = OUTCOMES.filter(
  (outcome): outcome is CopyOutcome => outcome !== 'client_gone' && outcome !== 'shed'
)
