/**
 * What happens in the demo of one router: some healthy seconds, the fault, and the rollback that must follow.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Rollback } from '../src/domain/document.ts'
import type { RouteView } from '../src/ports.ts'
import { createClock } from './clock.ts'
import type { Load } from './load.ts'
import type { Options } from './options.ts'
import { SLA_MS } from './router.ts'
import type { Stage } from './stage.ts'
import type { Story } from './story.ts'
import type { Tally } from './tally.ts'

export const COLD_MS = 1_500 // not counted
export const USERS = 2_000
export const HEALTHY_MS = 5_000
export const WARM_UP_MS = 130_000 // the latency trigger's longest, and some
export const WARM_UP_SAYS =
  'the latency trigger leaves out the first 30 s and 200 requests of an address'
const AFTER_MS = 3_000

export type Scene = {
  readonly given: Options
  readonly stage: Stage
  readonly load: Load
  readonly counted: Tally
  readonly story: Story
}

/** Resolves when a rollback happened and was told. Throws when not, with a sentence. */
export async function play({ given, stage, load, counted, story }: Scene): Promise<void> {
  story.started({ rps: given.rps, users: USERS, share: given.share })
  await delay(COLD_MS)
  const clock = createClock(stage.router.route, (second, view, now) => {
    const [v3, v4] = [counted.last('v3', now, 1000), counted.last('v4', now, 1000)]
    story.second({ second, view, v3, v4, lost: counted.last(null, now, 1000) })
  })
  await clock.until(HEALTHY_MS, rolledBackTooSoon)
  if (given.fault === 'slow') {
    story.waiting(WARM_UP_SAYS)
    const warm = await clock.until(
      WARM_UP_MS,
      view => rolledBackTooSoon(view) || latencyArmed(view)
    )
    if (!warm) throw new Error('the latency trigger did not warm up')
  }

  const onset = { at: performance.now(), wall: Date.now() }
  counted.onset(onset.at)
  await stage.breakChallenger(given.fault)
  story.broken(given.fault)
  if (!(await clock.until(given.giveUp * 1000, view => rollbackOf(view) !== null))) {
    throw new Error(`v4 still had traffic ${given.giveUp} s after it broke`)
  }

  const zero = performance.now()
  const hurt = counted.hurt(load.waiting(SLA_MS))
  const requests = counted.total()
  await clock.until(AFTER_MS, () => false)
  const { adminUrl, tokenFile, dataUrl } = stage.router
  const rollback = rollbackOf(await stage.router.route())
  if (rollback === null) throw new Error('the rollback did not stay')
  story.ended({
    fault: given.fault,
    rollback,
    secondsToZero: (Date.parse(rollback.at) - onset.wall) / 1000,
    secondsToLastRequest: Math.max(0, (counted.lastDue('v4') ?? 0) - onset.at) / 1000,
    hurt,
    users: USERS,
    requests,
    later: { v3: counted.answersSince(zero, 'v3'), v4: counted.answersSince(zero, 'v4') },
    look: { adminUrl, tokenFile, dataUrl, keep: given.keep }
  })
}

/** False while it is healthy. Throws when it was rolled back before it broke. */
export function rolledBackTooSoon(view: RouteView): false {
  const rollback = rollbackOf(view)
  if (rollback === null) return false
  throw new Error(`v4 was rolled back while it was healthy: ${rollback.reason}`)
}

/** The latency trigger of this router has seen enough of the challenger. */
export function latencyArmed(view: RouteView): boolean {
  return view.triggers.some(
    ({ variant, trigger, state }) => variant === 'v4' && trigger === 'latency' && state === 'armed'
  )
}

/** Null while v4 is not rolled back. */
export function rollbackOf(view: Pick<RouteView, 'challengers'>): Rollback | null {
  const { v4 } = view.challengers
  return v4?.rollback ?? null
}
