/**
 * One unit cannot roll back a model (triggers.md, rule 6).
 *
 * The evidence is summed up again from the ticks without the failures of the unit that contributed most, and
 * must still say the same, with failures of at least three units. Only where hardly anyone else gets good
 * answers do the last 20 calls decide. The second sum is made anew only when it can have changed.
 */

import type { Frozen } from '../stats/e-detector.ts'
import { type FailingUnits, removalKey, type TopUnit } from './failing-units.ts'
import { oneUnitIsAll } from './gross.ts'
import type { LastCalls } from './last-calls.ts'
import type { TickHistory } from './tick-history.ts'
import { type Finding, NOTHING, type StratumCounts, TriggerDetectors } from './trigger.ts'

const LEAST_UNITS = 3
const LONG_TICKS = 40 // phi may have changed
const ENTRIES_A_TICK = 1000 // bounds the cost of summing up again

export type OneUnitOptions = {
  readonly detectors: TriggerDetectors
  readonly finding: Finding // with all units
  readonly units: FailingUnits
  readonly calls: LastCalls | null // null where single calls are not known
  readonly history: TickHistory
  readonly strata: number
  readonly logC: number
  readonly phi: number
  readonly frozen: Frozen | null
  readonly tick: number
}

export type WithoutTop = { readonly finding: Finding; readonly top: TopUnit | null }

type Remembered = WithoutTop & { readonly tick: number; readonly entries: number }

export class OneUnitRule {
  readonly #longTicks: number
  #last: Remembered | null = null

  /** `longTicks`: after so many the second sum is made again in any case. */
  constructor(longTicks: number = LONG_TICKS) {
    this.#longTicks = longTicks
  }

  /** What the detectors say without the top unit; never more than they say with it. */
  check(options: OneUnitOptions): WithoutTop {
    const { detectors, finding, units, calls, tick } = options
    const { mask } = detectors.rule
    const last = this.#last
    if (last && this.#stands(last, options)) {
      const all = last.top !== null && isAll(calls, mask, last.top.unit)
      return all ? { finding, top: last.top } : last
    }
    const since = detectors.firstTick()
    const top = units.top(mask, since)
    const entries = { n: 0 }
    const found = judge(options, since, top, entries)
    this.#last = { finding: found, top, tick, entries: entries.n }
    if (top) units.note(mask, top.unit)
    return this.#last
  }

  /** Whether a second sum would say the same again, or is not worth its cost yet. */
  #stands(last: Remembered, { detectors, finding, units, tick }: OneUnitOptions): boolean {
    const age = tick - last.tick
    if (age >= this.#longTicks) return false
    if (last.finding.verdict === finding.verdict && finding.verdict === 'pause') return true
    if (last.finding.verdict === 'rollback') return false
    return units.others(detectors.rule.mask) === 0 || age < last.entries / ENTRIES_A_TICK
  }
}

function judge(
  options: OneUnitOptions,
  since: number,
  top: TopUnit | null,
  entries: { n: number }
): Finding {
  const { detectors, finding, calls } = options
  if (!top) return NOTHING
  if (isAll(calls, detectors.rule.mask, top.unit)) return finding
  if (top.units < LEAST_UNITS) return NOTHING
  const again = replay(options, since, top, entries)
  return again.verdict === 'rollback' ? finding : again
}

function replay(
  options: OneUnitOptions,
  since: number,
  top: TopUnit,
  entries: { n: number }
): Finding {
  const { detectors, units, history, strata, logC, phi, frozen } = options
  const { rule } = detectors
  const removal = units.ofUnit(top.unit, rule.mask, since)
  const scratch = new TriggerDetectors(rule, strata, logC, since)
  const counts = Array.from({ length: strata }, () => ({ nc: 0, xc: 0, nb: 0, xb: 0 }))
  let tick = -1
  let owed = 0
  history.replay(since, entry => {
    entries.n++
    if (entry.tick !== tick) {
      if (tick >= 0) scratch.add(tick, counts, phi, frozen)
      clear(counts)
      tick = entry.tick
    }
    const sums = counts[entry.stratum]
    if (!sums) return
    owed += removal.get(removalKey(entry.tick, entry.stratum)) ?? 0
    const x = entry.challenger(rule.x)
    const removed = Math.min(x, owed)
    owed -= removed
    sums.xc = x - removed
    sums.nc = Math.max(entry.challenger(rule.n), x)
    sums.xb = entry.champion(rule.x)
    sums.nb = Math.max(entry.champion(rule.n), sums.xb)
  })
  if (tick >= 0) scratch.add(tick, counts, phi, frozen)
  return scratch.find()
}

function isAll(calls: LastCalls | null, mask: number, topUnit: number): boolean {
  return calls !== null && oneUnitIsAll(calls, mask, topUnit)
}

function clear(counts: { -readonly [K in keyof StratumCounts]: number }[]): void {
  for (const sums of counts) {
    sums.nc = 0
    sums.xc = 0
    sums.nb = 0
    sums.xb = 0
  }
}
