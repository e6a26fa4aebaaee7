/**
 * One unit cannot roll back a model (triggers.md, rule 6).
 *
 * The evidence is summed up again from the ticks without the failures of the unit that contributed most, and
 * must still say the same, with failures of at least three units. Only where hardly anyone else gets good
 * answers do the last 20 calls decide.
 */
import { type FailingUnits, removalKey, type TopUnit } from './failing-units.ts'
import { oneUnitIsAll } from './gross.ts'
import type { LastCalls } from './last-calls.ts'
import type { Frozen } from './stats/e-detector.ts'
import type { TickHistory } from './tick-history.ts'
import { type Finding, type StratumCounts, TriggerDetectors } from './trigger.ts'

export const LEAST_UNITS = 3

export type OneUnitOptions = {
  readonly detectors: TriggerDetectors
  readonly finding: Finding
  readonly units: FailingUnits
  readonly calls: LastCalls
  readonly history: TickHistory
  readonly strata: number
  readonly logC: number
  readonly phi: number
  readonly frozen: Frozen | null
}

export type WithoutTop = { readonly finding: Finding; readonly top: TopUnit | null }

/** What the detectors would say without the top unit; never more than they say with it. */
export function withoutTopUnit(options: OneUnitOptions): WithoutTop {
  const { detectors, finding, units, calls } = options
  const { mask } = detectors.rule
  const since = detectors.firstTick()
  const top = units.top(mask, since)
  if (top && oneUnitIsAll(calls, mask, top.unit)) return { finding, top }
  if (!top || top.units < LEAST_UNITS) return { finding: { verdict: 'none', cause: 'none' }, top }
  const again = replay(options, since, top)
  if (again.verdict === 'rollback' && finding.verdict !== 'rollback') return { finding, top }
  return { finding: again, top }
}

function replay(options: OneUnitOptions, since: number, top: TopUnit): Finding {
  const { detectors, units, history, strata, logC, phi, frozen } = options
  const { rule } = detectors
  const removal = units.ofUnit(top.unit, rule.mask, since)
  const scratch = new TriggerDetectors(rule, strata, logC, since)
  let tick = -1
  let owed = 0
  let counts: StratumCounts[] = emptyStrata(strata)
  history.replay(since, entry => {
    if (entry.tick !== tick) {
      if (tick >= 0) scratch.add(tick, counts, phi, frozen)
      counts = emptyStrata(strata)
      tick = entry.tick
    }
    owed += removal.get(removalKey(entry.tick, entry.stratum)) ?? 0
    const x = entry.challenger(rule.x)
    const removed = Math.min(x, owed)
    owed -= removed
    counts[entry.stratum] = {
      nc: entry.challenger(rule.n),
      xc: x - removed,
      nb: entry.champion(rule.n),
      xb: entry.champion(rule.x)
    }
  })
  if (tick >= 0) scratch.add(tick, counts, phi, frozen)
  return scratch.find()
}

function emptyStrata(strata: number): StratumCounts[] {
  return Array.from({ length: strata }, () => ({ nc: 0, xc: 0, nb: 0, xb: 0 }))
}
