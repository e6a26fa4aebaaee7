/**
 * A real data thread in front of upstreams of the test: the worker that the product runs, told by messages.
 *
 * What it counts is read from the same shared memory that the control plane reads.
 */
import { Worker } from 'node:worker_threads'
import {
  AT,
  CALLS,
  CODES,
  COHORTS,
  type Counters,
  countersOver,
  OUTCOMES,
  type Outcome,
  regionBytes,
  requestCell
} from '../../src/domain/counts.ts'
import { SHADOW_REGION_BYTES } from '../../src/domain/shadow.ts'
import type {
  AddressSnapshot,
  FromThread,
  RouteSnapshot,
  Snapshot,
  ThreadSettings,
  ToThread,
  VariantSnapshot
} from '../../src/domain/snapshot.ts'
import { changeBetween } from '../../src/domain/snapshot-change.ts'
import {
  REJECTS,
  type Reject,
  THREAD_REGION_BYTES,
  THREAD_WORD,
  type ThreadRegion,
  threadRegionOver
} from '../../src/domain/thread-region.ts'
import { routeSnapshot, snapshotOf, variantSnapshot } from './route-snapshot.ts'
import { until } from './until.ts'

export type DataThread = {
  readonly port: number
  readonly url: string
  readonly region: ThreadRegion
  readonly counters: (variant: string) => Counters
  /** Requests of a variant that ended with an outcome, over cohorts, calls and codes unless one is given. */
  readonly count: (variant: string, outcome: Outcome, cohort?: (typeof COHORTS)[number]) => number
  readonly inFlight: (variant: string) => number
  readonly rejected: (reject: Reject) => number
  readonly logs: () => readonly Extract<FromThread, { type: 'log' }>[]
  /** Posts another snapshot, as its change from the last one, and waits until it is in force. */
  readonly post: (routes: readonly RouteSnapshot[], changes?: Partial<Snapshot>) => Promise<void>
  /** Resolves when the thread says that it is drained. */
  readonly drain: (graceMs: number) => Promise<void>
  readonly stop: () => Promise<void>
  /** Undefined while it lives. */
  readonly exitCode: () => number | undefined
}

/** What a tap test offers for tearing down. */
type Teardown = { teardown(done: () => unknown): unknown }

