/**
 * The life of the shadow thread: start, what it is told and asked, its replacement when it dies, its end.
 *
 * Nothing waits for it but its own start and end. When it dies, the data threads stop copying, what it had is
 * counted as lost, and another one starts with back-off; events of the meantime wait in a short queue.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { AgreementView } from '../domain/compare/agreement.ts'
import { type CopyPort, CREDIT } from '../domain/shadow-copy.ts'
import type {
  EventsReport,
  FromShadow,
  PublishedEvent,
  ShadowStart,
  ShadowTarget,
  ThreadVitals,
  ToShadow
} from '../domain/shadow-messages.ts'
import { type ErrorCode, fail } from '../errors.ts'
import type { EventCounts, Log } from '../ports.ts'
import type { Background } from './background.ts'
import { restartPace } from './restart-pace.ts'
import type { ShadowCounts } from './shadow-counts.ts'

export type ShadowThreadOptions<Events> = {
  readonly entry: URL
  /** Asked anew for each start. */
  readonly start: () => Omit<ShadowStart<Events>, 'counters'>
  readonly ownPorts: () => readonly number[]
  readonly counts: ShadowCounts
  readonly background: Background
  readonly log: Log
}

/** What data threads have to do with it. */
export type CopyRoads = {
  /** Sends copies to a new shadow thread. */
  open(): void
  /** Resolves when no data thread copies any more. */
  close(): Promise<void>
}

export type CopyRoad = { readonly port: CopyPort; readonly credit: SharedArrayBuffer }

export type ShadowThread = {
  /** Starts it. Throws when events have nowhere to go. */
  start(): Promise<void>
  running(): boolean
  /** To be called before copies can come. */
  attach(roads: CopyRoads): void
  /** The road of a data thread; null while there is no shadow thread. Each call makes a new one. */
  road(thread: number): CopyRoad | null
  setTargets(targets: readonly ShadowTarget[]): void
  publish(event: PublishedEvent): void
  /** What the pairs of a slot say; null when it does not answer. */
  report(slot: number): Promise<AgreementView | null>
  /** Agreement by field, of each slot. */
  agreement(slot: number): readonly { readonly field: string; readonly ratio: number }[]
  events(): readonly EventCounts[]
  /** How the thread does, as it said last; null while there is none. */
  vitals(): ThreadVitals | null
  faults(): readonly string[]
  /** Flushes for at most so many ms, then ends it. */
  close(timeoutMs: number): Promise<void>
}

const REPORT_MS = 2_000
const TICK_MS = 1_000 // of the background
const MOST_WAITING = 1_000
const END_MS = 1_000
const YOUNG_MB = 4 // copies are short-lived, and bodies hang on small objects: the sooner they are seen, the better

type Agreement = Extract<FromShadow, { type: 'summary' }>['agreement'][number]

