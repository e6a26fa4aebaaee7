/**
 * The composition: the only file that knows every layer. Wires adapters into planes and gives one router that
 * can be started, drained and stopped. When something cannot start, what was started is stopped again.
 *
 * Order of start: state, addresses, admin and telemetry listeners, data threads, so that a router that accepts
 * a request can also be told to roll back.
 */
import { randomBytes } from 'node:crypto'
import packageJson from '../package.json' with { type: 'json' }
import { type Access, createAdmin, createTelemetryServer } from './admin/server.ts'
import type { Config, Listen, Token } from './config/config.ts'
import { createBackground, NO_BACKGROUND } from './control-plane/background.ts'
import { createController } from './control-plane/controller.ts'
import { createRegions } from './control-plane/regions.ts'
import { firstOf, type ReloadResult } from './control-plane/reload.ts'
import { createShadowCounts } from './control-plane/shadow-counts.ts'
import { createShadowProcess } from './control-plane/shadow-process.ts'
import { createThreads } from './control-plane/threads.ts'
import { createUpstreams } from './control-plane/upstreams.ts'
import { fail } from './errors.ts'
import { DECISION } from './io/event-schema.ts'
import { fileLimit } from './io/file-limit.ts'
import { createFileState } from './io/file-state.ts'
import { createHealthProbe } from './io/health.ts'
import { operatorToken } from './io/operator-token.ts'
import { assertPortFree } from './io/port-free.ts'
import { mayChoosePolicy, setProcessPolicy } from './io/process-policy.ts'
import { createFleetCounters } from './io/redis/fleet-counters.ts'
import { openLink, type RedisLink } from './io/redis/link.ts'
import { inspect } from './io/redis/server-check.ts'
import { createRedisState, replicaName } from './io/redis/state.ts'
import { createResolver } from './io/resolve.ts'
import { watchStores } from './io/store-addresses.ts'
import { unitKey } from './io/unit-key.ts'
import type { Actor, Clock, Log, StateStore } from './ports.ts'

export type Router = {
  readonly addresses: {
    readonly listen: string
    readonly admin: string
    readonly telemetry: string | null
  }
  reload(actor: Actor): Promise<unknown>
  /** Not ready, then no new connections, then no requests. The delay lets a load balancer notice. */
  drain(withDelay: boolean): Promise<void>
  stop(): Promise<void>
}

const VERSION: string = packageJson.version
const MAX_CONNECTIONS = 10_000
const FLUSH_MS = 2_000

/** Starts a router. Throws a SluiceError that says what to do when it cannot be. */
export async function compose(
  config: Config,
  load: () => Promise<ReloadResult>,
  log: Log
): Promise<Router> {
  const clock = processClock()
  const cleanup: (() => Promise<unknown> | unknown)[] = []
  const stop = async () => {
    for (const step of cleanup.reverse()) await step()
    cleanup.length = 0
  }
  try {
    return await start()
  } catch (error) {
    await stop()
    throw error
  }

  async function start(): Promise<Router> {
    const link = config.state.redis === null ? null : openLink(config.state.redis, log)
    cleanup.push(() => link?.close())
    const replica = replicaName()
    const store = storeOf(config, link, replica, clock, log)
    const warnings = await store.open(
      config.routes.map(route => route.name),
      name => firstOf(config, routeNamed(config, name), clock, newId)
    )
    cleanup.push(() => store.close())
    for (const warning of warnings) log.error({ ...warning }, warning.message)
    const localTokens = await localTokensOf(config)
    const unitIdKey = await unitKeyOf(config)
    let ports: readonly number[] = []
    const shadowCounts = createShadowCounts(config.threads)
    const shadowProcess = createShadowProcess({
      entry: new URL('./shadow/process.ts', import.meta.url),
      start: () => ({ events: config.events, unitKey: unitIdKey }),
      ownPorts: () => ports,
      counts: shadowCounts,
      background: mayChoosePolicy()
        ? createBackground({ setPolicy: setProcessPolicy, now: clock.now, log })
        : NO_BACKGROUND,
      log
    })
    cleanup.push(() => shadowProcess.close(FLUSH_MS))
    const shadowed = config.routes.some(({ shadows }) => shadows.length > 0)
    if (shadowed || config.events.driver !== 'none') await shadowProcess.start()
    store.onAudit((entry, origin) => {
      if (origin !== 'own') return // the replica that made the change publishes it
      shadowProcess.publish({ type: DECISION, key: entry.route ?? '', data: entry })
    })

    const regions = createRegions(config.threads)
    const resolver = createResolver()
    const stores = watchStores(config.state.redis?.nodes ?? [], resolver)
    cleanup.push(() => stores.stop())
    const upstreams = createUpstreams({
      resolver,
      stores: stores.all,
      probe: createHealthProbe(),
      clock,
      log,
      ownPorts: () => ports
    })
    const threads = createThreads({
      entry: new URL('./data-plane/thread.ts', import.meta.url),
      count: config.threads,
      regions,
      shadowCounts,
      road: shadowProcess.road,
      log,
      settings: () => ({
        epochMs: clock.epochMs,
        listen: { host: config.listen.host, port: config.listen.port, reusePort: reusePort() },
        tls: config.listen.tls,
        maxConnections: Math.min(MAX_CONNECTIONS, Math.floor(fileLimit() / 3 / config.threads)),
        forbiddenPorts: ports
      })
    })
    shadowProcess.attach(threads.roads)
    const controller = createController({
      config,
      store,
      threads,
      regions,
      upstreams,
      clock,
      log,
      newId,
      unitKey: unitIdKey,
      pseudonym: `sluice-${randomBytes(4).toString('hex')}`,
      load,
      version: VERSION,
      shadowProcess,
      shadowCounts,
      stateWarnings: warnings,
      counters:
        link === null || config.state.redis === null
          ? null
          : createFleetCounters(link, config.state.redis.prefix, replica)
    })
    cleanup.push(() => controller.stop())
    controller.start()
    await upstreams.settled(FLUSH_MS)

    const admin = createAdmin({
      control: controller,
      listen: config.admin.listen,
      access: accessTo(controller.configuration, localTokens),
      log
    })
    cleanup.push(() => admin.stop())
    const adminAt = await admin.start()
    ports = [adminAt.port]
    const telemetry = config.telemetry
      ? createTelemetryServer({ control: controller, listen: config.telemetry.listen, log })
      : null
    cleanup.push(() => telemetry?.stop())
    const telemetryAt = telemetry ? await telemetry.start() : null
    if (telemetryAt) ports = [...ports, telemetryAt.port]

    await assertPortFree(config.listen.host, config.listen.port)
    cleanup.push(() => threads.stop())
    const dataAt = await threads.start(controller.snapshot())
    ports = [...ports, dataAt.port]
    return {
      addresses: {
        listen: urlOf(config.listen, dataAt),
        admin: urlOf(config.admin.listen, adminAt),
        telemetry:
          telemetryAt && config.telemetry ? urlOf(config.telemetry.listen, telemetryAt) : null
      },
      reload: actor => controller.reload(actor),
      async drain(withDelay) {
        controller.leave()
        const { delay } = controller.configuration().drain
        if (withDelay) await new Promise(resolve => setTimeout(resolve, delay))
        await threads.drain(controller.configuration().drain.grace)
      },
      stop
    }
  }
}

