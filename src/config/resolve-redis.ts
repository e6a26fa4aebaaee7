/**
 * The checked keys of `state.redis` as the store wants them.
 *
 * Exports: `resolveRedis`.
 */
import type { RedisSettings } from './config.ts'
import { parseRedisUrl, urlsOf } from './redis-url.ts'
import type { ConfigFile } from './schema.ts'
import type { Secrets } from './secrets.ts'

const PORT = 6379
const SENTINEL_PORT = 26_379

export function resolveRedis(file: ConfigFile['state']['redis'], secrets: Secrets): RedisSettings {
  const urls = urlsOf(file.url).flatMap(text => {
    const url = parseRedisUrl(text)
    return typeof url === 'string' ? [] : [url]
  })
  const secret = (...path: string[]) => secrets.get(['state', 'redis', ...path]) ?? null
  const standardPort = file.sentinel ? SENTINEL_PORT : PORT
  return {
    mode: file.sentinel ? 'sentinel' : file.cluster ? 'cluster' : 'standalone',
    nodes: urls.map(({ host, port }) => ({ host, port: port ?? standardPort })),
    database: urls.find(({ database }) => database !== null)?.database ?? 0,
    username: file.username ?? null,
    password: secret('password'),
    sentinel: file.sentinel
      ? {
          master: file.sentinel.master,
          username: file.sentinel.username ?? null,
          password: secret('sentinel', 'password')
        }
      : null,
    tls: urls.some(({ secure }) => secure)
      ? {
          ca: secret('tls', 'ca'),
          cert: secret('tls', 'cert'),
          key: secret('tls', 'key'),
          serverName: file.tls?.serverName ?? null
        }
      : null,
    prefix: file.prefix
  }
}
