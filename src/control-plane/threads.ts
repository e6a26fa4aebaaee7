/**
 * The life of the data threads: start, hand over snapshots, replace the dead, drain, stop. A thread gets the
 * snapshot whole when it starts, and from then on what changed.
 *
 * A thread that dies is replaced with back-off; its counters are in shared memory and stay. A thread that
 * cannot listen at the start stops the start; later it is tried again. The control plane never waits for a
 * thread but for the acknowledgement of a snapshot, and that with a limit.
 */
import { Worker } from 'node:worker_threads'
import type { RoadAddress } from '../domain/shadow-copy.ts'
import type { FromThread, Snapshot, ThreadSettings, ToThread } from '../domain/snapshot.ts'
import { changeBetween } from '../domain/snapshot-change.ts'
import { fail, type SluiceError } from '../errors.ts'
import type { Log } from '../ports.ts'
import type { Regions } from './regions.ts'
import { type RestartPace, restartPace } from './restart-pace.ts'
import type { ShadowCounts } from './shadow-counts.ts'
import type { CopyRoads } from './shadow-process.ts'

export type ThreadsOptions = {
  readonly entry: URL
  readonly count: number
  /** Asked anew for each start of a thread: ports are known only when everything listens. */
  readonly settings: () => Omit<ThreadSettings, 'index' | 'header' | 'threads' | 'shadowCounters'>
  readonly regions: Regions
  readonly shadowCounts: Pick<ShadowCounts, 'ofThread' | 'loseUnsent'>
  /** Where copies go; null while there is nowhere. */
  readonly road: () => RoadAddress | null
  readonly log: Log
}

export type Threads = {
  /** Starts all threads with a first snapshot; resolves with the port when every one of them accepts. */
  start(snapshot: Snapshot): Promise<{ readonly host: string; readonly port: number }>
  post(snapshot: Snapshot): void
  /** Resolves when every living thread works on `sequence`, or after `limitMs`; says how many of all do. */
  applied(
    sequence: number,
    limitMs: number
  ): Promise<{ readonly threads: number; readonly of: number }>
  accepting(): number
  /** What the shadow process needs of the data threads. */
  readonly roads: CopyRoads
  drain(graceMs: number): Promise<void>
  stop(): Promise<void>
}

type Slot = {
  worker: Worker | null
  had: number // regions that the worker has been given
  applied: number
  listening: boolean
  readonly pace: RestartPace
  drained: boolean
  copying: boolean
}

const STOP_COPYING_MS = 5_000
/** What requests leave behind is short-lived: a quarter of the default costs 1 % more CPU and saves 70 MB. */
const YOUNG_MB = 16