/** The state of routes, on disk for one process or in Redis for many. */
function storeOf(
  config: Config,
  link: RedisLink | null,
  replica: string,
  clock: Clock,
  log: Log
): StateStore {
  const { directory, redis } = config.state
  if (redis === null || link === null) return createFileState({ directory, clock, log })
  link.onReady(() => {
    inspect(link, redis.prefix)
      .then(problems => {
        for (const problem of problems) {
          log.warn({ store: 'redis' }, `the shared store: ${problem}`)
          link.note('unfit')
        }
      })
      .catch(link.count)
  })
  return createRedisState({ settings: redis, link, replica, directory, clock, log })
}

/** Monotonic ms since the start of the process, aligned for all threads by `epochMs` (hrtime). */
function processClock(): Clock & { readonly epochMs: number } {
  const epochMs = Number(process.hrtime.bigint()) / 1e6
  const offset = performance.now()
  return { epochMs, now: () => performance.now() - offset, wall: () => new Date() }
}

/** Time-ordered enough to be read, random enough never to meet again. */
function newId(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`
}

function routeNamed(config: Config, name: string): Config['routes'][number] {
  const route = config.routes.find(candidate => candidate.name === name)
  if (!route) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${name}`])
  return route
}

/** The token of a first start, where the configuration has none. */
async function localTokensOf(config: Config): Promise<readonly Token[]> {
  if (config.admin.tokens.length > 0) return []
  const { sha256 } = await operatorToken(config.state.directory)
  return [{ id: 'operator', role: 'operator', sha256 }]
}

function unitKeyOf({ events, state }: Config): Promise<Uint8Array> | Uint8Array {
  return events.unitKey === null ? unitKey(state.directory) : Buffer.from(events.unitKey)
}

/** Who may call, as the configuration in force says; the same object until it changes. */
function accessTo(configuration: () => Config, localTokens: readonly Token[]): () => Access {
  let known: { readonly admin: Config['admin']; readonly access: Access } | null = null
  return () => {
    const { admin } = configuration()
    if (known?.admin !== admin) {
      const tokens = admin.tokens.length > 0 ? admin.tokens : localTokens
      known = { admin, access: { allowedHosts: admin.allowedHosts, tokens } }
    }
    return known.access
  }
}

function reusePort(): boolean {
  return process.platform === 'linux'
}

function urlOf(listen: Listen, at: { readonly host: string; readonly port: number }): string {
  const host = at.host.includes(':') ? `[${at.host}]` : at.host
  return `${listen.tls ? 'https' : 'http'}://${host}:${at.port}`
}
