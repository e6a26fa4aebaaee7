/**
 * The watch over one challenger: its evidence, its detectors, and the order in which rules 6 and 7 are applied
 * (triggers.md).
 *
 * A rollback needs evidence that does not hang on one unit, and a champion that is well. Where the champion is
 * not, it is a pause and all detectors start again.
 */

import { FAIL_KINDS, ROW, strataOf, TICK_MS } from '../counts.ts'
import type { Frozen } from '../stats/e-detector.ts'
import type { TriggerSettings } from '../trigger-settings.ts'
import type { Arm, TriggerDecision, TriggerStatus, WatchInput } from '../watch.ts'
import { type Absence, absenceLimit, judgeAbsence } from './absence.ts'
import { Alarms } from './alarms.ts'
import type { ChampionCheck } from './champion-check.ts'
import { ChampionGate, type Question } from './champion-gate.ts'
import { type ChampionView, dropLatency } from './champion-view.ts'
import { EvidenceReader } from './evidence.ts'
import { FailingUnits } from './failing-units.ts'
import { GROSS_WINDOW, GrossRule } from './gross.ts'
import { LastCalls } from './last-calls.ts'
import { OneUnitRule } from './one-unit.ts'
import { OtherCohort } from './other-cohort.ts'
import type { Thresholds } from './thresholds.ts'
import { TickHistory } from './tick-history.ts'
import { HEADROOM, type StratumCounts, TriggerDetectors, type TriggerRule } from './trigger.ts'
import { triggerStates } from './trigger-states.ts'
import * as verdict from './verdict.ts'
import { WarmUp } from './warm-up.ts'

export type ChallengerOptions = {
  readonly variant: string
  readonly settings: TriggerSettings
  readonly rules: readonly TriggerRule[]
  readonly splits: number
  readonly thresholds: Thresholds
}

/** What a tick of one challenger adds to the result of the watch. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** An alarm before rule 7. */
type Candidate = Question & {
  readonly verdict: 'rollback' | 'pause'
  readonly sentence: () => string
  readonly evidence: (check: ChampionCheck | null) => verdict.Evidence
}

export class ChallengerWatch {
  readonly #options: ChallengerOptions
  readonly #strata: number // that are compared: hash, and overrides with a split
  readonly #evidence: EvidenceReader
  readonly #calls = new LastCalls()
  readonly #units = new FailingUnits()
  readonly #history = new TickHistory()
  readonly #alarms: Alarms
  readonly #warmUp = new WarmUp()
  readonly #gross: GrossRule
  readonly #counts: Mutable<StratumCounts>[]
  readonly #gate = new ChampionGate()
  #thresholds: Thresholds
  #oneUnit: readonly OneUnitRule[] = []
  #detectors: readonly TriggerDetectors[] = []
  #other: OtherCohort
  #absence: Absence | null = null
  #sinceMs = 0
  #tick = 0
  #generation = -1
  #memory: ArrayBufferLike | undefined
  #quiet = false

  constructor(options: ChallengerOptions) {
    const { variant, settings, splits, thresholds } = options
    this.#options = options
    this.#thresholds = thresholds
    this.#strata = strataOf(splits) - 1
    this.#evidence = new EvidenceReader(splits)
    this.#alarms = new Alarms(variant, settings)
    this.#gross = new GrossRule(this.#strata, thresholds.perLook)
    this.#counts = Array.from({ length: this.#strata }, () => ({ nc: 0, xc: 0, nb: 0, xb: 0 }))
    this.#other = this.#newOther()
  }