export function createThreads(options: ThreadsOptions): Threads {
  const { log, regions } = options
  const slots: Slot[] = Array.from({ length: options.count }, () => ({
    worker: null,
    had: 0,
    applied: 0,
    listening: false,
    pace: restartPace(),
    drained: false,
    copying: false
  }))
  const waiters = new Set<() => void>()
  let current: Snapshot | null = null
  let address: { host: string; port: number } | null = null
  let ending = false

  function settle(): void {
    for (const waiter of [...waiters]) waiter()
  }

  function send(slot: Slot, message: ToThread): void {
    slot.worker?.postMessage(message)
  }

  function sendRoad(slot: Slot): void {
    const address = slot.worker === null ? null : options.road()
    if (address === null) return
    slot.copying = true
    send(slot, { type: 'shadow-road', address })
  }

  /** The regions that came since the last time. */
  function newRegions(index: number, slot: Slot): readonly SharedArrayBuffer[] {
    const all = regions.buffers(index)
    const { had } = slot
    slot.had = all.length
    return all.slice(had)
  }

  function spawn(index: number, slot: Slot, started?: (error: SluiceError | null) => void): void {
    const common = options.settings()
    const listen = { ...common.listen, port: address?.port ?? common.listen.port }
    const header = regions.header(index)
    const settings: ThreadSettings = {
      ...common,
      index,
      threads: options.count,
      header,
      shadowCounters: options.shadowCounts.ofThread(index),
      listen
    }
    const worker = new Worker(options.entry, {
      workerData: settings,
      name: `data-${index}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB }
    })
    slot.pace.started(performance.now())
    let listened = false
    slot.worker = worker
    slot.had = 0
    slot.applied = 0
    slot.drained = false
    worker.on('message', (message: FromThread) => {
      if (message.type === 'listening') {
        slot.listening = true
        listened = true
        address = { host: message.host, port: message.port }
        started?.(null)
      } else if (message.type === 'failed') {
        const place = `${listen.host}:${listen.port}`
        started?.(
          message.code === 'EADDRINUSE'
            ? fail('SLC_PORT_IN_USE', [place])
            : fail('SLC_LISTEN', [place, message.message])
        )
      } else if (message.type === 'applied') slot.applied = message.sequence
      else if (message.type === 'drained') slot.drained = true
      else if (message.type === 'shadow-stopped') slot.copying = false
      else log[message.level]({ thread: index, ...message.fields }, message.msg)
      settle()
    })
    worker.on('error', error => log.error({ thread: index, err: error }, 'data thread failed'))
    worker.on('exit', code => {
      slot.worker = null
      slot.listening = false
      slot.drained = true
      options.shadowCounts.loseUnsent(index)
      settle()
      if (ending) return
      if (started && !listened) {
        started(fail('SLC_LISTEN', [`${listen.host}:${listen.port}`, 'the data thread ended']))
        return
      }
      const wait = slot.pace.ended(performance.now())
      log.error({ thread: index, code, wait }, 'data thread ended; another one starts')
      setTimeout(() => {
        if (!ending) spawn(index, slot)
      }, wait).unref()
    })
    sendRoad(slot)
    if (current)
      send(slot, { type: 'snapshot', snapshot: current, counters: newRegions(index, slot) })
  }

  function until(done: () => boolean, limitMs: number): Promise<void> {
    return new Promise(resolve => {
      const finish = () => {
        waiters.delete(check)
        clearTimeout(timer)
        resolve()
      }
      const check = () => {
        if (done()) finish()
      }
      const timer = setTimeout(finish, limitMs)
      waiters.add(check)
      check()
    })
  }

  return {
    async start(snapshot) {
      current = snapshot
      for (const [index, slot] of slots.entries()) {
        // One after the other: with port 0 the first one finds the port that the others share.
        const error = await new Promise<SluiceError | null>(resolve => spawn(index, slot, resolve))
        if (error) {
          ending = true
          throw error
        }
      }
      if (address === null) throw fail('SLC_LISTEN', ['', 'no data thread'])
      return address
    },
    post(snapshot) {
      const before = current
      current = snapshot
      if (before === null) return // no thread has been started
      const change = changeBetween(before, snapshot)
      for (const [index, slot] of slots.entries()) {
        if (slot.worker === null) continue // it gets the whole when it starts
        send(slot, { type: 'change', change, counters: newRegions(index, slot) })
      }
    },
    async applied(sequence, limitMs) {
      const ready = (slot: Slot) => slot.worker === null || slot.applied >= sequence
      await until(() => slots.every(ready), limitMs)
      return { threads: slots.filter(ready).length, of: slots.length }
    },
    roads: {
      open() {
        for (const slot of slots) sendRoad(slot)
      },
      async close() {
        for (const slot of slots) send(slot, { type: 'shadow-gone' })
        await until(
          () => slots.every(slot => slot.worker === null || !slot.copying),
          STOP_COPYING_MS
        )
      }
    },
    accepting: () => slots.filter(slot => slot.listening).length,
    async drain(graceMs) {
      ending = true
      for (const slot of slots) send(slot, { type: 'drain', graceMs })
      await until(() => slots.every(slot => slot.drained), graceMs + 1_000)
    },
    async stop() {
      ending = true
      for (const slot of slots) send(slot, { type: 'stop' })
      await until(() => slots.every(slot => slot.worker === null), 500)
      await Promise.all(slots.map(slot => slot.worker?.terminate()))
    }
  }
}
