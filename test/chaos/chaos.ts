/**
 * A chaos run (state.md, "Proof"): replicas in processes of their own, a real master and its replica, a fault
 * proxy before each, seeded faults and seeded operators, in rounds. After each round all faults end, and the
 * replicas and the store have to come to one document within `REST_MS`; then everything that was seen is judged.
 *
 * The seed decides the choices; how they fall together is the machine's. Nothing is written but below one
 * temporary directory, and every process ends with the run.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { RouteDocument } from '../../src/domain/document.ts'
import { entryOf } from '../../src/io/audit-entry.ts'
import { NO_ROUTE, routeKeys } from '../../src/io/redis/scripts.ts'
import type { AuditEntry } from '../../src/ports.ts'
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts'
import type { Redis } from '../helpers/redis.ts'
import { startRedisPair } from '../helpers/redis-pair.ts'
import { seeded } from '../helpers/seeded.ts'
import { temporaryDirectory } from '../helpers/sluice.ts'
import { between } from './chance.ts'
import { createObserver } from './observer.ts'
import { createOperators } from './operators.ts'
import { createReplicaProcess, type ReplicaProcess } from './replica-process.ts'
import type { Violation } from './rollback-watch.ts'
import { createSchedule } from './schedule.ts'

export type ChaosOptions = {
  readonly seconds: number // of faults; the rests come on top
  readonly seed: number
  readonly replicas: number
  readonly control: boolean
  readonly endAtViolation: boolean // when one is enough
  readonly signal: AbortSignal
}

export type ChaosResult = {
  readonly rounds: number
  readonly decisions: number // questions to replicas
  readonly accepted: number
  readonly refused: number
  readonly rollbacks: number // questions for one
  readonly runs: number // of challengers that were rolled back
  readonly reasserted: number
  readonly faults: Readonly<Record<string, number>>
  readonly convergenceMs: readonly number[] // of each rest, sorted
  readonly violations: readonly Violation[]
}

const ROUTES = ['fraud', 'spam']
const CHALLENGERS = ['v4', 'v5']
const ROUND_MS = [5_000, 10_000] as const
const REST_MS = 60_000 // a hundred times what it takes alone
const TOLD_MS = 30_000 // in which kept audit entries are sent on, at rest

/** Runs to its end. Throws when the faults themselves cannot be made, and an AbortError at the signal. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const ends: (() => unknown)[] = []
  const t = { teardown: (done: () => unknown) => ends.push(done) }
  try {
    return await run(options, t)
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function run(
  options: ChaosOptions,
  t: { teardown(done: () => unknown): unknown }
): Promise<ChaosResult> {
  const { control, signal } = options
  const random = seeded(options.seed)
  const observer = createObserver({ documentsAlone: control })
  const directory = temporaryDirectory()
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const pair = await startRedisPair(t)
  const proxies: FaultProxy[] = []
  const replicas: ReplicaProcess[] = []
  for (let index = 0; index < options.replicas; index++) {
    const proxy = await startFaultProxy(t, { to: pair.master().port })
    proxies.push(proxy)
    const settings = {
      port: proxy.port,
      directory: join(directory, `replica-${index}`),
      routes: ROUTES,
      challengers: CHALLENGERS,
      control
    }
    const replica = createReplicaProcess(index, settings, observer.hear)
    t.teardown(() => replica.kill9())
    replicas.push(replica)
  }
  await Promise.all(replicas.map(replica => replica.start()))

  const operators = createOperators({ replicas, routes: ROUTES, observer, random })
  const schedule = createSchedule({ replicas, proxies, pair, observer, random })
  const convergenceMs: number[] = []
  const end = performance.now() + options.seconds * 1_000
  do {
    const round = Math.min(between(ROUND_MS, random), Math.max(0, end - performance.now()))
    const asking = operators.start()
    const failing = schedule.start()
    await endOf(round)
    await failing.stop()
    await asking.stop()
    for (const proxy of proxies) await proxy.pass()
    convergenceMs.push(await rest())
  } while (performance.now() < end && !isEnough())
  for (const replica of replicas) await replica.ask({ ask: 'close' })

  function isEnough(): boolean {
    return options.endAtViolation && observer.violations.length > 0
  }

  async function endOf(ms: number): Promise<void> {
    const from = performance.now()
    while (performance.now() - from < ms && !isEnough()) await delay(50, null, { signal })
  }

  /** Waits until all are one, and judges. Gives the ms that it took. */
  async function rest(): Promise<number> {
    const from = performance.now()
    const all = replicas.map(({ index }) => index)
    let stored: readonly RouteDocument[] = []
    let wrong: string | null = 'nothing was compared'
    while (performance.now() - from < REST_MS && !isEnough()) {
      stored = await documentsIn(pair.master())
      const apart = stored.length < ROUTES.length ? 'the store has no document' : null
      wrong = apart ?? observer.difference(all, stored) ?? (await unsettled())
      if (wrong === null) break
      await delay(20)
    }
    const took = performance.now() - from
    if (wrong !== null && !isEnough())
      observer.violate({ invariant: 'I2', what: `${REST_MS} ms later ${wrong}` })
    const told = performance.now()
    while (observer.untold().length > 0 && performance.now() - told < TOLD_MS && !isEnough()) {
      await delay(50)
    }
    const streams = [...ROUTES, NO_ROUTE].map(route => streamIn(pair.master(), route))
    observer.atRest(stored, await Promise.all(streams))
    return took
  }

  async function unsettled(): Promise<string | null> {
    for (const replica of replicas) {
      const answer = await replica.ask({ ask: 'unsettled' })
      const routes = answer?.ok ? (answer.value as readonly string[]) : ['all'] // the child's
      if (routes.length > 0) return `replica ${replica.index} has rollbacks that are not stored`
    }
    return null
  }

  return {
    rounds: convergenceMs.length,
    ...operators.counts(),
    ...observer.counts(),
    faults: schedule.counts(),
    convergenceMs: convergenceMs.toSorted((a, b) => a - b),
    violations: observer.violations
  }
}

async function documentsIn(redis: Redis): Promise<readonly RouteDocument[]> {
  const texts = await Promise.all(
    ROUTES.map(route => redis.cli('GET', routeKeys('sluice', route).doc))
  )
  return texts.flatMap(text => (text === null ? [] : [JSON.parse(String(text)) as RouteDocument])) // only replicas write it
}

async function streamIn(redis: Redis, route: string): Promise<readonly AuditEntry[]> {
  const items = await redis.cli('XRANGE', routeKeys('sluice', route).log, '-', '+')
  if (!Array.isArray(items)) return []
  return items.flatMap(item => {
    const fields = Array.isArray(item) && Array.isArray(item[1]) ? item[1].map(String) : []
    return entryOf(fields[fields.indexOf('entry') + 1] ?? '') ?? []
  })
}