  tick(
    input: WatchInput,
    arm: Arm,
    champion: ChampionView,
    tick: number,
    out: TriggerDecision[]
  ): void {
    this.#tick = tick
    const memory = arm.counters[0]?.words.buffer
    const first = memory !== this.#memory
    this.#memory = memory
    if (first || input.generation !== this.#generation) this.startAgain(input.now)
    this.#generation = input.generation
    this.#warmUp.tick(arm, input.now)
    const counted = this.#evidence.read(arm.counters, input.generation)
    if (input.stalled) dropLatency(this.#evidence.rows)
    this.#units.read(arm.counters, input.generation, tick, first)
    const called = this.#calls.read(arm.counters, input.generation, first)
    if (counted || !this.#quiet) this.#add(champion)
    this.#quiet = !counted
    if (called) this.#gross.count(this.#calls)

    const candidates: Candidate[] = []
    this.#findGross(candidates, champion, input.now)
    if (counted || this.#gate.waits) this.#findRules(candidates, champion, input.now)
    this.#decide(candidates, input, arm, champion, out)
    if (counted) this.#findOther(input.now, out)
    this.#findAbsence(input, arm, champion, out)
  }

  /** Forgets all evidence: other ranges, or a champion that was not well. */
  startAgain(now: number): void {
    this.#sinceMs = now
    this.#calls.clear()
    this.#units.clear()
    this.#history.clear()
    this.#gross.clear()
    this.#gate.clear()
    this.#oneUnit = this.#options.rules.map(() => new OneUnitRule())
    this.#detectors = this.#options.rules.map(
      rule => new TriggerDetectors(rule, this.#strata, this.#thresholds.logC, this.#tick)
    )
    this.#other = this.#newOther()
  }

  /** Other thresholds for the evidence that there is. */
  retune(thresholds: Thresholds): void {
    const { logC, perLook } = thresholds
    this.#thresholds = thresholds
    for (const detectors of this.#detectors) detectors.retune(logC)
    this.#oneUnit = this.#options.rules.map(() => new OneUnitRule()) // what they remember is of before
    this.#other.retune(logC, logC + HEADROOM)
    this.#gross.retune(perLook, this.#calls)
  }

  /** Forgets what was said, too: a rollback was cleared. */
  reset(now: number): void {
    this.startAgain(now)
    this.#alarms.clear()
  }

  statuses(now: number, champion: ChampionView): TriggerStatus[] {
    const { variant, settings } = this.#options
    return triggerStates({
      variant,
      sinceMs: this.#sinceMs,
      now,
      alarms: this.#alarms,
      detectors: this.#detectors,
      strata: this.#strata,
      logC: this.#thresholds.logC,
      phi: rule => phiOf(champion, rule),
      anyWarm: this.#warmUp.anyWarm,
      absence: settings.absence ? this.#absence : 'off',
      gross: this.#gross,
      seen: this.#calls.size
    })
  }

  #newOther(): OtherCohort {
    const { logC } = this.#thresholds
    return new OtherCohort(this.#options.rules, logC, logC + HEADROOM, this.#tick)
  }

  /** One tick of evidence into the history and all detectors. */
  #add(champion: ChampionView): void {
    const own = this.#evidence.rows
    const other = champion.evidence.rows
    for (let s = 0; s < this.#strata; s++) {
      const at = s * ROW.size
      if (own[at + ROW.calls] || own[at + ROW.timed]) {
        this.#history.push(this.#tick, s, own, other, at)
      }
    }
    for (const detectors of this.#detectors) {
      const { n, x } = detectors.rule
      for (let s = 0; s < this.#strata; s++) {
        const counts = this.#counts[s]
        if (!counts) continue
        const at = s * ROW.size
        counts.xc = own[at + x] ?? 0
        counts.nc = Math.max(own[at + n] ?? 0, counts.xc)
        counts.xb = other[at + x] ?? 0
        counts.nb = Math.max(other[at + n] ?? 0, counts.xb)
      }
      const { rule } = detectors
      detectors.add(this.#tick, this.#counts, phiOf(champion, rule), frozenOf(champion, rule))
    }
    this.#other.add(own, this.#strata, rule => phiOf(champion, rule), this.#tick)
  }

  #findGross(candidates: Candidate[], champion: ChampionView, now: number): void {
    const { variant } = this.#options
    const found = this.#gross.find(this.#calls, (s, kind) => champion.recentShare(s, kind))
    if (!found) return
    const { failures, limit, championShare, kind, units, withoutTop } = found
    candidates.push({
      trigger: 'gross',
      verdict: 'rollback',
      well: kind.well,
      firstFailureAt: now - sinceMs(found.firstAt, now),
      slaMs: null,
      sentence: () => verdict.grossSentence(variant, failures, limit, championShare),
      evidence: championCheck => ({
        test: kind.name,
        challenger: { requests: GROSS_WINDOW, failures },
        champion: { share: championShare },
        limit,
        withoutTopUnit: withoutTop,
        topUnits: { units, failures, topShare: (failures - withoutTop) / failures },
        windowMs: sinceMs(found.firstAt, now),
        sinceMs: this.#sinceMs,
        championCheck
      })
    })
  }

  #findRules(candidates: Candidate[], champion: ChampionView, now: number): void {
    const { variant, settings } = this.#options
    const { logC } = this.#thresholds
    for (let i = 0; i < this.#detectors.length; i++) {
      const detectors = this.#detectors[i]
      const oneUnit = this.#oneUnit[i]
      if (!detectors || !oneUnit) continue
      const { rule } = detectors
      const alone = detectors.find()
      if (alone.verdict === 'none') continue
      const phi = phiOf(champion, rule)
      const { finding, top } = oneUnit.check({
        detectors,
        finding: alone,
        units: this.#units,
        calls: this.#calls,
        history: this.#history,
        strata: this.#strata,
        logC,
        phi,
        frozen: frozenOf(champion, rule),
        tick: this.#tick
      })
      if (finding.verdict === 'none') continue
      const since = detectors.above.bestStartTick()
      candidates.push({
        trigger: rule.trigger,
        verdict: finding.verdict,
        well: rule.well,
        firstFailureAt: this.#units.firstAt(rule.mask, since) ?? now,
        slaMs: rule.kind === 'latency' ? (settings.latency?.sla ?? null) : null,
        sentence: () => {
          const sums = verdict.sumsOf(detectors, this.#strata)
          return verdict.countSentence(variant, rule.trigger, sums, detectors.above.ratio())
        },
        evidence: check =>
          verdict.countEvidence(detectors, finding, {
            threshold: logC,
            phi,
            sinceMs: now - (this.#tick - since) * TICK_MS,
            now,
            strata: this.#strata,
            frozen: champion.frozen !== null,
            top,
            check
          })
      })
    }
  }

  /** Rule 7, then the action. The first rollback that stands is enough. */
  #decide(
    candidates: readonly Candidate[],
    input: WatchInput,
    arm: Arm,
    champion: ChampionView,
    out: TriggerDecision[]
  ): void {
    let unwell = false
    this.#gate.keep(candidates)
    for (const candidate of candidates) {
      if (candidate.verdict === 'pause') {
        this.#say(candidate, 'pause', null, '', input.now, out)
        continue
      }
      const check = champion.frozen
        ? null
        : this.#gate.ask(candidate, input.champion.counters, arm.counters, champion, input.now)
      if (check?.state === 'wait') continue
      const well = champion.frozen ? input.championHealthy : check?.state !== 'unwell'
      if (well) {
        this.#say(candidate, 'rollback', check, '', input.now, out)
        const last = out.at(-1)
        if (last?.action === 'rollback' && !last.dryRun) return
        continue
      }
      unwell = true
      const ending = verdict.pauseEnding(champion.frozen ? 'frozen' : 'unwell')
      this.#say(candidate, 'pause', check, ending, input.now, out)
    }
    if (unwell) this.startAgain(input.now)
  }

  #say(
    candidate: Candidate,
    acting: 'rollback' | 'pause',
    check: ChampionCheck | null,
    ending: string,
    now: number,
    out: TriggerDecision[]
  ): void {
    const { trigger } = candidate
    if (!this.#alarms.due(trigger, acting, now)) return
    const sentence = candidate.sentence() + ending
    const evidence = candidate.evidence(check)
    out.push(this.#alarms.say({ trigger, verdict: acting, sentence, evidence }, now))
  }

  #findOther(now: number, out: TriggerDecision[]): void {
    for (const { rule, n, x } of this.#other.find()) {
      if (!this.#alarms.due(rule.trigger, 'pause', now)) continue
      const sums = { nc: n, xc: x, nb: 0, xb: 0 }
      const sentence = verdict.otherSentence(this.#options.variant, rule.trigger, sums)
      const evidence = {
        test: 'other-cohort',
        challenger: { requests: n, failures: x },
        limit: rule.max,
        threshold: this.#thresholds.logC,
        sinceMs: this.#sinceMs,
        windowMs: now - this.#sinceMs
      }
      const alarm = { trigger: rule.trigger, verdict: 'pause', sentence, evidence } as const
      out.push(this.#alarms.say(alarm, now))
    }
  }

  /** Armed after an address's first success, or when it had `startup` to get there. */
  #findAbsence(input: WatchInput, arm: Arm, champion: ChampionView, out: TriggerDecision[]): void {
    const { settings, variant } = this.#options
    const { now, stalled } = input
    if (!settings.absence || stalled) return
    const { firstSentAt } = this.#warmUp
    const late = firstSentAt >= 0 && now - firstSentAt > settings.absence.startup
    if (!this.#warmUp.anyAnswered && !late) {
      this.#absence = null
      return
    }
    const limit = absenceLimit(settings.absence, champion.firstBytes)
    const absence = judgeAbsence(arm, input.champion, input.championHealthy, now, limit)
    this.#absence = absence
    if (absence.verdict === 'present') return
    const acting = absence.verdict === 'absent' ? 'rollback' : 'pause'
    if (!this.#alarms.due('absence', acting, now)) return
    const ending = acting === 'pause' ? verdict.pauseEnding('unwell') : ''
    const sentence = verdict.absenceSentence(variant, absence) + ending
    const evidence = { ...absence, threshold: limit, championSilent: acting === 'pause' }
    out.push(this.#alarms.say({ trigger: 'absence', verdict: acting, sentence, evidence }, now))
  }
}

function phiOf(champion: ChampionView, rule: TriggerRule): number {
  return champion.bursts.phi[FAIL_KINDS.indexOf(rule.kind)] ?? 1
}

function frozenOf(champion: ChampionView, rule: TriggerRule): Frozen | null {
  return champion.frozen?.[FAIL_KINDS.indexOf(rule.kind)] ?? null
}

/** Age of a time kept in 32 bits of ms; one that seems to lie ahead is of now. */
function sinceMs(ms: number, now: number): number {
  const age = ((now >>> 0) - ms) >>> 0
  return age > 0x7fffffff ? 0 : age
}
