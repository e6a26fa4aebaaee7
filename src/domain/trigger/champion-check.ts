/**
 * Is the champion well while the challenger is not? (triggers.md, rule 7)
 *
 * Compares, over the requests sent since the challenger's first failure in the evidence (at most 60 s back),
 * the shares not answered well. A request counts as far as the champion's usual answer times say that its
 * answer should be here by now, and few requests decide only where chance cannot: five of a dead challenger's
 * champion are enough, of a mildly ill one's more are waited for. This tells a dead dependency from a dead model, also when it fails the arms
 * at different speeds.
 */

import { AT, type Counters, SEND_RING as RING, TICK_MS } from '../counts.ts'
import { binomialBelow } from '../stats/binomial.ts'
import type { AnswerTimes } from './answer-times.ts'

/** Index of the count of calls answered well: by FAIL_KINDS, and 4 = answered well in the first three. */
export type WellKind = 0 | 1 | 2 | 3 | 4

const REACH_MS = 60_000
const QUIET_MS = 10_000
const ENOUGH = 5
const UNLIKELY = 1 / 32 // no miss of 5, where the challenger misses all
const PARTS = 4
const SPREAD = 0.1 // of what is due between the first and the last request of a tick

export type ChampionCheck = {
  readonly state: 'well' | 'wait' | 'unwell' | 'unknown' // unknown: no requests of the champion to judge by
  readonly championSent: number
  readonly championMissed: number // share not answered well, of those due
  readonly challengerMissed: number
}

/** `slaMs` for latency: after it, an answer is late whatever the usual times are; null otherwise. */
export function checkChampion(
  champion: readonly Counters[],
  challenger: readonly Counters[],
  kind: WellKind,
  firstFailureAt: number,
  now: number,
  times: AnswerTimes,
  slaMs: number | null,
  waitedMs: number
): ChampionCheck {
  const from = Math.max(0, firstFailureAt, now - REACH_MS)
  const own = sumSent(champion, kind, from, now, times, slaMs)
  const other = sumSent(challenger, kind, from, now, times, slaMs)
  const figures = {
    championSent: own.sent,
    championMissed: missed(own),
    challengerMissed: missed(other)
  }
  return { ...figures, state: stateOf(own, figures, champion, now, waitedMs) }
}

/** Well when so few misses are unlikely for a champion that misses half as often as the challenger. */
function stateOf(
  own: Sent,
  figures: { readonly championMissed: number; readonly challengerMissed: number },
  champion: readonly Counters[],
  now: number,
  waitedMs: number
): ChampionCheck['state'] {
  const half = figures.challengerMissed / 2
  const waits = waitedMs < REACH_MS
  if (own.due < ENOUGH && waits) return silent(champion, now) ? 'unknown' : 'wait'
  if (own.due <= 0) return 'unknown'
  if (own.sureDue > 0 && (own.sureDue - own.sureWell) / own.sureDue > half) return 'unwell'
  if (figures.championMissed > half) return waits ? 'wait' : 'unwell'
  const misses = own.due * figures.championMissed
  return waits && binomialBelow(misses, own.due, half) > UNLIKELY ? 'wait' : 'well'
}

/** `sure`: without ticks that are so young that it matters when in them a request was sent. */
type Sent = {
  readonly sent: number
  readonly due: number
  readonly well: number
  readonly sureDue: number
  readonly sureWell: number
}

function missed({ due, well }: Sent): number {
  return due > 0 ? Math.min(1, Math.max(0, (due - well) / due)) : 1
}

/** Requests sent in [from, now], how many of them are due, how many were answered well. */
function sumSent(
  counters: readonly Counters[],
  kind: WellKind,
  from: number,
  now: number,
  times: AnswerTimes,
  slaMs: number | null
): Sent {
  let sent = 0
  let due = 0
  let well = 0
  let sureDue = 0
  let sureWell = 0
  for (let tick = Math.floor(from / TICK_MS); tick <= Math.floor(now / TICK_MS); tick++) {
    let n = 0
    let good = 0
    for (const { words } of counters) {
      const at = AT.sends + (tick % RING.slots) * RING.size
      if (words[at + RING.tick] !== tick >>> 0) continue
      n += words[at + RING.sent] ?? 0
      good += words[at + RING.well + kind] ?? 0
    }
    if (n === 0) continue
    const age = now - tick * TICK_MS
    const expected = n * dueShare(age, times, slaMs)
    sent += n
    due += expected
    well += good
    if (times.within(age) - times.within(age - TICK_MS) > SPREAD) continue
    sureDue += expected
    sureWell += good
  }
  return { sent, due, well, sureDue, sureWell }
}

/** Share of the requests of a tick that began `age` ms ago whose answers should be here. */
function dueShare(age: number, times: AnswerTimes, slaMs: number | null): number {
  let sum = 0
  const span = Math.min(age, TICK_MS)
  for (let i = 0; i < PARTS; i++) {
    const part = age - ((i + 0.5) * span) / PARTS
    sum += slaMs !== null && part >= slaMs ? 1 : times.within(part)
  }
  return sum / PARTS
}

function silent(counters: readonly Counters[], now: number): boolean {
  for (let ms = 0; ms <= QUIET_MS; ms += TICK_MS) {
    const tick = Math.floor((now - ms) / TICK_MS)
    if (tick < 0) break
    for (const { words } of counters) {
      const at = AT.sends + (tick % RING.slots) * RING.size
      if (words[at + RING.tick] === tick >>> 0 && (words[at + RING.sent] ?? 0) > 0) return false
    }
  }
  return true
}
