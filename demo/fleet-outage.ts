/**
 * Redis is killed under traffic and comes back without anything: the second half of the fleet's demo.
 *
 * Throws, with a sentence, when a request failed, a raise was accepted, or the rollback did not come back.
 */
import { performance } from 'node:perf_hooks'
import { type Rollback, revisionOf } from '../src/domain/document.ts'
import { answerText, type Back, type Outage } from './fleet-ending.ts'
import { type Act, type FleetView, staysOut } from './fleet-scene.ts'
import type { FleetRouter } from './fleet-stage.ts'
import { rollbackOf } from './play.ts'
import { type Answer, SLA_MS } from './router.ts'

const GONE_MS = 2_500 // twice: before and after the raise that is refused
const BACK_MS = 120_000 // routers try again after 5 s at most, where the machine lets them
const AFTER_MS = 2_000

export async function playOutage(
  act: Act,
  rollback: Rollback
): Promise<{ readonly outage: Outage; readonly back: Back }> {
  const { stage, given, load, counted, story, clock } = act
  const from = performance.now()
  const underWay = from - SLA_MS // what waits longer waits for a challenger that hangs
  const stretch = counted.stretch(underWay)
  await stage.store.kill()
  story.killed()
  await clock.until(GONE_MS, staysOut)
  const raise = await tryRaise(stage.routers[0], given.share)
  if (raise.status !== 503)
    throw new Error(`a raise without Redis got ${answerText(raise)}, no 503`)
  story.refused(raise)
  await clock.until(GONE_MS, staysOut)

  await stage.store.start()
  const to = performance.now()
  stretch.end(to)
  story.returned()
  const back = await comesBack(act, rollback, to)
  story.putBack(back)
  await clock.until(AFTER_MS, staysOut)

  const now = performance.now()
  const open = load.waiting(now - to).length - load.waiting(now - underWay).length // no answer yet
  const requests = stretch.requests() + open
  const failed = stretch.failed() + open
  if (requests === 0) throw new Error('no request came while Redis was gone')
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed while Redis was gone`)
  return { outage: { seconds: (to - from) / 1000, requests, failed, raise }, back }
}

/** The routers put back what they work with; nobody tells them. */
async function comesBack({ stage, given, clock }: Act, rollback: Rollback, since: number) {
  let first: number | null = null
  const settled = await clock.until(BACK_MS, view => {
    staysOut(view)
    if (first === null && hasIt(view, rollback)) first = performance.now()
    return first !== null && view.routes.every(({ replicas }) => replicas.applied === 2)
  })
  if (!settled || first === null) {
    throw new Error(`Redis did not get the rollback back in ${BACK_MS / 1000} s`)
  }
  const stored = await stage.store.document()
  if (stored === null) throw new Error('Redis lost it again')
  const entry = (await stage.routers[1].decisions()).find(
    ({ by, before }) => by === 'replica' && before === null // where the store had nothing
  )
  if (entry === undefined) throw new Error('no router says that it put anything back')
  const raise = await tryRaise(stage.routers[1], given.share)
  if (raise.status !== 409) throw new Error(`a raise after the rollback got ${answerText(raise)}`)
  return {
    seconds: (first - since) / 1000,
    revision: revisionOf(stored),
    phase: stored.phase,
    says: entry.reason,
    raise
  }
}

function hasIt({ stored }: FleetView, rollback: Rollback): boolean {
  return stored !== null && stored !== 'gone' && rollbackOf(stored)?.id === rollback.id
}

async function tryRaise(router: FleetRouter, share: number): Promise<Answer> {
  return router.setWeights(await router.route(), { v3: 100 - share, v4: share })
}
