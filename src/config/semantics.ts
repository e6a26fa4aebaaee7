/**
 * What a configuration means as a whole, beyond the form of each value: addresses, the admin's safety, and how
 * routes relate to each other. Rules of a single route are in route-rules.ts.
 *
 * Exports: `checkMeaning`.
 *
 * Works on what is left after faults of form, so that one reading shows everything that is wrong.
 */
import { parseNetwork } from '../domain/ip.ts'
import { faultOfHost, isLoopback, parseListen } from './address.ts'
import type { Path, Report } from './diagnostics.ts'
import { checkKafkaSettings } from './kafka-rules.ts'
import { checkLoops } from './loop-rules.ts'
import { checkOverlaps } from './overlap.ts'
import { checkRedisSettings } from './redis-rules.ts'
import { checkRoute } from './route-rules.ts'
import type { ConfigFile } from './schema.ts'
import { checkShadows } from './shadow-rules.ts'
import type { Loose } from './shape.ts'

type File = Loose<ConfigFile>
type ListenFile = Loose<ConfigFile['listen']>

export function checkMeaning(file: File, report: Report): void {
  checkListeners(file, report)
  checkTokens(file, report)
  file.admin?.allowedHosts?.forEach((host, i) => {
    const fault = host === undefined ? null : faultOfHost(host, 'port allowed')
    if (fault) report(['admin', 'allowedHosts', i], `"${host}" ${fault}`)
  })
  file.trustedProxies?.forEach((cidr, i) => {
    checkNetwork(cidr, ['trustedProxies', i], report)
  })
  if (file.state?.redis) checkRedisSettings(file.state.redis, report)
  if (file.events?.kafka) checkKafkaSettings(file.events.kafka, report)
  const routes = Object.entries(file.routes ?? {})
  for (const [name, route] of routes) {
    if (route) checkRoute(route, ['routes', name], report)
  }
  checkLoops(file, report)
  checkShadows(file, report)
  checkOverlaps(routes, report)
}

function checkListeners(file: File, report: Report): void {
  const taken: { readonly host: string; readonly port: number; readonly by: string }[] = []
  for (const [name, listen] of [
    ['listen', file.listen],
    ['admin', file.admin?.listen],
    ['telemetry', file.telemetry?.listen]
  ] as const) {
    if (listen === undefined) continue
    const path = name === 'listen' ? ['listen'] : [name, 'listen']
    const text = textOf(listen)
    const address = text === undefined ? null : parseListen(text)
    if (text !== undefined && address === null) {
      const near = /^:[0-9]{1,5}$/.test(text) ? `, did you mean "0.0.0.0${text}"?` : ''
      report(
        path,
        `"${text}" is not an address to listen on; write host:port, with IPv6 in brackets${near}`
      )
    }
    if (address === null) continue
    if (name === 'admin') checkExposedAdmin(file, listen, address.host, report)
    const other = taken.find(one => collide(one, address))
    if (other) {
      report(
        path,
        `port ${address.port} is taken by ${other.by} already; give each listener its own`
      )
    }
    taken.push({ ...address, by: path.join('.') })
  }
}

/** An admin API that others can reach needs TLS and tokens: a rollback must not be for everybody. */
function checkExposedAdmin(file: File, listen: ListenFile, host: string, report: Report): void {
  if (isLoopback(host)) return
  const missing: string[] = []
  if (typeof listen === 'string' || listen?.tls === undefined) missing.push('tls')
  if ((file.admin?.tokens ?? []).length === 0) missing.push('tokens')
  if (missing.length === 0) return
  report(
    ['admin', 'listen'],
    `${host} is not loopback, so the admin API needs ${missing.join(' and ')}; add ${missing.length > 1 ? 'them' : 'it'}, or listen on 127.0.0.1`
  )
}

function checkTokens(file: File, report: Report): void {
  const ids = new Set<string>()
  file.admin?.tokens?.forEach((token, i) => {
    if (token?.id === undefined) return
    if (ids.has(token.id)) {
      report(['admin', 'tokens', i, 'id'], `"${token.id}" is the id of another token already`)
    }
    ids.add(token.id)
  })
}

function checkNetwork(cidr: string | undefined, path: Path, report: Report): void {
  if (cidr === undefined) return
  if (parseNetwork(cidr) === null || cidr.includes('%')) {
    report(path, `"${cidr}" is not an address or a CIDR such as "10.0.0.0/8" or "fd00::/8"`)
  }
}

function collide(a: { host: string; port: number }, b: { host: string; port: number }): boolean {
  if (a.port !== b.port || a.port === 0) return false
  return a.host === b.host || [a.host, b.host].some(host => host === '0.0.0.0' || host === '::')
}

function textOf(listen: ListenFile): string | undefined {
  return typeof listen === 'string' ? listen : listen?.address
}
