/**
 * What a trigger's alarm says to people: the evidence as plain data, and one sentence.
 *
 * Numbers here are finite or null, so that they survive JSON.
 */

import { rateRatioInterval } from '../stats/rate-ratio.ts'
import type { Absence } from './absence.ts'
import type { ChampionCheck } from './champion-check.ts'
import type { TopUnit } from './failing-units.ts'
import type { Finding, StratumCounts, TriggerDetectors } from './trigger.ts'

export type Evidence = Readonly<Record<string, unknown>>

const WHAT = {
  errors: 'failed',
  client_errors: 'were answered with a 4xx',
  bad_predictions: 'had a bad prediction',
  latency: 'took longer than the SLA',
  absence: 'had no answer',
  gross: 'went wrong'
} as const

export function countEvidence(
  detectors: TriggerDetectors,
  finding: Finding,
  figures: {
    readonly threshold: number
    readonly phi: number
    readonly sinceMs: number
    readonly now: number
    readonly strata: number
    readonly frozen: boolean
    readonly top: TopUnit | null
    readonly check: ChampionCheck | null
  }
): Evidence {
  const sums = sumsOf(detectors, figures.strata)
  const { low, high } = rateRatioInterval(sums)
  const { nc, nb } = sums
  return {
    test: finding.cause,
    challenger: { requests: nc, failures: sums.xc },
    champion: { requests: nb, failures: sums.xb, frozen: figures.frozen },
    share: nc + nb > 0 ? nc / (nc + nb) : null,
    ratio: detectors.above.ratio(),
    ratioInterval: [low, Number.isFinite(high) ? high : null],
    logEvidence: detectors.evidence(),
    logPerAlternative: Array.from(detectors.above.logs),
    threshold: figures.threshold,
    phi: figures.phi,
    sinceMs: figures.sinceMs,
    windowMs: figures.now - figures.sinceMs,
    topUnits: topUnits(figures.top),
    championCheck: figures.check
  }
}

/** Counts of both arms since the reset of the best alternative, over all strata. */
export function sumsOf(detectors: TriggerDetectors, strata: number): StratumCounts {
  const sums = { nc: 0, xc: 0, nb: 0, xb: 0 }
  for (let s = 0; s < strata; s++) {
    const [nc, xc, nb, xb] = detectors.above.since(s)
    sums.nc += nc
    sums.xc += xc
    sums.nb += nb
    sums.xb += xb
  }
  return sums
}

export function topUnits(top: TopUnit | null): Evidence | null {
  if (!top || top.known === 0) return null
  return { units: top.units, failures: top.known, topShare: top.failures / top.known }
}

export function countSentence(
  variant: string,
  trigger: keyof typeof WHAT,
  sums: StratumCounts,
  ratio: number | null
): string {
  const { nc, xc, nb, xb } = sums
  const times = ratio === null ? '' : ` (${ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)} times)`
  return `Of ${nc} requests to ${variant}, ${xc} ${WHAT[trigger]} (${percent(xc, nc)}); of ${nb} to the champion, ${xb} (${percent(xb, nb)})${times}.`
}

/** Requests that the hash did not assign have no counterpart at the champion. */
export function otherSentence(
  variant: string,
  trigger: keyof typeof WHAT,
  { nc, xc }: StratumCounts
): string {
  return `Of ${nc} requests that the hash did not assign to ${variant}, ${xc} ${WHAT[trigger]} (${percent(xc, nc)}). They cannot be compared with the champion's, so traffic stays.`
}

export function absenceSentence(variant: string, { pending, waitedMs }: Absence): string {
  return `${variant} has not answered for ${(waitedMs / 1000).toFixed(1)} s while ${pending} requests wait.`
}

export function grossSentence(
  variant: string,
  failures: number,
  limit: number,
  championShare: number
): string {
  return `${failures} of the last 12 prediction calls of ${variant} went wrong (limit ${limit}); of the champion's in the last 5 minutes, ${(championShare * 100).toFixed(1)} %.`
}

const ENDINGS = {
  unwell: ' The champion is not well either, so traffic stays.',
  frozen: ' The champion cannot take over: its health checks fail, so traffic stays.'
} as const

/** Why an alarm only pauses. */
export function pauseEnding(reason: keyof typeof ENDINGS): string {
  return ENDINGS[reason]
}

function percent(x: number, n: number): string {
  return n > 0 ? `${((100 * x) / n).toFixed(x * 10 < n ? 1 : 0)} %` : 'no data'
}
