/**
 * Does a challenger no longer answer at all? (triggers.md, `absence`)
 *
 * The oldest of at least five unanswered requests, of two units where known, waits longer than the limit and no
 * answer came in that time. The champion decides what it means: it answered something sent later, or it is
 * silent too. An answer is its first sign of life, so a slow stream is none of this.
 */

import { AT, type Counters, TIME_AT } from '../counts.ts'
import type { TriggerSettings } from '../trigger-settings.ts'
import type { Arm } from '../watch.ts'
import type { AnswerTimes } from './answer-times.ts'

const LEAST_PENDING = 5
const LEAST_LIMIT_MS = 10_000
const UNKNOWN_LIMIT_MS = 30_000 // while the champion has answered nothing that could be a measure
const TIMES_QUANTILE = 3

export type Absence = {
  readonly limitMs: number
  readonly waitedMs: number // age of the oldest unanswered request; 0 without any
  readonly pending: number
  readonly verdict: 'present' | 'absent' | 'both-silent'
}

/** Age in ms from which an unanswered request is too old. */
export function absenceLimit(
  settings: NonNullable<TriggerSettings['absence']>,
  firstBytes: AnswerTimes
): number {
  if (settings.after !== 'auto') return settings.after
  if (firstBytes.size === 0) return UNKNOWN_LIMIT_MS
  return Math.max(LEAST_LIMIT_MS, TIMES_QUANTILE * firstBytes.quantile(0.999))
}

/** `championHealthy` decides where the champion got no request in that time. */
export function judgeAbsence(
  challenger: Arm,
  champion: Arm,
  championHealthy: boolean,
  now: number,
  limitMs: number
): Absence {
  let pending = 0
  let units = 0
  let oldest = Infinity
  let lastAnswer = -Infinity
  for (const { words, times } of challenger.counters) {
    const count = words[AT.pending] ?? 0
    const sentAt = times[TIME_AT.oldestPending] ?? 0
    lastAnswer = Math.max(lastAnswer, times[TIME_AT.lastAnswer] ?? 0)
    if (count === 0 || sentAt <= 0) continue
    pending += count
    units = Math.max(units, words[AT.pending + 1] ?? 0)
    oldest = Math.min(oldest, sentAt)
  }
  const waitedMs = pending > 0 ? Math.max(0, now - oldest) : 0
  const absent =
    pending >= LEAST_PENDING && units !== 1 && waitedMs > limitMs && now - lastAnswer > limitMs
  if (!absent) return { limitMs, waitedMs, pending, verdict: 'present' }
  const present = answeredAfter(champion.counters, oldest) ?? championHealthy
  return { limitMs, waitedMs, pending, verdict: present ? 'absent' : 'both-silent' }
}

/** Whether the champion answered a request sent later; null when it got none since. */
function answeredAfter(counters: readonly Counters[], sentAt: number): boolean | null {
  let asked = false
  for (const { times } of counters) {
    if ((times[TIME_AT.lastAnsweredSend] ?? 0) > sentAt) return true
    if ((times[TIME_AT.lastSent] ?? 0) > sentAt) asked = true
  }
  return asked ? false : null
}
