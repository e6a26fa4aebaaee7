/**
 * Makes connections to one address of an upstream: TCP or TLS, with a time limit and the address check.
 *
 * TLS is verified always unless the variant's settings say `verify: false`. A reset is renamed before the
 * client library sees it: it takes ECONNRESET behind an answer without length for a clean end, and a cut answer
 * must never look complete (RFC 9112 section 8).
 */
import net from 'node:net'
import tls from 'node:tls'
import type { buildConnector } from 'undici'
import type { TlsSettings } from '../domain/snapshot.ts'
import type { Forbidden } from './forbidden.ts'
import { skipContinue } from './interim.ts'

export type Endpoint = {
  readonly ip: string
  readonly port: number
  readonly secure: boolean
  readonly hostname: string // as configured, for SNI and the certificate
}

/** Code of a reset by the upstream, once a connection stands. */
export const RESET = 'SLC_RESET'
/** Codes of connections that were not made. */
export const CONNECT_TIMEOUT = 'SLC_CONNECT_TIMEOUT'
export const CONNECT_FORBIDDEN = 'SLC_CONNECT_FORBIDDEN'

const TCP_KEEP_ALIVE_MS = 30_000

/** A connector for a pool of `endpoint`. `timeoutMs` covers TCP and TLS together. */
export function connectorTo(
  endpoint: Endpoint,
  settings: TlsSettings | null,
  timeoutMs: () => number,
  forbidden: Forbidden
): buildConnector.connector {
  const secure = endpoint.secure ? secureOptions(endpoint, settings) : null
  return (_options, callback) => {
    const reason = forbidden.reason(endpoint.ip, endpoint.port)
    if (reason !== null) {
      process.nextTick(() => callback(connectError(CONNECT_FORBIDDEN, reason), null))
      return
    }
    const socket =
      secure === null
        ? net.connect({ host: endpoint.ip, port: endpoint.port })
        : tls.connect(secure)
    skipContinue(socket)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
    // After a stall of this thread timers come first: a connection that stands by then is no late one.
    const timer = setTimeout(() => setImmediate(late), timeoutMs())
    const late = (): void => {
      if (!settled) socket.destroy(connectError(CONNECT_TIMEOUT, 'timeout'))
    }
    let settled = false
    socket.on('error', error => {
      if (settled) {
        renameReset(error)
        return
      }
      settled = true
      clearTimeout(timer)
      callback(error, null)
    })
    socket.once('close', () => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      callback(connectError('ECONNRESET', 'closed'), null)
    })
    socket.once(secure === null ? 'connect' : 'secureConnect', () => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      callback(null, socket)
    })
  }
}

function secureOptions(endpoint: Endpoint, settings: TlsSettings | null): tls.ConnectionOptions {
  const named = settings?.serverName ?? endpoint.hostname
  return {
    host: endpoint.ip,
    port: endpoint.port,
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: settings?.verify !== false,
    ...(net.isIP(bare(named)) === 0
      ? { servername: named }
      : {
          checkServerIdentity: (_host: string, certificate: tls.PeerCertificate) =>
            tls.checkServerIdentity(bare(named), certificate)
        }),
    ...(settings?.ca == null ? {} : { ca: settings.ca }),
    ...(settings?.cert == null ? {} : { cert: settings.cert }),
    ...(settings?.key == null ? {} : { key: settings.key })
  }
}

/** Without the brackets of an IPv6 literal. */
function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function renameReset(error: Error): void {
  if ('code' in error && error.code === 'ECONNRESET') error.code = RESET
}

function connectError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
