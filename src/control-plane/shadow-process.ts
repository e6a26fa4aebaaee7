/**
 * The life of the shadow process: start, what it is told and asked, its replacement when it dies, its end.
 *
 * Nothing waits for it but its own start and end. When it dies, the data threads stop copying, what it had is
 * counted as lost, and another one starts with back-off; events of the meantime wait in a short queue.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AgreementView } from '../domain/compare/agreement.ts'
import type { RoadAddress } from '../domain/shadow-copy.ts'
import type {
  EventsReport,
  FromShadow,
  PublishedEvent,
  ShadowStart,
  ShadowTarget,
  ShadowVitals,
  ToShadow
} from '../domain/shadow-messages.ts'
import { type ErrorCode, fail } from '../errors.ts'
import type { EventCounts, Log } from '../ports.ts'
import type { Background } from './background.ts'
import { restartPace } from './restart-pace.ts'
import type { ShadowCounts } from './shadow-counts.ts'

export type ShadowProcessOptions<Events> = {
  readonly entry: URL
  /** Asked anew for each start. */
  readonly start: () => ShadowStart<Events>
  readonly ownPorts: () => readonly number[]
  readonly counts: ShadowCounts
  readonly background: Background
  readonly log: Log
}

/** What data threads have to do with it. */
export type CopyRoads = {
  /** Sends copies to a new shadow process. */
  open(): void
  /** Resolves when no data thread copies any more. */
  close(): Promise<void>
}

export type ShadowProcess = {
  /** Starts it. Throws when events have nowhere to go. */
  start(): Promise<void>
  /** It runs, or is being started again. */
  running(): boolean
  /** To be called before copies can come. */
  attach(roads: CopyRoads): void
  /** Where data threads send copies; null while there is no shadow process. */
  road(): RoadAddress | null
  setTargets(targets: readonly ShadowTarget[]): void
  publish(event: PublishedEvent): void
  /** What the pairs of a slot say; null when it does not answer. */
  report(slot: number): Promise<AgreementView | null>
  /** Agreement by field, of each slot. */
  agreement(slot: number): readonly { readonly field: string; readonly ratio: number }[]
  events(): readonly EventCounts[]
  /** How the process does, as it said last; null while there is none. */
  vitals(): ShadowVitals | null
  faults(): readonly string[]
  /** Flushes for at most so many ms, then ends it. */
  close(timeoutMs: number): Promise<void>
}

const REPORT_MS = 2_000
const TICK_MS = 1_000 // of the background
const MOST_WAITING = 1_000
const END_MS = 1_000
/**
 * What is larger goes back to the system when it is freed (bytes, for the C library): the reads of sockets and most
 * bodies. It costs a call for each, which is nobody's time but that of the background (decisions 6 and 7).
 */
const MEMORY = { MALLOC_MMAP_THRESHOLD_: '32768' }
/**
 * Room for young objects for as long as a pair lives at some hundred a second: with 1 MiB the collector came by every
 * 15 ms and moved it each time. For the bodies that hang on them it is told to come (collect-early.ts). It works alone:
 * its helpers stood before users' threads more often than all else here (decision 7). The warning is about WASI
 * (give-way.ts).
 */
const FLAGS = [
  '--max-semi-space-size=4',
  '--single-threaded-gc',
  '--expose-gc',
  '--disable-warning=ExperimentalWarning'
]

type Agreement = Extract<FromShadow, { type: 'summary' }>['agreement'][number]

