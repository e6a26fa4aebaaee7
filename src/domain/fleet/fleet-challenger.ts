/**
 * The fleet's watch over one challenger: the detectors of the triggers that count, over the sums of all replicas
 * per slot of 5 s (triggers.md). Gross failure and absence are each replica's own.
 *
 * Only slots count that began after this replica saw the present ranges, of replicas that have the same. A
 * rollback needs evidence that neither one unit nor one replica makes. Rules 7 and 8 are in the counts already.
 */
import { FAIL, FAIL_KINDS } from '../counts.ts'
import type { Frozen } from '../stats/e-detector.ts'
import { Alarms } from '../trigger/alarms.ts'
import { referenceOf } from '../trigger/champion-view.ts'
import { FailingUnits } from '../trigger/failing-units.ts'
import { OneUnitRule, type WithoutTop } from '../trigger/one-unit.ts'
import { fleetLogC, SLOT_MS } from '../trigger/thresholds.ts'
import { TickHistory } from '../trigger/tick-history.ts'
import {
  type Finding,
  NOTHING,
  rulesOf,
  type StratumCounts,
  TriggerDetectors,
  type TriggerRule
} from '../trigger/trigger.ts'
import { countedStates } from '../trigger/trigger-states.ts'
import * as verdict from '../trigger/verdict.ts'
import { RowWindow } from '../trigger/window.ts'
import type { TriggerSettings } from '../trigger-settings.ts'
import type { TriggerDecision, TriggerStatus } from '../watch.ts'
import { fleetEvidence, fleetSentence } from './fleet-evidence.ts'
import { historyKey, replicaSums, withoutTopReplica } from './one-replica.ts'
import { type ReplicaGain, ReplicaGains } from './replica-gains.ts'
import { KIND_ROW } from './totals.ts'

export type FleetSlotTexts = {
  readonly slot: number
  readonly totals: ReadonlyMap<string, string> // by replica
}

/** What holds when slots are judged. */
export type FleetContext = {
  readonly label: string // of the ranges when this replica last wrote its totals
  readonly now: number // ms since the process epoch
  readonly replicas: number // fresh ones, that share the false alarms
  readonly championLive: boolean // the hash sends it requests
  readonly championHealthy: boolean
}

/** How a trigger of the fleet stands. */
export type FleetStatus = TriggerStatus & {
  readonly scope: 'fleet'
  readonly replicas: number // that contribute
  readonly leftOut: number // failures that replicas did not add, since their champion was not well
}

