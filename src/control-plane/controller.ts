/**
 * The control plane of one process: joins configuration, state, counters and addresses, and answers the admin
 * API through the port `Control`. It owns no socket; what it starts, it stops.
 */
import type { Config } from '../config/config.ts'
import { TICK_MS, TIME_AT } from '../domain/counts.ts'
import type { RouteDocument } from '../domain/document.ts'
import type { AccessLogSettings, Snapshot } from '../domain/snapshot.ts'
import { fail } from '../errors.ts'
import type { Clock, Control, FleetCounters, Log, StateStore, StateWarning } from '../ports.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createActing } from './acting.ts'
import { type Commands, createCommands } from './commands.ts'
import { explainRequest } from './explain.ts'
import { FLEET_BEAT_MS } from './fleet-triggers.ts'
import type { LiveRoute } from './live-route.ts'
import { type MetricsParts, metricsSource } from './metrics-source.ts'
import { homeless, readinessOf } from './readiness.ts'
import type { Regions } from './regions.ts'
import { createReload, type ReloadResult } from './reload.ts'
import { createRoster } from './roster.ts'
import { createRouting } from './routing.ts'
import type { ShadowCounts } from './shadow-counts.ts'
import type { ShadowProcess } from './shadow-process.ts'
import { createShadows } from './shadows.ts'
import type { Threads } from './threads.ts'
import type { Upstreams } from './upstreams.ts'
import { viewOf } from './view.ts'

export type ControllerOptions = {
  readonly config: Config
  readonly store: StateStore
  readonly threads: Threads
  readonly regions: Regions
  readonly upstreams: Upstreams
  readonly clock: Clock
  readonly log: Log
  readonly newId: (prefix: string) => string
  readonly pseudonym: string
  readonly unitKey: Uint8Array // of unit ids in events and logs
  readonly load: () => Promise<ReloadResult>
  readonly version: string
  readonly shadowProcess: ShadowProcess
  readonly shadowCounts: ShadowCounts
  /** What the state said at its opening; counted by reason. */
  readonly stateWarnings: readonly StateWarning[]
  /** Of all replicas; null where nobody shares the state. */
  readonly counters: FleetCounters | null
}

export type Controller = Control & {
  snapshot(): Snapshot
  /** The configuration in force. */
  configuration(): Config
  /** Takes the documents of the store and starts to judge. Data threads are started by the caller after it. */
  start(): void
  /** Not ready any more; traffic goes on. */
  leave(): void
  stop(): void
}

const APPLY_LIMIT_MS = 1_000
const OBSERVE_MS = 3_600_000 // far below the time in which a 32-bit count wraps

