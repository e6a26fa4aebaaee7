/**
 * The detectors behind one trigger that counts failures, and what they say together (triggers.md, table).
 *
 * errors, clientErrors: the challenger's rate against the champion's. badPredictions, latency: a share above
 * its limit, and above the champion's. The same object runs over live ticks and over the history without one
 * unit (rule 6). Evidence is divided by phi.
 */
import { FAIL, type FailKind, ROW } from '../counts.ts'
import type { Frozen } from '../stats/e-detector.ts'
import { OneSampleDetector, TwoSampleDetector } from '../stats/e-detector.ts'
import type { TriggerName, TriggerSettings } from '../trigger-settings.ts'

export const HEADROOM = 3 // nats above the threshold at which evidence is capped
const FLOOR = 0.001
const LEAST_FAILURES = 5
const PAUSE_RATIO = 1.5

/** What to test, from the settings. `n` and `x` are words of an evidence row. */
export type TriggerRule = {
  readonly trigger: TriggerName
  readonly kind: FailKind
  readonly mask: number
  readonly well: 0 | 1 | 2 | 3 // index into the well counts (rule 7)
  readonly n: number
  readonly x: number
  readonly ratio: number | null // limit of the rate ratio; null where only the share has a limit
  readonly max: number | null // limit of the share
}

/** Rules of the triggers that count and are not off, in order. */
export function rulesOf(settings: TriggerSettings): readonly TriggerRule[] {
  const { errors, clientErrors, badPredictions, latency } = settings
  const rules: TriggerRule[] = []
  if (errors) rules.push(rule('errors', 'errors', 0, errors.ratio, errors.max))
  if (clientErrors) rules.push(rule('client_errors', 'clientErrors', 1, clientErrors.ratio, null))
  if (badPredictions)
    rules.push(rule('bad_predictions', 'badPredictions', 2, null, badPredictions.max))
  if (latency) rules.push(rule('latency', 'latency', 3, null, 1 - latency.percentile / 100))
  return rules
}

function rule(
  trigger: TriggerName,
  kind: FailKind,
  well: 0 | 1 | 2 | 3,
  ratio: number | null,
  max: number | null
): TriggerRule {
  const words = {
    errors: [ROW.calls, ROW.errors],
    clientErrors: [ROW.calls, ROW.clientErrors],
    badPredictions: [ROW.judged, ROW.badPredictions],
    latency: [ROW.timed, ROW.latency]
  } as const
  const [n, x] = words[kind]
  return { trigger, kind, mask: FAIL[kind], well, n, x, ratio, max }
}

/** What the detectors of a rule say; `cause` names the test that decided. */
export type Finding = {
  readonly verdict: 'rollback' | 'pause' | 'none'
  readonly cause: 'ratio' | 'strong-ratio' | 'share' | 'none'
}

export const NOTHING: Finding = { verdict: 'none', cause: 'none' }

export type StratumCounts = {
  readonly nc: number
  readonly xc: number
  readonly nb: number
  readonly xb: number
}

export class TriggerDetectors {
  readonly rule: TriggerRule
  /** Rate above the champion's; its sums are the evidence that is shown. */
  readonly above: TwoSampleDetector
  readonly #twice: TwoSampleDetector | null
  readonly #pausing: TwoSampleDetector | null
  readonly #floor: OneSampleDetector | null
  readonly #share: OneSampleDetector | null
  readonly #two: readonly TwoSampleDetector[]
  readonly #one: readonly OneSampleDetector[]
  #threshold: number

  constructor(rule: TriggerRule, strata: number, threshold: number, tick: number) {
    const cap = threshold + HEADROOM
    const two = (rho0: number) => new TwoSampleDetector(rho0, strata, cap, tick)
    const one = (p0: number) => new OneSampleDetector(p0, cap, tick)
    this.rule = rule
    this.#threshold = threshold
    this.above = two(1)
    this.#twice = rule.ratio === null ? null : two(rule.ratio / 2)
    this.#pausing = rule.ratio === null ? null : two(PAUSE_RATIO)
    this.#floor = rule.ratio === null ? null : one(FLOOR)
    this.#share = rule.max === null ? null : one(rule.max)
    this.#two = [this.above, this.#twice, this.#pausing].filter(d => d !== null)
    this.#one = [this.#floor, this.#share].filter(d => d !== null)
  }

  /** Another threshold for the evidence that there is. */
  retune(threshold: number): void {
    this.#threshold = threshold
    for (const detector of this.#two) detector.retune(threshold + HEADROOM)
    for (const detector of this.#one) detector.retune(threshold + HEADROOM)
  }

  /** One tick: counts per stratum. An arm without requests tells nothing about the ratio. */
  add(tick: number, strata: readonly StratumCounts[], phi: number, frozen: Frozen | null): void {
    let n = 0
    let x = 0
    let compared = false
    for (let s = 0; s < strata.length; s++) {
      const counts = strata[s]
      if (!counts) continue
      n += counts.nc
      x += counts.xc
      compared ||= counts.nc > 0 && (counts.nb > 0 || (s === 0 && frozen !== null))
    }
    for (const detector of this.#one) detector.add(n, x, phi, tick)
    if (!compared) return
    for (const detector of this.#two) {
      detector.open(tick)
      for (let s = 0; s < strata.length; s++) {
        const counts = strata[s]
        if (!counts || counts.nc === 0) continue
        if (s === 0 && frozen) detector.addFrozen(0, counts.nc, counts.xc, frozen, phi)
        else if (counts.nb > 0) {
          detector.add(s, counts.nc, counts.nb, counts.xc, counts.xb, phi)
        }
      }
    }
  }

  find(): Finding {
    const c = this.#threshold
    const above = this.above.atLeast(c)
    const beyond = this.#share?.atLeast(c) ?? false
    if (this.rule.ratio === null) {
      if (beyond && above) return { verdict: 'rollback', cause: 'share' }
      return beyond ? { verdict: 'pause', cause: 'share' } : NOTHING
    }
    if (beyond && above) return { verdict: 'rollback', cause: 'share' }
    if (this.#floor?.atLeast(c)) {
      if (above && this.#enough(this.above) && (this.above.ratio() ?? 0) >= this.rule.ratio) {
        return { verdict: 'rollback', cause: 'ratio' }
      }
      if (this.#twice && this.#enough(this.#twice) && this.#twice.atLeast(c)) {
        return { verdict: 'rollback', cause: 'strong-ratio' }
      }
    }
    return this.#pausing?.atLeast(c) ? { verdict: 'pause', cause: 'ratio' } : NOTHING
  }

  /** log M per test, for people who ask why. */
  evidence(): Readonly<Record<string, number | null>> {
    return {
      above: this.above.logM,
      strongRatio: this.#twice?.logM ?? null,
      pause: this.#pausing?.logM ?? null,
      floor: this.#floor?.logM ?? null,
      share: this.#share?.logM ?? null
    }
  }

  /** The evidence that is nearest to what this trigger is about. */
  get shown(): number {
    if (this.rule.ratio !== null) return this.above.logM
    return Math.min(this.above.logM, this.#share?.logM ?? Infinity)
  }

  /** First tick that any positive evidence rests on. */
  firstTick(): number {
    let first = Infinity
    for (const d of [...this.#two, ...this.#one]) {
      for (let k = 0; k < d.logs.length; k++) {
        if ((d.logs[k] ?? 0) > 0) first = Math.min(first, d.startTick[k] ?? first)
      }
    }
    return first
  }

  #enough(detector: TwoSampleDetector): boolean {
    return detector.failures() >= LEAST_FAILURES
  }
}
