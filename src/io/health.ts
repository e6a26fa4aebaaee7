/**
 * Active health checks: `GET path` at one address, healthy is any 2xx in time.
 *
 * Each check has a connection of its own, so that it also shows whether the server accepts. A new check starts
 * only when the one before has ended, so a server that hangs never collects them; redirects are not followed
 * and a body is thrown away. An address that keeps failing is checked at the same pace: that it comes back
 * should be seen as soon as anything else.
 */
import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { checkServerIdentity, type ConnectionOptions as TlsOptions } from 'node:tls'
import type { HealthProbe, HealthTarget } from '../ports.ts'

const MIN_TIMEOUT_MS = 1_000
const MAX_TIMEOUT_MS = 5_000
const MAX_BODY_BYTES = 65_536
const JITTER = 0.1

export function createHealthProbe(): HealthProbe {
  return {
    watch(target, listener) {
      const judge = createJudge(target, listener)
      let stopped = false
      let timer: NodeJS.Timeout | undefined
      let current: ClientRequest | undefined

      function check(): void {
        const startedAt = performance.now()
        current = probe(target, why => {
          if (stopped) return
          judge(why)
          const wait = jittered(target.intervalMs) - (performance.now() - startedAt)
          timer = setTimeout(check, Math.max(0, wait))
          timer.unref()
        })
      }

      check()
      return () => {
        stopped = true
        clearTimeout(timer)
        current?.destroy()
      }
    }
  }
}

/** Turns results into changes: the first one counts at once, then so many in a row. */
function createJudge(
  target: HealthTarget,
  listener: (healthy: boolean, why: string) => void
): (why: string | null) => void {
  let healthy: boolean | null = null
  let streak = 0
  return why => {
    const good = why === null
    if (good === healthy) {
      streak = 0
      return
    }
    streak++
    const needed = healthy === null ? 1 : good ? target.healthy : target.unhealthy
    if (streak < needed) return
    healthy = good
    streak = 0
    listener(good, why ?? 'ok')
  }
}

/** One check; `done` is called once, when its connection is closed: null, or what was wrong. */
function probe(target: HealthTarget, done: (why: string | null) => void): ClientRequest {
  let result: string | null = 'closed'
  const request = (target.secure ? httpsRequest : httpRequest)(optionsOf(target))
  const limit = setTimeout(() => {
    if (result === 'closed') result = 'timeout'
    request.destroy()
  }, timeoutOf(target.intervalMs))
  request.on('response', response => {
    const status = response.statusCode ?? 0
    result = status >= 200 && status < 300 ? null : `status ${status}`
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) request.destroy()
    })
    response.on('error', () => {}) // the status was read; how the body ends is no matter
  })
  request.on('error', error => {
    if (result === 'closed') result = 'code' in error ? String(error.code) : error.message
  })
  request.on('close', () => {
    clearTimeout(limit)
    done(result)
  })
  request.end()
  return request
}

function optionsOf(target: HealthTarget): RequestOptions {
  const name = target.hostname.includes(':') ? `[${target.hostname}]` : target.hostname
  const standard = target.port === (target.secure ? 443 : 80)
  const options: RequestOptions = {
    agent: false,
    host: target.ip,
    port: target.port,
    method: 'GET',
    path: target.path,
    headers: {
      Host: standard ? name : `${name}:${target.port}`,
      'User-Agent': 'sluice-health',
      Connection: 'close'
    }
  }
  return target.secure ? { ...options, ...tlsOf(target) } : options
}

function tlsOf({ tls, hostname }: HealthTarget): TlsOptions {
  const serverName = tls?.serverName ?? hostname
  return {
    // an address is no server name (RFC 6066 section 3), but the certificate must name it all the same
    servername: isIP(serverName) === 0 ? serverName : '',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
    rejectUnauthorized: tls?.verify ?? true,
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {})
  }
}

function timeoutOf(intervalMs: number): number {
  return Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, intervalMs))
}

function jittered(ms: number): number {
  return ms * (1 - JITTER + Math.random() * 2 * JITTER)
}
