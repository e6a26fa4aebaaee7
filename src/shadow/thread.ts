/**
 * Entry of the shadow thread: copies come in from the data threads, pairs and events go out.
 *
 * It owns the sink of all events, so nothing that a disk or a broker does can be felt by a client or by the
 * control plane. What goes wrong with one pair stays with it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Config } from '../config/config.ts'
import type { FromTap } from '../domain/shadow-copy.ts'
import type { FromShadow, ShadowStart, ToShadow } from '../domain/shadow-messages.ts'
import { SluiceError } from '../errors.ts'
import { createFileEvents } from '../io/file-events.ts'
import { createKafkaEvents } from '../io/kafka/events.ts'
import type { EventSink, Log } from '../ports.ts'
import { watchOwnThread } from '../telemetry/own-thread.ts'
import { unitId } from '../telemetry/unit-id.ts'
import { forbidden } from '../upstream-connection/forbidden.ts'
import { Pools } from '../upstream-connection/pools.ts'
import { countingIn } from './counting.ts'
import { createFanOut } from './fan-out.ts'
import { createPairs } from './pairs.ts'
import { stepBack } from './step-back.ts'

export type EventsSettings = Pick<Config['events'], 'driver' | 'directory' | 'kafka'>

const SUMMARY_MS = 1_000
const FINISH_MS = 10

const NO_EVENTS: EventSink = {
  publish: () => undefined,
  counts: () => [],
  faults: () => [],
  close: async () => undefined
}

const main = parentPort
if (main === null) throw new Error('the shadow thread is started by the control plane alone')
const send = (message: FromShadow): void => main.postMessage(message)
const log = logTo(send)
process.on('uncaughtException', error => {
  log.error({ error: error.stack ?? '' }, 'a fault outside any pair was contained')
})
// The main thread made this value by its type.
const start = workerData as ShadowStart<EventsSettings>
const sink = await sinkOf(start.events)
if (sink !== null) run(sink)

function run(events: EventSink): void {
  const thread = stepBack()
  const rules = forbidden([])
  const counting = countingIn(start.counters)
  const pairs = createPairs({
    counting,
    publish: events.publish,
    unitId: unit => unitId(start.unitKey, Buffer.from(unit, 'latin1')),
    log: (msg, fields) => log.error(fields, msg)
  })
  const fanOut = createFanOut({ pools: new Pools(rules), counting, paired: pairs.take })
  const vitals = watchOwnThread()
  const closers = new Map<number, () => void>()
  const report = () => ({ topics: events.counts(), faults: events.faults() })
  setInterval(() => {
    send({ type: 'summary', vitals: vitals(), events: report(), agreement: pairs.ratios() })
  }, SUMMARY_MS)
  main?.on('message', (message: ToShadow) => {
    if (message.type === 'targets') {
      for (const port of message.forbiddenPorts) rules.addPort(port)
      fanOut.setTargets(message.targets)
    } else if (message.type === 'channel') {
      if (!(message.port instanceof MessagePort)) return
      closers.get(message.thread)?.()
      const { port } = message
      const road = fanOut.road(new Uint32Array(message.credit))
      closers.set(message.thread, road.close)
      port.on('message', (batch: FromTap) => road.take(batch))
      port.on('close', road.close)
    } else if (message.type === 'publish') events.publish(message.event)
    else if (message.type === 'report') {
      send({ type: 'report', id: message.id, view: pairs.view(message.slot) })
    } else {
      finish(message.timeoutMs)
        .catch(error => log.error({ error: String(error) }, 'events could not be closed'))
        .finally(() => send({ type: 'closed', events: report() }))
    }
  })
  send({ type: 'ready', thread })

  /** Copies that are under way get half of the time, events the rest. */
  async function finish(timeoutMs: number): Promise<void> {
    const began = performance.now()
    const left = () => timeoutMs - (performance.now() - began)
    while ((fanOut.open() > 0 || pairs.busy()) && left() > timeoutMs / 2) await delay(FINISH_MS)
    await events.close(Math.max(0, left()))
  }
}

async function sinkOf({ driver, directory, kafka }: EventsSettings): Promise<EventSink | null> {
  const clock = { now: () => performance.now(), wall: () => new Date() }
  try {
    if (driver === 'file') return await createFileEvents({ directory, clock, log })
    if (driver === 'kafka' && kafka !== null) {
      return createKafkaEvents({ settings: kafka, clock, log, source: 'sluice' })
    }
    return NO_EVENTS
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    send({ type: 'failed', code: error.code, args: error.args })
    return null
  }
}

function logTo(say: (message: FromShadow) => void): Log {
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: Readonly<Record<string, unknown>>, msg: string): void => {
      say({ type: 'log', level, msg, fields: plainFields(fields) })
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** Errors lose their class on the way to another thread; their text says enough. */
function plainFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? (value.stack ?? value.message) : value
    ])
  )
}
