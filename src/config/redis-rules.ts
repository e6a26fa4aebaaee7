/**
 * Rules of `state.redis` beyond the form of its values: addresses that can be one store, settings that go
 * together.
 *
 * Exports: `checkRedisSettings`. Never quotes a URL (redis-url.ts says why).
 */
import { parseIp } from '../domain/ip.ts'
import { faultOfHost } from './address.ts'
import type { Path, Report } from './diagnostics.ts'
import { parseRedisUrl, type RedisUrl, urlsOf } from './redis-url.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

type RedisFile = Loose<ConfigFile['state']['redis']>
type Placed = RedisUrl & { readonly at: Path }

const PATH: Path = ['state', 'redis']

export function checkRedisSettings(redis: RedisFile, report: Report): void {
  const urls = readUrls(redis, report)
  checkMode(redis, urls, report)
  checkScheme(redis, urls, report)
  checkDatabase(redis, urls, report)
  checkTwins(urls, report)
  checkServerName(redis, report)
}

/** Those that can be read; the faults of the others are reported. */
function readUrls(redis: RedisFile, report: Report): readonly Placed[] {
  return urlsOf(redis.url).flatMap((text, i) => {
    if (text === undefined) return []
    const at = [...PATH, 'url', ...(typeof redis.url === 'string' ? [] : [i])]
    const url = parseRedisUrl(text)
    if (typeof url !== 'string') return [{ ...url, at }]
    report(at, url)
    return []
  })
}

function checkMode(redis: RedisFile, urls: readonly Placed[], report: Report): void {
  if (redis.sentinel !== undefined && redis.cluster) {
    report(
      [...PATH, 'cluster'],
      'sentinel and cluster are two ways to find the store; remove one of them'
    )
  }
  const [, second] = urls
  if (second && redis.sentinel === undefined && redis.cluster === false) {
    report(
      second.at,
      'several URLs are sentinels or nodes of a cluster; add sentinel: { master: NAME } or cluster: true, or keep one URL'
    )
  }
}

function checkScheme(redis: RedisFile, urls: readonly Placed[], report: Report): void {
  const [first] = urls
  if (!first) return
  const other = urls.find(url => url.secure !== first.secure)
  if (other) {
    const [wrong, right] = first.secure ? ['redis://', 'rediss://'] : ['rediss://', 'redis://']
    report(other.at, `is ${wrong}, and the first is ${right}; use one of them for all`)
  }
  if (redis.tls && urls.every(url => !url.secure)) {
    report([...PATH, 'tls'], 'is for rediss:// alone; write rediss:// in url, or remove tls', 'key')
  }
}

function checkDatabase(redis: RedisFile, urls: readonly Placed[], report: Report): void {
  const named = urls.filter(url => url.database !== null)
  const [first] = named
  const other = named.find(url => url.database !== first?.database)
  if (other) {
    report(
      other.at,
      `names database ${other.database}, and another URL ${first?.database}; they are one store, name one`
    )
  }
  const inCluster = redis.cluster ? named.find(url => url.database !== 0) : undefined
  if (inCluster) {
    report(
      inCluster.at,
      `a cluster has database 0 alone; remove /${inCluster.database}, and set prefix to keep routers apart`
    )
  }
}

function checkTwins(urls: readonly Placed[], report: Report): void {
  const seen = new Set<string>()
  for (const { host, port, at } of urls) {
    const address = `${host} ${port}`
    if (seen.has(address)) report(at, 'is the address of another entry already; remove it')
    seen.add(address)
  }
}

function checkServerName({ tls }: RedisFile, report: Report): void {
  const name = tls?.serverName ?? null
  if (name === null) return
  const fault = parseIp(name)
    ? 'is an address, and TLS asks for names alone; leave it out to have the host of the URL verified'
    : faultOfHost(name, 'no port')
  if (fault) report([...PATH, 'tls', 'serverName'], `"${name}" ${fault}`)
}
