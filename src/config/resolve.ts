/**
 * From a checked file to the resolved configuration: units become numbers, names lower case, secrets digests.
 *
 * Exports: `resolveConfig`. Decides nothing: whatever can be wrong has been refused before.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { ipText, parseNetwork } from '../domain/ip.ts'
import { parseListen } from './address.ts'
import type { Config, Listen, Token } from './config.ts'
import type { Path } from './diagnostics.ts'
import { parseDuration, parsePercent } from './quantities.ts'
import { resolveKafka } from './resolve-kafka.ts'
import { resolveRedis } from './resolve-redis.ts'
import { resolveRoute } from './resolve-route.ts'
import type { ConfigFile } from './schema.ts'
import type { Secrets } from './secrets.ts'

export type Surroundings = {
  readonly path: string // absolute, of the file
  readonly secrets: Secrets
  readonly autoThreads: number
  readonly reusePort: boolean // the system spreads connections over listeners
}

const FIRST_START = { file: 'weights', redis: 'champion' } as const

export function resolveConfig(file: ConfigFile, around: Surroundings): Config {
  const { secrets } = around
  const wanted = file.threads === 'auto' ? around.autoThreads : file.threads
  const accessLog = typeof file.accessLog === 'object' ? file.accessLog : null
  return {
    file: around.path,
    listen: listenOf(file.listen, ['listen'], secrets),
    threads: around.reusePort ? wanted : 1,
    admin: {
      listen: listenOf(file.admin.listen, ['admin', 'listen'], secrets),
      allowedHosts: file.admin.allowedHosts.map(host => host.toLowerCase()),
      tokens: file.admin.tokens.map((token, i) => tokenOf(token, i, secrets))
    },
    telemetry: file.telemetry
      ? { listen: listenOf(file.telemetry.listen, ['telemetry', 'listen'], secrets) }
      : null,
    state: {
      driver: file.state.driver,
      directory: resolve(file.state.directory),
      firstStart: file.state.firstStart ?? FIRST_START[file.state.driver],
      stale: {
        policy: file.state.stale.policy,
        after: parseDuration(file.state.stale.after) ?? 0
      },
      redis: file.state.driver === 'redis' ? resolveRedis(file.state.redis, secrets) : null
    },
    events: {
      driver: file.events.driver,
      directory: resolve(file.events.directory),
      kafka: file.events.driver === 'kafka' ? resolveKafka(file.events.kafka, secrets) : null,
      unitKey: secrets.get(['events', 'unitKey']) ?? null
    },
    accessLog: accessLog && { format: 'json', sample: parsePercent(accessLog.sample) ?? 0 },
    trustedProxies: file.trustedProxies.map(networkText),
    drain: {
      delay: parseDuration(file.drain.delay) ?? 0,
      grace: parseDuration(file.drain.grace) ?? 0
    },
    routes: Object.entries(file.routes).map(([name, route]) => resolveRoute(name, route, secrets))
  }
}

function listenOf(listen: ConfigFile['listen'], path: Path, secrets: Secrets): Listen {
  const text = typeof listen === 'string' ? listen : listen.address
  const { host, port } = parseListen(text) ?? { host: '', port: 0 }
  const cert = secrets.get([...path, 'tls', 'cert'])
  const key = secrets.get([...path, 'tls', 'key'])
  return { host, port, tls: cert !== undefined && key !== undefined ? { cert, key } : null }
}

function tokenOf(
  token: ConfigFile['admin']['tokens'][number],
  index: number,
  secrets: Secrets
): Token {
  const text = secrets.get(['admin', 'tokens', index]) ?? ''
  const sha256 = token.sha256?.toLowerCase() ?? createHash('sha256').update(text).digest('hex')
  return { id: token.id, role: token.role, sha256 }
}

/** An address alone is a network of one. */
function networkText(text: string): string {
  if (text.includes('/')) return text
  const network = parseNetwork(text)
  return network === null ? text : `${ipText(network.ip)}/${text.includes(':') ? 128 : 32}`
}
