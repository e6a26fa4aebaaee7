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
  readonly allowedHosts: readonly string[] // beside localhost, loopback and the listen address
  readonly tokens: readonly Token[]
  readonly log: Log
}

/** The admin listener. `start` resolves when it accepts; `stop` ends event streams and lets calls finish. */
export function createAdmin(options: AdminOptions): Listener {
  const { control, listen, log } = options
  const now = () => performance.now()
  const accessAudit = createAccessAudit(control, log, now)
  const streams = createEventStreams(control, log)
  const calls = allCalls(streams, renderOpenApi)
  const app = createApp({ control, calls, accessAudit, log, now })
  let hosts: HostList = hostsAt(options, listen.port)
  const guard = createGuard({
    hosts: () => hosts,
    credentials: authenticator(options.tokens),
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
      hosts = hostsAt(options, address.port)
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

function hostsAt({ listen, allowedHosts }: AdminOptions, port: number): HostList {
  return hostList({ scheme: listen.tls ? 'https' : 'http', host: listen.host, port, allowedHosts })
}

const nothing = () => undefined
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
