/**
 * The admin API: a listener, the guard in front of it, and the calls behind.
 *
 * It reaches the controller by a port only and never touches the data path; when it is busy or down, traffic
 * does not notice.
 */
import type { Control, Log } from '../ports.ts'
import { createAccessAudit } from './access-audit.ts'
import { writeRefusal } from './answer.ts'
import { createApp } from './app.ts'
import { authenticator, type Token } from './auth.ts'
import { allCalls } from './calls.ts'
import { createEventStreams } from './event-streams.ts'
import { exchangeOf } from './exchange.ts'
import { createGuard } from './guard.ts'
import { type HostList, hostList } from './hosts.ts'
import { createListener, type Listener, type ListenOptions } from './listener.ts'
import { renderOpenApi } from './openapi.ts'
import { rootCalls } from './routes/root.ts'

export type AdminOptions = {
  readonly control: Control
  readonly listen: ListenOptions
  /** Asked at every call, so that a reload takes tokens in and out of force. The same object means no change. */
  readonly access: () => Access
  readonly log: Log
}

export type Access = {
  readonly allowedHosts: readonly string[] // beside localhost, loopback and the listen address
  readonly tokens: readonly Token[]
}

/** The admin listener. `start` resolves when it accepts; `stop` ends event streams and lets calls finish. */
export function createAdmin(options: AdminOptions): Listener {
  const { control, listen, log } = options
  const now = () => performance.now()
  const accessAudit = createAccessAudit(control, log, now)
  const streams = createEventStreams(control, log)
  const calls = allCalls(streams, renderOpenApi)
  const app = createApp({ control, calls, accessAudit, log, now })
  let port = listen.port
  const inForce = latest(options.access, ({ allowedHosts, tokens }) => ({
    hosts: hostsAt(listen, allowedHosts, port),
    credentials: authenticator(tokens)
  }))
  const guard = createGuard({
    hosts: () => inForce().hosts,
    credentials: fields => inForce().credentials(fields),
    accessAudit,
    now
  })
  const listener = createListener(
    listen,
    arrival => {
      const { request, response } = arrival
      const exchange = exchangeOf(request)
      const admission = guard(arrival, exchange.requestId)
      if ('error' in admission) return writeRefusal(request, response, admission.error, log)
      exchange.caller = admission.caller
      app.routing(request, response)
    },
    (request, response, error) => writeRefusal(request, response, error, log)
  )
  return {
    async start() {
      await app.ready()
      const address = await listener.start()
      port = address.port
      return address
    },
    async stop() {
      streams.close()
      await listener.stop()
      await app.close()
    }
  }
}

export type TelemetryOptions = {
  readonly control: Control
  readonly listen: ListenOptions
  readonly log?: Log
}

/**
 * The telemetry listener: /metrics, /healthz and /readyz alone, for scrapers and probes that must not reach the
 * admin API. No token and no Host list, for nothing here changes anything.
 */
export function createTelemetryServer(options: TelemetryOptions): Listener {
  const { control, log = SILENT } = options
  const accessAudit = { record: nothing } // no call here has a role
  const now = () => performance.now()
  const app = createApp({ control, calls: rootCalls, accessAudit, log, now })
  const listener = createListener(
    options.listen,
    ({ request, response }) => app.routing(request, response),
    (request, response, error) => writeRefusal(request, response, error, log)
  )
  return {
    async start() {
      await app.ready()
      return listener.start()
    },
    async stop() {
      await listener.stop()
      await app.close()
    }
  }
}

/** Derives from the latest value, again only when it is another one. */
function latest<Value, Derived>(
  read: () => Value,
  derive: (value: Value) => Derived
): () => Derived {
  let known: { readonly value: Value; readonly derived: Derived } | null = null
  return () => {
    const value = read()
    if (known?.value !== value) known = { value, derived: derive(value) }
    return known.derived
  }
}

function hostsAt(listen: ListenOptions, allowedHosts: readonly string[], port: number): HostList {
  return hostList({ scheme: listen.tls ? 'https' : 'http', host: listen.host, port, allowedHosts })
}

const nothing = () => undefined
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