/** Starts a thread for `routes`. Variants get counters of their own by their names. */
export async function startDataThread(
  t: Teardown,
  routes: readonly RouteSnapshot[],
  settings: Partial<ThreadSettings> = {},
  changes: Partial<Snapshot> = {}
): Promise<DataThread> {
  const header = new SharedArrayBuffer(THREAD_REGION_BYTES)
  const workerData: ThreadSettings = {
    index: 0,
    epochMs: Number(process.hrtime.bigint()) / 1e6,
    listen: { host: '127.0.0.1', port: 0, reusePort: false },
    tls: null,
    maxConnections: 10_000,
    threads: 1,
    header,
    shadowCounters: new SharedArrayBuffer(SHADOW_REGION_BYTES),
    forbiddenPorts: [],
    ...settings
  }
  const entry = new URL('../../src/data-plane/thread.ts', import.meta.url)
  const worker = new Worker(entry, { workerData })
  const messages: FromThread[] = []
  let exitCode: number | undefined
  const failures: unknown[] = []
  worker.on('message', (message: FromThread) => messages.push(message))
  worker.on('error', error => failures.push(error))
  worker.on('exit', code => {
    exitCode = code
  })
  t.teardown(() => worker.terminate())
  const say = (message: ToThread): void => worker.postMessage(message)
  const buffers: SharedArrayBuffer[] = []
  let had = 0
  let current: Snapshot | null = null
  const indices = new Map<string, number>()
  let sequence = 0

  async function post(next: readonly RouteSnapshot[], more: Partial<Snapshot> = {}): Promise<void> {
    const numbered = next.map(route => ({ ...route, variants: route.variants.map(own(route)) }))
    const snapshot = snapshotOf(numbered, { ...changes, ...more, sequence: ++sequence })
    const counters = buffers.slice(had)
    had = buffers.length
    if (current === null) say({ type: 'snapshot', snapshot, counters })
    else say({ type: 'change', change: changeBetween(current, snapshot), counters })
    current = snapshot
    const wanted = sequence
    await until('the snapshot to be in force', () => {
      if (failures.length > 0) throw failures[0]
      return messages.some(m => m.type === 'applied' && m.sequence === wanted)
    })
  }

  function own(route: RouteSnapshot): (variant: VariantSnapshot) => VariantSnapshot {
    const splits = route.overrides.filter(override => override.split !== null).length
    return variant => {
      const known = indices.get(variant.name)
      if (known !== undefined) return { ...variant, counters: known }
      indices.set(variant.name, buffers.length)
      buffers.push(new SharedArrayBuffer(regionBytes(splits)))
      return { ...variant, counters: buffers.length - 1 }
    }
  }

  function countersOf(variant: string): Counters {
    const buffer = buffers[indices.get(variant) ?? -1]
    if (buffer === undefined) throw new Error(`no variant ${variant}`)
    return countersOver(buffer, 0)
  }

  await post(routes)
  const listening = await until('the thread to listen', () =>
    messages.find(m => m.type === 'listening' || m.type === 'failed')
  )
  if (listening.type !== 'listening') throw new Error(JSON.stringify(listening))
  const region = threadRegionOver(header)
  return {
    port: listening.port,
    url: `${settings.tls == null ? 'http' : 'https'}://127.0.0.1:${listening.port}`,
    region,
    counters: countersOf,
    count: (variant, outcome, cohort) => sum(countersOf(variant), outcome, cohort),
    inFlight: variant => countersOf(variant).words[AT.inFlight] ?? 0,
    rejected: reject => region.words[THREAD_WORD.rejects + REJECTS.indexOf(reject)] ?? 0,
    logs: () => messages.filter(m => m.type === 'log'),
    post,
    drain: async graceMs => {
      say({ type: 'drain', graceMs })
      await until('the thread to be drained', () => messages.some(m => m.type === 'drained'), {
        within: graceMs + 10_000
      })
    },
    stop: async () => {
      say({ type: 'stop' })
      await until('the thread to end', () => exitCode !== undefined)
    },
    exitCode: () => exitCode
  }
}

/** An address on the loopback. */
export function localAddress(
  port: number,
  slot = 0,
  changes: Partial<AddressSnapshot> = {}
): AddressSnapshot {
  return {
    slot,
    url: `http://127.0.0.1:${port}`,
    secure: false,
    hostname: '127.0.0.1',
    ip: '127.0.0.1',
    port,
    healthy: true,
    ramp: 1,
    ...changes
  }
}

/** A route with one variant `stable` that owns everything. */
export function stableRoute(port: number, changes: Partial<RouteSnapshot> = {}): RouteSnapshot {
  return routeSnapshot({
    name: 'demo',
    champion: 0,
    ranges: [{ start: 0, end: 10_000, variant: 0 }],
    variants: [variantSnapshot('stable', { addresses: [localAddress(port)] })],
    ...changes
  })
}

/** A route whose challenger `canary` owns everything, so that each request is one of its. */
export function canaryRoute(
  stable: number,
  canary: number,
  changes: Partial<RouteSnapshot> = {}
): RouteSnapshot {
  return routeSnapshot({
    name: 'demo',
    champion: 0,
    ranges: [{ start: 0, end: 10_000, variant: 1 }],
    variants: [
      variantSnapshot('stable', { addresses: [localAddress(stable)] }),
      variantSnapshot('canary', { addresses: [localAddress(canary)] })
    ],
    ...changes
  })
}

function sum(counters: Counters, outcome: Outcome, cohort?: string): number {
  let total = 0
  for (let c = 0; c < COHORTS.length; c++) {
    if (cohort !== undefined && COHORTS[c] !== cohort) continue
    for (let call = 0; call < CALLS.length; call++) {
      for (let code = 0; code < CODES.length; code++) {
        total += counters.words[requestCell(c, call, OUTCOMES.indexOf(outcome), code)] ?? 0
      }
    }
  }
  return total
}
