/**
 * What this replica adds to the fleet's counts of one challenger: the counts of both arms, once it is clear that
 * they are nobody else's fault (triggers.md, rules 7 and 8).
 *
 * Failures are held until the champion's check says what they mean, a minute at most; kinds of failure wait apart
 * from each other. Counting begins anew with other ranges. Nothing here looks at another replica.
 */
import { FAIL_KINDS, ROW, strataOf } from '../counts.ts'
import { binomialTail } from '../stats/binomial.ts'
import { ChampionGate, type Question } from '../trigger/champion-gate.ts'
import { type ChampionView, dropLatency } from '../trigger/champion-view.ts'
import { EvidenceReader } from '../trigger/evidence.ts'
import { FailureReader } from '../trigger/failure-reader.ts'
import { rulesOf, type TriggerRule } from '../trigger/trigger.ts'
import type { TriggerSettings } from '../trigger-settings.ts'
import type { Arm, WatchInput } from '../watch.ts'
import { HeldCounts } from './held-counts.ts'
import { Restarts } from './restarts.ts'
import { KIND_ROW, type Totals } from './totals.ts'
import { UnitTotals } from './unit-totals.ts'

const SECOND_MS = 1_000
const LEAST_SHARE = 0.02
const CHANCE = 1e-4 // below it, failures are an incident
const PATIENCE_MS = 5_000 // with failures that may be chance, for more of them to tell

type Asked = Question & {
  readonly rule: TriggerRule
  readonly failedAt: number
  readonly notable: boolean
}

export class ChallengerContribution {
  readonly #rules: readonly TriggerRule[]
  readonly #slaMs: number | null
  readonly #strata: number // those that are compared, the hash first
  readonly #nextEra: () => number
  readonly #evidence: EvidenceReader
  readonly #failures = new FailureReader()
  readonly #gate = new ChampionGate()
  readonly #held: readonly HeldCounts[]
  readonly #units = new UnitTotals()
  readonly #restarts = new Restarts()
  #words: Float64Array
  #era = 0
  #leftOut = 0
  #generation = -1
  #memory: ArrayBufferLike | undefined

  /** `nextEra` gives a number above all before it in this process. */
  constructor(settings: TriggerSettings, splits: number, nextEra: () => number) {
    const strata = strataOf(splits) - 1
    this.#nextEra = nextEra
    this.#rules = rulesOf(settings)
    this.#slaMs = settings.latency?.sla ?? null
    this.#strata = strata
    this.#evidence = new EvidenceReader(splits)
    this.#held = FAIL_KINDS.map(() => new HeldCounts(strata))
    this.#words = new Float64Array(strata * 2 * KIND_ROW.size)
  }

  /** One second. */
  tick(input: WatchInput, arm: Arm, champion: ChampionView): void {
    const memory = arm.counters[0]?.words.buffer
    const first = memory !== this.#memory
    this.#memory = memory
    if (first || input.generation !== this.#generation) this.#startAnew()
    this.#generation = input.generation
    this.#evidence.read(arm.counters, input.generation)
    if (input.stalled) dropLatency(this.#evidence.rows)
    for (const rule of this.#rules) this.#hold(rule, champion)
    this.#failures.read(arm.counters, input.generation, first, failure => {
      for (const { mask, kind } of this.#rules) {
        if (failure.kinds & mask) this.#held[FAIL_KINDS.indexOf(kind)]?.failures.push(failure)
      }
    })
    this.#judge(input, arm, champion)
    this.#restarts.look(arm)
  }

  totals(label: string, now: number): Totals {
    return {
      label,
      era: this.#era,
      words: this.#words,
      units: this.#units.top(now),
      leftOut: this.#leftOut,
      restarts: this.#restarts.count
    }
  }

  #startAnew(): void {
    this.#era = this.#nextEra()
    this.#words = new Float64Array(this.#words.length)
    this.#leftOut = 0
    this.#units.clear()
    this.#gate.clear()
    for (const held of this.#held) held.clear()
  }

  #hold({ kind, n, x }: TriggerRule, champion: ChampionView): void {
    const held = this.#held[FAIL_KINDS.indexOf(kind)]
    const own = this.#evidence.rows
    const other = champion.evidence.rows
    for (let s = 0; s < this.#strata; s++) {
      const at = s * ROW.size
      held?.add(s, own[at + n] ?? 0, own[at + x] ?? 0, other[at + n] ?? 0, other[at + x] ?? 0)
    }
  }

  /** Adds what need not wait any longer. Without failures, or a champion in traffic, there is no question. */
  #judge(input: WatchInput, arm: Arm, champion: ChampionView): void {
    const { now } = input
    const asked: Asked[] = []
    for (const rule of this.#rules) {
      const kind = FAIL_KINDS.indexOf(rule.kind)
      const { n, x } = this.#held[kind]?.sums() ?? { n: 0, x: 0 }
      if (x === 0 || champion.frozen) {
        this.#release(rule, true, now)
        continue
      }
      const unseen = { sentAt: now - SECOND_MS, failedAt: now }
      const { sentAt, failedAt } = this.#held[kind]?.first() ?? unseen
      const { trigger, well } = rule
      const slaMs = rule.kind === 'latency' ? this.#slaMs : null
      const notable = isNotable(n, x, champion.recentShare(0, kind))
      asked.push({ rule, failedAt, trigger, well, firstFailureAt: sentAt, slaMs, notable })
    }
    this.#gate.keep(asked)
    for (const question of asked) {
      const { counters } = input.champion
      const { state } = this.#gate.ask(question, counters, arm.counters, champion, now)
      const early = !question.notable && now - question.failedAt < PATIENCE_MS
      if (state === 'wait' || (state === 'unwell' && early)) continue
      this.#release(question.rule, state !== 'unwell', now)
    }
  }

  #release({ kind, mask }: TriggerRule, well: boolean, now: number): void {
    const index = FAIL_KINDS.indexOf(kind)
    const held = this.#held[index]
    if (!held) return
    if (well) {
      for (const { unit, stratum, count } of held.failures) {
        this.#units.add(unit, mask | (stratum << 8), count, now)
      }
    }
    this.#leftOut += held.release(this.#words, index, well)
  }
}

/** Whether so many failures are more than chance, at twice the champion's usual share or 2 %. */
function isNotable(n: number, x: number, usual: number): boolean {
  return binomialTail(x, n, Math.min(1, Math.max(LEAST_SHARE, 2 * usual))) < CHANCE
}
