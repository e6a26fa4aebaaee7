/**
 * Gross failure: so many of the last 12 calls went wrong that no history is needed (triggers.md).
 *
 * k of 12 is the smallest number that chance reaches less often than the share of false alarms that this rule
 * may use, when calls fail with p = max(2 %, twice the champion's share of the last 5 minutes). Calls not yet
 * seen count as good. One look per tick, so at most 345,600 looks a day.
 */
import { CALLED, FAIL } from '../counts.ts'
import { binomialTail } from '../stats/binomial.ts'
import type { LastCalls } from './last-calls.ts'

export const GROSS_WINDOW = 12
const LEAST_SHARE = 0.02
const LEAST_UNITS = 3

/** What is counted, in the order of the well counts of rule 7; `any` is the union of the three. */
export const GROSS_KINDS = [
  { name: 'errors', mask: FAIL.errors, well: 0 },
  { name: 'clientErrors', mask: FAIL.clientErrors, well: 1 },
  { name: 'badPredictions', mask: FAIL.badPredictions, well: 2 },
  {
    name: 'any',
    mask: FAIL.errors | FAIL.clientErrors | FAIL.badPredictions,
    well: 4
  }
] as const

/** Failures of the last 12 calls of a stratum: all, and those of the unit with most. */
export type GrossCount = {
  readonly failures: number
  readonly withoutTop: number
  readonly units: number
  readonly topUnit: number
  readonly firstAt: number // ms of the earliest failure
}

/** Smallest k of 12 that chance reaches with probability `alpha` at most in one look; 13 = never. */
export function grossLimit(championShare: number, alpha: number): number {
  const p = Math.max(LEAST_SHARE, Math.min(1, 2 * championShare))
  let k = 1
  while (k <= GROSS_WINDOW && binomialTail(k, GROSS_WINDOW, p) > alpha) k++
  return k
}

export type GrossFinding = GrossCount & {
  readonly kind: (typeof GROSS_KINDS)[number]
  readonly limit: number
  readonly championShare: number
}

export class GrossRule {
  readonly #strata: number
  #perLook: number
  #least: number
  #counts: GrossCount[] = []

  constructor(strata: number, perLook: number) {
    this.#strata = strata
    this.#perLook = perLook
    this.#least = grossLimit(0, perLook)
  }

  /** No limit is below it. */
  get least(): number {
    return this.#least
  }

  /** Another probability of a false alarm in one look, for the calls that there are. */
  retune(perLook: number, calls: LastCalls): void {
    this.#perLook = perLook
    this.#least = grossLimit(0, perLook)
    this.count(calls)
  }

  clear(): void {
    this.#counts = []
  }

  /** Counts anew, after calls were added. */
  count(calls: LastCalls): void {
    this.#counts = []
    const mask = FAIL.errors | FAIL.clientErrors | FAIL.badPredictions
    if (calls.failures(mask, calls.size) < this.least) return
    for (let s = 0; s < this.#strata; s++) {
      for (const kind of GROSS_KINDS) this.#counts.push(countGross(calls, s, kind.mask))
    }
  }

  /** The first kind in the first stratum that reaches its limit; `share` by stratum and FAIL_KINDS. */
  find(calls: LastCalls, share: (stratum: number, kind: number) => number): GrossFinding | null {
    for (let i = 0; i < this.#counts.length; i++) {
      const count = this.#counts[i]
      const kind = GROSS_KINDS[i % GROSS_KINDS.length]
      if (!count || !kind || count.failures < this.least) continue
      const championShare = shareOf(kind.well, Math.floor(i / GROSS_KINDS.length), share)
      const limit = grossLimit(championShare, this.#perLook)
      if (count.failures < limit) continue
      const reached =
        (count.withoutTop >= limit && count.units >= LEAST_UNITS) ||
        oneUnitIsAll(calls, kind.mask, count.topUnit)
      if (reached) return { ...count, kind, limit, championShare }
    }
    return null
  }

  /** The largest number of failures of one kind, for people who look. */
  get most(): number {
    let most = 0
    for (const { failures } of this.#counts) most = Math.max(most, failures)
    return most
  }
}

function shareOf(
  well: number,
  stratum: number,
  share: (stratum: number, kind: number) => number
): number {
  if (well < 4) return share(stratum, well)
  return Math.min(1, share(stratum, 0) + share(stratum, 1) + share(stratum, 2))
}

export function countGross(calls: LastCalls, stratum: number, mask: number): GrossCount {
  let seen = 0
  let failures = 0
  let firstAt = Infinity
  const byUnit = new Map<number, number>()
  for (let i = 0; i < calls.size && seen < GROSS_WINDOW; i++) {
    const kinds = calls.kindsOf(i)
    if (calls.stratumOf(i) !== stratum || !(kinds & CALLED)) continue
    seen++
    if (!(kinds & mask)) continue
    failures++
    firstAt = calls.msOf(i)
    byUnit.set(calls.unitOf(i), (byUnit.get(calls.unitOf(i)) ?? 0) + 1)
  }
  let topUnit = 0
  let most = 0
  for (const [unit, n] of byUnit) if (n > most) [topUnit, most] = [unit, n]
  return { failures, withoutTop: failures - most, units: byUnit.size, topUnit, firstAt }
}

const LAST = 20
const HALF = 10
const FEW = 3

/**
 * Where hardly anyone else gets good answers, the failing unit is nearly all there is, and the last 20 calls
 * decide: half of them failed.
 */
export function oneUnitIsAll(calls: LastCalls, mask: number, topUnit: number): boolean {
  return calls.goodToOthers(mask, topUnit) < FEW && calls.failures(mask, LAST) >= HALF
}
