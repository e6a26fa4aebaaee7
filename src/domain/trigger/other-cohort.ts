/**
 * Requests of a challenger that the hash did not assign: their shares have limits, and break them with a pause.
 *
 * They are not compared with the champion's, whose requests of this kind are others (triggers.md, rule 1).
 */
import { ROW } from '../counts.ts'
import { OneSampleDetector } from '../stats/e-detector.ts'
import type { TriggerRule } from './trigger.ts'

export type OtherFinding = { readonly rule: TriggerRule; readonly n: number; readonly x: number }

type Limited = {
  readonly rule: TriggerRule
  readonly detector: OneSampleDetector
  n: number
  x: number
}

export class OtherCohort {
  #logC: number
  readonly #limited: Limited[] = []

  constructor(rules: readonly TriggerRule[], logC: number, cap: number, tick: number) {
    this.#logC = logC
    for (const rule of rules) {
      if (rule.max === null) continue
      this.#limited.push({ rule, detector: new OneSampleDetector(rule.max, cap, tick), n: 0, x: 0 })
    }
  }

  /** Another threshold and cap for the evidence that there is. */
  retune(logC: number, cap: number): void {
    this.#logC = logC
    for (const { detector } of this.#limited) detector.retune(cap)
  }

  /** Adds the row at stratum `last` of this tick; `phi` by kind. */
  add(rows: Float64Array, last: number, phi: (rule: TriggerRule) => number, tick: number): void {
    const at = last * ROW.size
    for (const limited of this.#limited) {
      const { rule, detector } = limited
      const n = Math.max(rows[at + rule.n] ?? 0, rows[at + rule.x] ?? 0)
      const x = rows[at + rule.x] ?? 0
      detector.add(n, x, phi(rule), tick)
      limited.n += n
      limited.x += x
    }
  }

  find(): readonly OtherFinding[] {
    return this.#limited.filter(({ detector }) => detector.atLeast(this.#logC))
  }
}
