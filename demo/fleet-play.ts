/**
 * What happens in the demo of a fleet: a change of weights on one router shows on the other, a bad challenger is
 * rolled back on both, and then Redis is lost (fleet-outage.ts).
 *
 * Each act throws, with a sentence, when what it is about did not happen.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { revisionOf } from '../src/domain/document.ts'
import type { RouteView } from '../src/ports.ts'
import { createClock } from './clock.ts'
import { decisionOf } from './fleet-decision.ts'
import { answerText, type Change, type Fall } from './fleet-ending.ts'
import { playOutage } from './fleet-outage.ts'
import {
  type Act,
  type FleetScene,
  type FleetView,
  lookAt,
  never,
  staysOut
} from './fleet-scene.ts'
import {
  COLD_MS,
  HEALTHY_MS,
  latencyArmed,
  rollbackOf,
  rolledBackTooSoon,
  USERS,
  WARM_UP_MS,
  WARM_UP_SAYS
} from './play.ts'
import { SLA_MS } from './router.ts'

const ALONE_MS = 2_000
const SHOWN_MS = 60_000 // a change that is not on the other router by then never comes
const AFTER_MS = 2_000

/** Resolves when all of it happened and was told. Throws when not. */
export async function playFleet(scene: FleetScene): Promise<void> {
  const { given, stage, counted, story } = scene
  const clock = createClock(
    () => lookAt(stage),
    (second, view, now) => {
      const [v3, v4] = [counted.last('v3', now, 1000), counted.last('v4', now, 1000)]
      story.second({ second, ...view, v3, v4, lost: counted.last(null, now, 1000) })
    }
  )
  const act = { ...scene, clock }
  story.started({ rps: given.rps, users: USERS, share: given.share, redis: stage.store.program })
  await delay(COLD_MS)
  await clock.until(ALONE_MS, never)
  const change = await changeWeights(act)
  await stayHealthy(act)
  const fall = await breakChallenger(act)
  const { outage, back } = await playOutage(act, fall.rollback)
  const routers = stage.routers.map(({ adminUrl, tokenFile, dataUrl }) => {
    return { adminUrl, tokenFile, dataUrl }
  })
  const look = { routers, keep: given.keep }
  story.ended({ fault: given.fault, users: USERS, change, fall, outage, back, look })
}

/** As an operator does it, on one router; nobody tells the other. */
async function changeWeights({ stage, given, story, clock }: Act): Promise<Change> {
  const [one, two] = stage.routers
  const { share } = given
  const seen = await one.route()
  const start = performance.now()
  const answering = one.setWeights(seen, { v3: 100 - share, v4: share })
  while ((await two.route()).weights['v4'] !== share) {
    if (performance.now() > start + SHOWN_MS) {
      throw new Error(`the weights did not come to router 2: ${answerText(await answering)}`)
    }
  }
  const ms = performance.now() - start
  const answer = await answering
  if (answer.status !== 200) throw new Error(`router 1 refused the weights: ${answerText(answer)}`)
  const change = { share, ms, revision: revisionOf(await two.route()) }
  story.changed(change)
  const both = ({ routes }: FleetView) => routes.every(({ weights }) => weights['v4'] === share)
  if (!(await clock.until(SHOWN_MS, both))) throw new Error('the routers do not agree on weights')
  return change
}

async function stayHealthy({ given, story, clock }: Act): Promise<void> {
  await clock.until(HEALTHY_MS, outTooSoon)
  if (given.fault !== 'slow') return
  story.waiting(WARM_UP_SAYS)
  const warm = await clock.until(
    WARM_UP_MS,
    view => outTooSoon(view) || view.routes.every(latencyArmed)
  )
  if (!warm) throw new Error('the latency trigger did not warm up')
}

/** Both routers have to notice by themselves. */
async function breakChallenger({ given, stage, load, counted, story, clock }: Act): Promise<Fall> {
  const onset = performance.now()
  counted.onset(onset)
  await stage.breakChallenger(given.fault)
  story.broken(given.fault)
  const zeroAt = new Map<number, number>() // by router
  const decided = await clock.until(given.giveUp * 1000, ({ routes }) => {
    routes.forEach((route, i) => {
      if (isIn(route) || zeroAt.has(i)) return
      zeroAt.set(i, performance.now())
      const held = route.quarantined['v4']
      if (held !== undefined) story.quarantined(i + 1, held)
    })
    return routes.every(route => rollbackOf(route) !== null)
  })
  if (!decided) throw new Error(`v4 was not rolled back on both ${given.giveUp} s after it broke`)
  const zero = performance.now()
  const hurt = counted.hurt(load.waiting(SLA_MS))
  const requests = counted.total()
  const rollback = rollbackOf(await stage.routers[0].route())
  if (rollback === null) throw new Error('the rollback did not stay')
  const ids = stage.routers.map(({ id }) => id)
  const decision = decisionOf(rollback, ids)
  story.decided(decision)
  await clock.until(AFTER_MS, staysOut)
  return {
    rollback,
    decision,
    secondsToZero: stage.routers.map((_, i) => ((zeroAt.get(i) ?? zero) - onset) / 1000),
    secondsToLastRequest: Math.max(0, (counted.lastDue('v4') ?? 0) - onset) / 1000,
    hurt,
    requests,
    later: { v3: counted.answersSince(zero, 'v3'), v4: counted.answersSince(zero, 'v4') }
  }
}

/** Requests may be sent to the challenger by this router. */
function isIn(route: RouteView): boolean {
  return (route.weights['v4'] ?? 0) > 0 && route.quarantined['v4'] === undefined
}

function outTooSoon({ routes }: FleetView): false {
  for (const route of routes) {
    rolledBackTooSoon(route)
    const held = route.quarantined['v4']
    if (held !== undefined) throw new Error(`v4 was put out while it was healthy: ${held.reason}`)
  }
  return false
}