export function createShadowProcess<Events>(options: ShadowProcessOptions<Events>): ShadowProcess {
  const { log, counts, background } = options
  const reports = new Map<number, (view: AgreementView | null) => void>()
  const before = new Map<string, EventCounts>() // of shadow processes that have ended
  const agreement = new Map<number, Agreement>()
  const pace = restartPace()
  let now: EventsReport = { topics: [], faults: [] }
  let child: ChildProcess | null = null
  let end: Promise<string> = Promise.resolve('')
  let vitals: ShadowVitals | null = null
  let road: RoadAddress | null = null // null until it is ready
  let wasReady = false
  let targets: readonly ShadowTarget[] = []
  let waiting: PublishedEvent[] = []
  let overflow = 0
  let roads: CopyRoads | null = null
  let ids = 0
  let ending = false
  let onClosed: () => void = () => {}

  function send(message: ToShadow): void {
    child?.send(message, () => undefined) // who is gone hears nothing
  }

  function sendTargets(): void {
    send({ type: 'targets', targets, forbiddenPorts: options.ownPorts() })
  }

  function spawn(started: (error: Error | null) => void): void {
    pace.started(performance.now())
    let next: ChildProcess
    try {
      next = forked(options.entry)
    } catch (error) {
      afterEnd(String(error), started)
      return
    }
    child = next
    end = endOf(next)
    const ticking = setInterval(background.tick, TICK_MS).unref()
    send({ type: 'start', start: options.start() })
    next.on('message', (message: FromShadow) => {
      if (message.type === 'ready') {
        road = message.road
        wasReady = true
        if (next.pid !== undefined) background.begin(next.pid)
        sendTargets()
        for (const event of waiting) send({ type: 'publish', event })
        waiting = []
        roads?.open()
        started(null)
      } else if (message.type === 'failed') {
        started(fail(message.code as ErrorCode, [...message.args])) // the process took it from the same table
      } else hear(message)
    })
    void end.then(how => {
      clearInterval(ticking)
      afterEnd(how, started)
    })
  }

  function afterEnd(how: string, started: (error: Error | null) => void): void {
    child = null
    vitals = null
    road = null
    background.end()
    onClosed()
    for (const answer of reports.values()) answer(null)
    reports.clear()
    keepCounts()
    if (!wasReady) started(fail('SLC_SHADOW_PROCESS', [how]))
    if (ending || !wasReady) return
    const wait = pace.ended(performance.now())
    log.error({ process: 'shadow', wait }, `the shadow process ended (${how}); another one starts`)
    const settled = roads?.close() ?? Promise.resolve()
    setTimeout(() => {
      void settled.then(() => {
        counts.loseSent()
        if (!ending) spawn(() => undefined)
      })
    }, wait).unref()
  }

  function hear(message: Exclude<FromShadow, { type: 'ready' | 'failed' }>): void {
    if (message.type === 'log')
      log[message.level]({ process: 'shadow', ...message.fields }, message.msg)
    else if (message.type === 'counts') counts.hear(message.counts)
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

  /** The counts of a process that ended are added to those of the next one. */
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
    running: () => child !== null || wasReady,
    attach(given) {
      roads = given
    },
    road: () => road,
    setTargets(next) {
      targets = next
      if (road !== null) sendTargets()
    },
    publish(event) {
      if (road !== null) send({ type: 'publish', event })
      else if (waiting.length < MOST_WAITING) waiting.push(event)
      else overflow++
    },
    report(slot) {
      if (road === null) return Promise.resolve(null)
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
      road !== null || ending || !wasReady
        ? now.faults
        : ['the shadow process is being started again'],
    async close(timeoutMs) {
      ending = true
      const last = child
      if (last === null) return
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, timeoutMs + END_MS)
        onClosed = () => {
          clearTimeout(timer)
          resolve()
        }
        send({ type: 'close', timeoutMs })
      })
      last.kill('SIGKILL') // where it has not ended by itself
      await end
    }
  }
}

/** Throws, or says by its end, why it cannot be started. */
function forked(entry: URL): ChildProcess {
  return fork(fileURLToPath(entry), [], {
    execArgv: [...process.execArgv.filter(flag => !flag.startsWith('--inspect')), ...FLAGS],
    env: { ...process.env, ...MEMORY },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
}

/** How it ended, when it has and all that it said has been heard: an exit alone may come before its last words. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.on('error', error => {
      if (child.pid === undefined) resolve(error.message) // it was never there
    })
    let events = 0
    const onEnd = (): void => {
      if (++events === 2) resolve(child.signalCode ?? `exit code ${child.exitCode}`)
    }
    child.once('exit', onEnd)
    child.once('disconnect', onEnd)
  })
}
