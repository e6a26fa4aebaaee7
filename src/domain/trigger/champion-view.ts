/**
 * The champion as the triggers see it: this tick's evidence, what was usual in the last minutes and the last
 * hour, bursts, and how long its answers take.
 *
 * While the hash gives it no requests (a challenger at 100 %), what it did before stands frozen.
 */

import { type Counters, ROW, strataOf } from '../counts.ts'
import { shareHigh } from '../stats/binomial.ts'
import type { Frozen } from '../stats/e-detector.ts'
import type { WatchInput } from '../watch.ts'
import { AnswerTimes } from './answer-times.ts'
import { EvidenceReader, FAILED, JUDGED } from './evidence.ts'
import { Bursts } from './phi.ts'
import { BLOCK_MS, RowWindow } from './window.ts'

const FROZEN_ALPHA = 0.001
const LEARN_TICKS = 4
const LEARN_ANSWERS = 1000
const FROZEN_LEAST = 100 // requests; fewer are no reference

export class ChampionView {
  readonly evidence: EvidenceReader
  readonly window: RowWindow
  readonly bursts = new Bursts()
  readonly firstBytes = new AnswerTimes('firstBytes')
  readonly answers = new AnswerTimes('answers')
  /** Null while the champion is live; per kind, in the order of FAIL_KINDS, once it is not. */
  frozen: readonly Frozen[] | null = null
  #blockEnd = -1
  #ticks = 0

  constructor(splits: number) {
    this.evidence = new EvidenceReader(splits)
    this.window = new RowWindow(strataOf(splits) * ROW.size)
  }

  tick({ now, generation, champion, stalled }: WatchInput): void {
    const changed = this.evidence.read(champion.counters, generation)
    if (stalled) dropLatency(this.evidence.rows)
    const live = champion.weight > 0
    if (live) {
      this.frozen = null
      if (changed) this.window.add(this.evidence.rows)
    } else this.frozen ??= FAILED.map((_, kind) => this.#freeze(kind))
    if (now < this.#blockEnd) {
      if (++this.#ticks % LEARN_TICKS === 0) this.#learn(champion.counters)
      return
    }
    this.#blockEnd =
      this.#blockEnd < 0 || now > this.#blockEnd + BLOCK_MS
        ? now + BLOCK_MS
        : this.#blockEnd + BLOCK_MS
    if (live) this.window.roll()
    this.bursts.close(champion.counters)
    this.firstBytes.close(champion.counters)
    this.answers.close(champion.counters)
  }

  /** Share of a kind in the last 5 minutes of a stratum; 0 without requests. */
  recentShare(stratum: number, kind: number): number {
    const at = stratum * ROW.size
    const n = this.window.recent[at + (JUDGED[kind] ?? 0)] ?? 0
    const x = this.window.recent[at + (FAILED[kind] ?? 0)] ?? 0
    return n > 0 ? Math.min(1, x / n) : 0
  }

  /** The first answers count at once: a rule that waits for them would be blind, or wrong for a slow model. */
  #learn(counters: readonly Counters[]): void {
    if (this.answers.size < LEARN_ANSWERS) this.answers.learn(counters)
    if (this.firstBytes.size < LEARN_ANSWERS) this.firstBytes.learn(counters)
  }

  #freeze(kind: number): Frozen {
    const n = this.window.hour[JUDGED[kind] ?? 0] ?? 0
    return referenceOf(n, this.window.hour[FAILED[kind] ?? 0] ?? 0)
  }
}

/** What stands for a champion that gets no more requests: n of them in its last hour, of which x failed. */
export function referenceOf(n: number, x: number): Frozen {
  const failed = Math.min(n, x)
  return { n, x: failed, share: n < FROZEN_LEAST ? 1 : shareHigh(failed, n, FROZEN_ALPHA) }
}

/** A tick in which we stalled says nothing about latency (rule 8). */
export function dropLatency(rows: Float64Array): void {
  for (let at = 0; at < rows.length; at += ROW.size) {
    rows[at + ROW.timed] = 0
    rows[at + ROW.latency] = 0
  }
}