const SLOTS_A_BLOCK = 2 // of 10 s
const COLD_SLOTS = 24 // after a restart, as long as a replica's own warm-up at most
const LATENCY = FAIL_KINDS.indexOf('latency')

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class FleetChallenger {
  readonly #variant: string
  readonly #settings: TriggerSettings
  readonly #rules: readonly TriggerRule[]
  readonly #strata: number
  readonly #gains: ReplicaGains
  readonly #alarms: Alarms
  readonly #units = new FailingUnits()
  readonly #history = new TickHistory(KIND_ROW.size)
  readonly #byReplica = new TickHistory(KIND_ROW.size)
  readonly #champion: RowWindow // the champion's last hour, through changes of ranges
  readonly #own: Float64Array
  readonly #other: Float64Array
  readonly #counts: Mutable<StratumCounts>[]
  #names: string[] = [] // of replicas, by their number in the history
  #oneUnit: readonly OneUnitRule[] = []
  #detectors: readonly TriggerDetectors[] = []
  #frozen: readonly Frozen[] | null = null
  #replicas = 0
  #logC = 0
  #label = ''
  #last = -1 // slot that was read last
  #countFrom = 0
  #sinceMs = 0
  #coldUntil = 0 // slot until which latency is left out

  /** `strata`: those that are compared, the hash first. */
  constructor(variant: string, settings: TriggerSettings, strata: number) {
    this.#variant = variant
    this.#settings = settings
    this.#rules = rulesOf(settings).map(inKindRow)
    this.#strata = strata
    this.#gains = new ReplicaGains({ kind: 'arms', rows: 2 * strata })
    this.#alarms = new Alarms(variant, settings)
    this.#champion = new RowWindow(strata * KIND_ROW.size)
    this.#own = new Float64Array(strata * KIND_ROW.size)
    this.#other = new Float64Array(strata * KIND_ROW.size)
    this.#counts = Array.from({ length: strata }, () => ({ nc: 0, xc: 0, nb: 0, xb: 0 }))
  }

  /** Takes slots in order; `phi` by kind. Gives what must be done, the last slot's alone. */
  take(
    slots: readonly FleetSlotTexts[],
    phi: Float64Array,
    context: FleetContext
  ): TriggerDecision[] {
    this.#retune(context.replicas)
    const first = slots[0]
    if (first && first.slot <= this.#last) this.#otherClock()
    const last = slots.at(-1)?.slot ?? this.#last
    if (context.label !== this.#label) this.#startAgain(context, last)
    let counted = false
    for (const { slot, totals } of slots) {
      const gains = this.#gains.read(slot, totals, this.#label)
      if (slot >= this.#countFrom) counted = this.#add(slot, gains, phi, context) || counted
      this.#last = slot
    }
    return counted ? this.#find(phi, context) : []
  }

  statuses(phi: Float64Array, now: number): FleetStatus[] {
    const replicas = this.#gains.fresh(this.#label, this.#last)
    const leftOut = this.#gains.leftOut(this.#label)
    const states = countedStates({
      variant: this.#variant,
      sinceMs: this.#sinceMs,
      now,
      alarms: this.#alarms,
      detectors: this.#detectors,
      strata: this.#strata,
      logC: this.#logC,
      phi: ({ kind }) => phi[FAIL_KINDS.indexOf(kind)] ?? 1,
      anyWarm: this.#last >= this.#coldUntil
    })
    return states.map(state => ({ ...state, scope: 'fleet', replicas, leftOut }))
  }

  #retune(replicas: number): void {
    if (replicas === this.#replicas) return
    this.#replicas = replicas
    this.#logC = fleetLogC(this.#settings.alphaPerDay, replicas)
    for (const detectors of this.#detectors) detectors.retune(this.#logC)
  }

  /** Slots are numbered by another clock: nothing that is known can be told from what comes. */
  #otherClock(): void {
    this.#gains.clear()
    this.#label = ''
  }

  /**
   * The totals with the new label were written into the slot after `last`, which began before this replica saw
   * the change; those after it count.
   */
  #startAgain({ label, now }: FleetContext, last: number): void {
    this.#label = label
    this.#sinceMs = now
    this.#countFrom = last + 2
    this.#names = []
    this.#units.clear()
    this.#history.clear()
    this.#byReplica.clear()
    this.#oneUnit = this.#rules.map(() => new OneUnitRule(1))
    this.#detectors = this.#rules.map(
      rule => new TriggerDetectors(rule, this.#strata, this.#logC, this.#countFrom)
    )
  }

  /** One slot of evidence; true when anything was counted. */
  #add(
    slot: number,
    gains: readonly ReplicaGain[],
    phi: Float64Array,
    { now, championLive }: FleetContext
  ): boolean {
    this.#own.fill(0)
    this.#other.fill(0)
    if (gains.some(({ restarted }) => restarted)) this.#coldUntil = slot + COLD_SLOTS
    for (const gain of gains) this.#sum(slot, gain, now)
    for (let s = 0; s < this.#strata; s++) {
      const at = s * KIND_ROW.size
      if (gains.length > 0) this.#history.push(slot, s, this.#own, this.#other, at)
    }
    if (championLive) this.#frozen = null
    else this.#frozen ??= FAIL_KINDS.map((_, kind) => this.#reference(kind))
    if (championLive) this.#champion.add(this.#other)
    if (championLive && slot % SLOTS_A_BLOCK === 0) this.#champion.roll()
    for (const detectors of this.#detectors) {
      const { n, x, kind } = detectors.rule
      for (let s = 0; s < this.#strata; s++) {
        const counts = this.#counts[s]
        if (!counts) continue
        const at = s * KIND_ROW.size
        counts.xc = this.#own[at + x] ?? 0
        counts.nc = Math.max(this.#own[at + n] ?? 0, counts.xc)
        counts.xb = this.#other[at + x] ?? 0
        counts.nb = Math.max(this.#other[at + n] ?? 0, counts.xb)
      }
      const index = FAIL_KINDS.indexOf(kind)
      detectors.add(slot, this.#counts, phi[index] ?? 1, this.#frozen?.[index] ?? null)
    }
    return gains.length > 0
  }

  #sum(slot: number, { replica, words, units }: ReplicaGain, now: number): void {
    let number = this.#names.indexOf(replica)
    if (number < 0) number = this.#names.push(replica) - 1
    const own = new Float64Array(KIND_ROW.size)
    const other = new Float64Array(KIND_ROW.size)
    const until = slot < this.#coldUntil ? 2 * LATENCY : KIND_ROW.size
    for (let s = 0; s < this.#strata; s++) {
      const at = s * KIND_ROW.size
      for (let i = 0; i < until; i++) {
        own[i] = words[2 * at + i] ?? 0
        other[i] = words[2 * at + KIND_ROW.size + i] ?? 0
        this.#own[at + i] = (this.#own[at + i] ?? 0) + (own[i] ?? 0)
        this.#other[at + i] = (this.#other[at + i] ?? 0) + (other[i] ?? 0)
      }
      this.#byReplica.push(slot, historyKey(number, s), own, other, 0)
    }
    for (const { unit, kinds, count } of units) {
      if (kinds & FAIL.latency && slot < this.#coldUntil) continue
      const failure = { unit, kinds: kinds & 0xff, stratum: kinds >>> 8, count, ms: now }
      this.#units.add(slot, failure)
    }
  }

  /** Every rule that says something with all units and replicas, and without the top ones. */
  #find(phi: Float64Array, context: FleetContext): TriggerDecision[] {
    const decided: TriggerDecision[] = []
    for (let i = 0; i < this.#detectors.length; i++) {
      const detectors = this.#detectors[i]
      const oneUnit = this.#oneUnit[i]
      if (!detectors || !oneUnit) continue
      const index = FAIL_KINDS.indexOf(detectors.rule.kind)
      const { finding, top } = this.#withoutTops(detectors, oneUnit, phi[index] ?? 1, index)
      if (finding.verdict === 'none') continue
      const held = finding.verdict === 'rollback' && this.#frozen && !context.championHealthy
      const acting = held ? 'pause' : finding.verdict
      if (!this.#alarms.due(detectors.rule.trigger, acting, context.now)) continue
      decided.push(this.#decision(detectors, finding, top, acting, phi[index] ?? 1, context))
    }
    return decided
  }

  #withoutTops(
    detectors: TriggerDetectors,
    oneUnit: OneUnitRule,
    phi: number,
    index: number
  ): WithoutTop {
    const alone = detectors.find()
    if (alone.verdict === 'none') return { finding: NOTHING, top: null }
    const shared = {
      detectors,
      strata: this.#strata,
      logC: this.#logC,
      phi,
      frozen: this.#frozen?.[index] ?? null
    }
    const finding = withoutTopReplica({ ...shared, finding: alone, byReplica: this.#byReplica })
    if (finding.verdict === 'none') return { finding, top: null }
    return oneUnit.check({
      ...shared,
      finding,
      units: this.#units,
      calls: null,
      history: this.#history,
      tick: this.#last
    })
  }

  #decision(
    detectors: TriggerDetectors,
    finding: Finding,
    top: WithoutTop['top'],
    acting: 'rollback' | 'pause',
    phi: number,
    { now }: FleetContext
  ): TriggerDecision {
    const { rule } = detectors
    const since = detectors.above.bestStartTick()
    const sums = replicaSums(this.#byReplica, rule, since)
    const counts = new Map([...sums].map(([i, sum]) => [this.#names[i] ?? '', sum]))
    const counted = verdict.countEvidence(detectors, finding, {
      threshold: this.#logC,
      phi,
      sinceMs: now - (this.#last + 1 - since) * SLOT_MS,
      now,
      strata: this.#strata,
      frozen: this.#frozen !== null,
      top,
      check: null
    })
    const all = verdict.sumsOf(detectors, this.#strata)
    const said = verdict.countSentence(this.#variant, rule.trigger, all, detectors.above.ratio())
    const ending = acting === finding.verdict ? '' : verdict.pauseEnding('frozen')
    const alarm = {
      trigger: rule.trigger,
      verdict: acting,
      sentence: fleetSentence(said, counts.size) + ending,
      evidence: fleetEvidence(counted, counts, this.#gains.leftOut(this.#label))
    }
    return this.#alarms.say(alarm, now)
  }

  #reference(kind: number): Frozen {
    const n = this.#champion.hour[2 * kind] ?? 0
    return referenceOf(n, this.#champion.hour[2 * kind + 1] ?? 0)
  }
}

/** The rule with the words of a row of totals. */
function inKindRow(rule: TriggerRule): TriggerRule {
  const n = 2 * FAIL_KINDS.indexOf(rule.kind)
  return { ...rule, n, x: n + 1 }
}
