/**
 * Puts together what runs in the shadow process: copies come in from the data threads, pairs and events go out. What
 * goes wrong with one pair stays with it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { acceptRoads } from '../copy-road/accept-roads.ts'
import type { EventsReport, FromShadow, ToShadow } from '../domain/shadow-messages.ts'
import type { EventSink, GiveWay, Log } from '../ports.ts'
import { watchOwnProcess } from '../telemetry/own-thread.ts'
import { unitIds } from '../telemetry/unit-id.ts'
import { forbidden } from '../upstream-connection/forbidden.ts'
import { Pools } from '../upstream-connection/pools.ts'
import { collectEarly } from './collect-early.ts'
import { createCounting } from './counting.ts'
import { createFanOut } from './fan-out.ts'
import { createPairs } from './pairs.ts'

export type RunningShadow = {
  readonly hear: (message: Exclude<ToShadow, { type: 'start' | 'close' }>) => void
  /**
   * To be called when data threads have ended. Copies that they sent get half of the time, events the rest. What became
   * of events comes back.
   */
  readonly finish: (timeoutMs: number) => Promise<EventsReport>
}

const SUMMARY_MS = 1_000
const COUNTS_MS = 100
const FINISH_MS = 10

/** Says `ready` when copies can come. */
export async function startShadow(options: {
  readonly events: EventSink
  readonly unitKey: Uint8Array
  readonly log: Log
  readonly send: (message: FromShadow) => void
  readonly giveWay: GiveWay
}): Promise<RunningShadow> {
  const { events, unitKey, log, send, giveWay } = options
  const logError = (msg: string, fields: Readonly<Record<string, unknown>>) =>
    log.error(fields, msg)
  const rules = forbidden([])
  const counting = createCounting()
  const pairs = createPairs({
    counting,
    publish: events.publish,
    unitId: unitIds(unitKey),
    log: logError,
    giveWay
  })
  const fanOut = createFanOut({ pools: new Pools(rules), counting, paired: pairs.take, giveWay })
  const vitals = watchOwnProcess()
  const report = (): EventsReport => ({ topics: events.counts(), faults: events.faults() })
  const tellCounts = (): void => {
    const counts = counting.changed()
    if (counts.length > 0) send({ type: 'counts', counts })
  }
  collectEarly(giveWay)
  setInterval(tellCounts, COUNTS_MS)
  setInterval(() => {
    send({ type: 'summary', vitals: vitals(), events: report(), agreement: pairs.ratios() })
  }, SUMMARY_MS)
  const roads = await acceptRoads(fanOut.road, logError)
  send({ type: 'ready', road: roads.address })

  return {
    hear(message) {
      if (message.type === 'targets') {
        for (const port of message.forbiddenPorts) rules.addPort(port)
        fanOut.setTargets(message.targets)
      } else if (message.type === 'publish') events.publish(message.event)
      else {
        tellCounts()
        send({ type: 'report', id: message.id, view: pairs.view(message.slot) })
      }
    },
    async finish(timeoutMs) {
      const began = performance.now()
      const left = () => timeoutMs - (performance.now() - began)
      const isBusy = () => roads.open() > 0 || fanOut.open() > 0 || pairs.busy()
      do await delay(FINISH_MS)
      while (isBusy() && left() > timeoutMs / 2)
      await events
        .close(Math.max(0, left()))
        .catch(error => log.error({ error: String(error) }, 'events could not be closed'))
      tellCounts()
      return report()
    }
  }
}
