/**
 * A/A: two arms that are the same, for many simulated days; how many rollbacks there were against how many the
 * bound allows. A raised alpha shows whether the bound holds where it can be seen at all.
 */
import { healthy, Traffic } from '../../test/helpers/traffic-simulation.ts'

const DAY_MS = 86_400_000
const WEIGHTS = [500, 2000, 5000]

export type AlikeResult = {
  readonly days: number
  readonly alphaPerDay: number
  readonly bound: number // rollbacks that alpha allows
  readonly rollbacks: number
  readonly pauses: number
  readonly requests: number
  readonly kept: boolean
}

/** Days of 10 requests a second with 1 % errors, at shares of 5, 20 and 50 % in turn. */
export function runAlike(days: number, alphaPerDay: number): AlikeResult {
  let rollbacks = 0
  let pauses = 0
  let requests = 0
  for (let day = 0; day < days; day++) {
    const traffic = new Traffic({
      seed: 10_000 + day,
      settings: { alphaPerDay },
      warm: true,
      weight: WEIGHTS[day % WEIGHTS.length] ?? 500,
      rate: () => 10,
      answer: healthy(0.01)
    })
    if (traffic.run(DAY_MS)) rollbacks++
    if (traffic.decisions.some(({ action }) => action === 'pause')) pauses++
    requests += traffic.requests
  }
  const bound = days * alphaPerDay
  return {
    days,
    alphaPerDay,
    bound,
    rollbacks,
    pauses,
    requests,
    kept: rollbacks <= Math.max(1, bound)
  }
}
