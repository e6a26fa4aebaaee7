/**
 * Entry of the shadow process: what the main process says goes to what runs here, and what it says comes back.
 *
 * A process of its own, so that nothing of it stands before users: not its collector, nor a lock of its memory, nor
 * what a fault or a lack of memory does to it (decision 7). It owns the sink of all events, so nothing that a disk or
 * a broker does can be felt by a client or by the control plane.
 *
 * It ends when the main process says so or is gone; signals are for the main process.
 */
import type { Config } from '../config/config.ts'
import type { FromShadow, ShadowStart, ToShadow } from '../domain/shadow-messages.ts'
import { SluiceError } from '../errors.ts'
import { createFileEvents } from '../io/file-events.ts'
import { wayGiver } from '../io/give-way.ts'
import { createKafkaEvents } from '../io/kafka/events.ts'
import { mayChoosePolicy, setProcessPolicy } from '../io/process-policy.ts'
import type { EventSink, Log } from '../ports.ts'
import { type RunningShadow, startShadow } from './run-shadow.ts'
import { stepBack } from './step-back.ts'

export type EventsSettings = Pick<Config['events'], 'driver' | 'directory' | 'kafka'>

const ORPHAN_MS = 10_000 // to write what is there when the main process is gone

const NO_EVENTS: EventSink = {
  publish: () => undefined,
  counts: () => [],
  faults: () => [],
  close: async () => undefined
}

const log = logTo(send)
const giveWay = wayGiver()
let running: RunningShadow | null = null
let isEnding = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined)
}
process.on('uncaughtException', error => {
  log.error({ error: error.stack ?? '' }, 'a fault outside any pair was contained')
})
process.on('message', (message: ToShadow) => {
  if (message.type === 'start') {
    void begin(message.start as ShadowStart<EventsSettings>) // the main process made it by its type
  } else if (message.type === 'close') void end(message.timeoutMs)
  else running?.hear(message)
})
process.on('disconnect', () => {
  if (isEnding) return
  if (mayChoosePolicy()) void setProcessPolicy(process.pid, 'other') // nobody is left who should go first
  void end(ORPHAN_MS)
})

/** Never rejects: who cannot start says why, and ends. */
async function begin({ events, unitKey }: ShadowStart<EventsSettings>): Promise<void> {
  try {
    stepBack()
    running = await startShadow({ events: await sinkOf(events), unitKey, log, send, giveWay })
  } catch (error) {
    const { code, args } =
      error instanceof SluiceError ? error : { code: 'SLC_SHADOW_PROCESS', args: [String(error)] }
    await told({ type: 'failed', code, args })
    process.exit(1)
  }
}

async function end(timeoutMs: number): Promise<void> {
  if (isEnding) return
  isEnding = true
  if (running !== null) await told({ type: 'closed', events: await running.finish(timeoutMs) })
  process.exit(0)
}

async function sinkOf({ driver, directory, kafka }: EventsSettings): Promise<EventSink> {
  const clock = { now: () => performance.now(), wall: () => new Date() }
  if (driver === 'file') return createFileEvents({ directory, clock, log })
  if (driver === 'kafka' && kafka !== null) {
    return createKafkaEvents({ settings: kafka, clock, log, source: 'sluice', giveWay })
  }
  return NO_EVENTS
}

function send(message: FromShadow): void {
  void told(message)
}

/** Resolves when the message is out, or cannot be. */
function told(message: FromShadow): Promise<void> {
  return new Promise(resolve => {
    if (!process.connected) resolve()
    else process.send?.(message, undefined, undefined, () => resolve())
  })
}

function logTo(say: (message: FromShadow) => void): Log {
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: Readonly<Record<string, unknown>>, msg: string): void => {
      say({ type: 'log', level, msg, fields: plainFields(fields) })
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** Errors lose their class on the way to another process; their text says enough. */
function plainFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? (value.stack ?? value.message) : value
    ])
  )
}