export function createController(options: ControllerOptions): Controller {
  const { store, threads, regions, upstreams, clock, log, newId } = options
  const addresses = (route: string, variant: string) => upstreams.addresses(route, variant)
  const routing = createRouting()
  const roster = createRoster(
    (sequence, routes) =>
      routing({
        sequence,
        routes,
        regions,
        shadowCounts: options.shadowCounts,
        addresses,
        pseudonym: options.pseudonym,
        accessLog: accessLogOf(reload.config(), options.unitKey),
        trustedProxies: reload.config().trustedProxies
      }),
    snapshot => {
      threads.post(snapshot)
      shadows.follow(roster.all())
    }
  )
  const shadows = createShadows({
    shadowProcess: options.shadowProcess,
    counts: options.shadowCounts,
    addresses,
    log
  })
  const reload = createReload({
    config: options.config,
    load: options.load,
    roster,
    store,
    upstreams,
    clock,
    log,
    newId
  })
  const acting = createActing({
    roster,
    store,
    regions,
    addresses,
    clock,
    log,
    newId,
    stale: options.config.state.stale,
    counters: options.counters
  })
  const bornMs = clock.wall().getTime() - clock.now()
  const view = (route: LiveRoute) =>
    viewOf(route, {
      bornMs,
      replicas: store.replicas(route.config.name),
      fleet: acting.fleetTriggers.statuses(route.config.name),
      failing: acting.failing(route)
    })
  const commands: Commands = createCommands({
    roster,
    store,
    clock,
    newId,
    view,
    quarantines: acting.quarantines,
    checkUpstream: url => upstreams.check(url),
    applied: () => threads.applied(roster.current().sequence, APPLY_LIMIT_MS),
    shadowView: shadows.view,
    lastSent: (route, variants) => lastSent(regions, route, variants, bornMs)
  })
  const metrics = createMetrics()
  const metricsParts: MetricsParts = {
    version: options.version,
    roster,
    regions,
    store,
    upstreams,
    rollbacks: acting.rollbacks,
    stateErrors: countByReason(options.stateWarnings),
    reload,
    shadows: shadows.sources,
    shadowProcess: options.shadowProcess.vitals,
    events: options.shadowProcess.events
  }
  const timers: NodeJS.Timeout[] = []
  let leaving = false
  const unsubscribe: (() => void)[] = []

  function known(name: string): LiveRoute {
    const route = roster.get(name)
    if (!route) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${name}`])
    return route
  }

  function onDocument(document: RouteDocument): void {
    roster.setDocument(document)
    upstreams.configure(roster.all())
    roster.publish()
  }

  return {
    ...commands,
    snapshot: () => roster.current(),
    configuration: () => reload.config(),
    routes: () => roster.all().map(view),
    route: name => {
      const route = roster.get(name)
      return route ? view(route) : null
    },
    decisions(name, since, limit) {
      known(name)
      return store.decisions({ route: name, limit, ...(since === null ? {} : { since }) })
    },
    explain: (name, facts) => explainRequest(roster.current(), known(name).config.name, facts),
    config: () => reload.describe(),
    reload: actor => reload.run(actor),
    audit: draft => store.audit(draft),
    auditAfter: (sequence, limit) => store.decisions({ afterSequence: sequence, limit }),
    onAudit: listener => store.onAudit(listener),
    ready: () =>
      readinessOf({
        leaving,
        accepting: threads.accepting(),
        reloaded: reload.lastSucceeded(),
        routes: roster.all(),
        store,
        events: options.shadowProcess.faults(),
        failing: acting.failing,
        healthy: (route, variant) => addresses(route, variant).some(({ healthy }) => healthy)
      }),
    metrics: () => metrics.render(metricsSource(metricsParts)),
    start() {
      reload.begin()
      for (const fault of roster.all().flatMap(homeless)) log.warn({}, fault)
      unsubscribe.push(store.onDocument(onDocument))
      unsubscribe.push(upstreams.onChange(() => roster.publish()))
      timers.push(setInterval(acting.tick, TICK_MS))
      timers.push(setInterval(acting.fleetTriggers.tick, FLEET_BEAT_MS))
      timers.push(setInterval(() => metrics.observe(metricsSource(metricsParts)), OBSERVE_MS))
    },
    leave() {
      leaving = true
    },
    stop() {
      for (const timer of timers) clearInterval(timer)
      for (const end of unsubscribe) end()
      acting.stop()
      upstreams.stop()
    }
  }
}

function accessLogOf({ accessLog }: Config, unitKey: Uint8Array): AccessLogSettings | null {
  return accessLog === null ? null : { sample: accessLog.sample, unitKey }
}

function countByReason(warnings: readonly StateWarning[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const warning of warnings) {
    const reason = warning.reason.replaceAll('-', '_')
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return Object.fromEntries(counts)
}

/** ISO time of the last request that was sent to any of `variants`; null when there was none. */
function lastSent(
  regions: Regions,
  route: LiveRoute,
  variants: readonly string[],
  bornMs: number
): string | null {
  let last = 0
  for (const variant of variants) {
    for (const { times } of regions.of(route.config.name, variant, route.splits)) {
      last = Math.max(last, times[TIME_AT.lastSent] ?? 0)
    }
  }
  return last === 0 ? null : new Date(bornMs + last).toISOString()
}