export function createShadowThread<Events>(options: ShadowThreadOptions<Events>): ShadowThread {
  const { log, counts, background } = options
  const reports = new Map<number, (view: AgreementView | null) => void>()
  const before = new Map<string, EventCounts>() // of shadow threads that have ended
  const agreement = new Map<number, Agreement>()
  const pace = restartPace()
  let now: EventsReport = { topics: [], faults: [] }
  let worker: Worker | null = null
  let vitals: ThreadVitals | null = null
  let ready = false
  let wasReady = false
  let targets: readonly ShadowTarget[] = []
  let waiting: PublishedEvent[] = []
  let overflow = 0
  let roads: CopyRoads | null = null
  let ids = 0
  let ending = false
  let onClosed: () => void = () => {}

  function send(message: ToShadow, transfer: readonly MessagePort[] = []): void {
    worker?.postMessage(message, [...transfer])
  }

  function sendTargets(): void {
    send({ type: 'targets', targets, forbiddenPorts: options.ownPorts() })
  }

  function spawn(started: (error: Error | null) => void): void {
    const workerData: ShadowStart<Events> = { ...options.start(), counters: counts.ofShadowThread }
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB }
    const next = new Worker(options.entry, { workerData, name: 'shadow', resourceLimits })
    pace.started(performance.now())
    const ticking = setInterval(background.tick, TICK_MS).unref()
    worker = next
    next.on('message', (message: FromShadow) => {
      if (message.type === 'ready') {
        ready = true
        wasReady = true
        if (message.thread !== null) background.begin(message.thread)
        sendTargets()
        for (const event of waiting) send({ type: 'publish', event })
        waiting = []
        roads?.open()
        started(null)
      } else if (message.type === 'failed') {
        started(fail(message.code as ErrorCode, [...message.args])) // the thread took it from the same table
      } else hear(message)
    })
    next.on('error', error => log.error({ thread: 'shadow', err: error }, 'shadow thread failed'))
    next.on('exit', code => {
      worker = null
      vitals = null
      ready = false
      clearInterval(ticking)
      background.end()
      onClosed()
      for (const answer of reports.values()) answer(null)
      reports.clear()
      keepCounts()
      if (!wasReady) started(fail('SLC_SHADOW_THREAD', [`it ended with code ${code}`]))
      if (ending || !wasReady) return
      const wait = pace.ended(performance.now())
      log.error({ thread: 'shadow', code, wait }, 'shadow thread ended; another one starts')
      const settled = roads?.close() ?? Promise.resolve()
      setTimeout(() => {
        void settled.then(() => {
          counts.loseOpen()
          if (!ending) spawn(() => undefined)
        })
      }, wait).unref()
    })
  }

  function hear(message: Exclude<FromShadow, { type: 'ready' | 'failed' }>): void {
    if (message.type === 'log')
      log[message.level]({ thread: 'shadow', ...message.fields }, message.msg)
    else if (message.type === 'report') {
      reports.get(message.id)?.(message.view)
      reports.delete(message.id)
    } else {
      now = message.events
      if (message.type === 'summary') {
        vitals = message.vitals
        background.heard(vitals.delaySeconds)
        for (const each of message.agreement) agreement.set(each.slot, each)
      } else {
        for (const { topic, dropped } of message.events.topics) {
          const { not_flushed: events = 0 } = dropped
          if (events > 0) log.warn({ topic, events }, 'events were not out in time and are lost')
        }
        onClosed()
      }
    }
  }

  /** The counts of a thread that ended are added to those of the next one. */
  function keepCounts(): void {
    for (const each of counted()) before.set(each.topic, each)
    now = { topics: [], faults: [] }
  }

  function counted(): readonly EventCounts[] {
    const topics = ['decisions', 'shadow'] as const
    return topics.flatMap(topic => {
      const own = now.topics.find(each => each.topic === topic)
      const old = before.get(topic)
      if (own === undefined && old === undefined) return []
      const dropped: Record<string, number> = { ...old?.dropped }
      for (const [why, n] of Object.entries(own?.dropped ?? {}))
        dropped[why] = (dropped[why] ?? 0) + n
      return [{ topic, published: (own?.published ?? 0) + (old?.published ?? 0), dropped }]
    })
  }

  return {
    start: () =>
      new Promise((resolve, reject) => {
        spawn(error => (error === null ? resolve() : reject(error)))
      }),
    running: () => worker !== null,
    attach(given) {
      roads = given
    },
    road(thread) {
      if (!ready) return null
      const { port1, port2 } = new MessageChannel()
      const credit = new SharedArrayBuffer(CREDIT.size * 4)
      send({ type: 'channel', thread, port: port2, credit }, [port2])
      return { port: port1 as unknown as CopyPort, credit } // its typed view: batches alone go in here
    },
    setTargets(next) {
      targets = next
      if (ready) sendTargets()
    },
    publish(event) {
      if (ready) send({ type: 'publish', event })
      else if (waiting.length < MOST_WAITING) waiting.push(event)
      else overflow++
    },
    report(slot) {
      if (!ready) return Promise.resolve(null)
      const id = ++ids
      return new Promise(resolve => {
        const timer = setTimeout(() => {
          reports.delete(id)
          resolve(null)
        }, REPORT_MS)
        reports.set(id, view => {
          clearTimeout(timer)
          resolve(view)
        })
        send({ type: 'report', id, slot })
      })
    },
    agreement: slot => agreement.get(slot)?.fields ?? [],
    events: () =>
      counted().map(each =>
        each.topic === 'decisions' && overflow > 0
          ? {
              ...each,
              dropped: {
                ...each.dropped,
                not_flushed: (each.dropped['not_flushed'] ?? 0) + overflow
              }
            }
          : each
      ),
    vitals: () => vitals,
    faults: () =>
      ready || ending || !wasReady ? now.faults : ['the shadow thread is being started again'],
    async close(timeoutMs) {
      ending = true
      const ended = worker
      if (ended === null) return
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, timeoutMs + END_MS)
        onClosed = () => {
          clearTimeout(timer)
          resolve()
        }
        send({ type: 'close', timeoutMs })
      })
      await ended.terminate()
    }
  }
}
