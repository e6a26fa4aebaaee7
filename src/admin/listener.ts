/**
 * The HTTP server under the admin API and the telemetry listener: limits, timeouts, and what is refused before
 * any call is looked at (RFC 9112). The parser's leniency is off; a broken connection never gets a second answer.
 *
 * What passes here has one valid Host (or HTTP/1.0 none), a path that starts with a slash, at most one body
 * framing and a known expectation. Sources: RFC 9112 sections 2.2, 3.2, 6.1, 7.1; RFC 9110 section 10.1.1.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { fail, type SluiceError } from '../errors.ts'
import { PROBLEM_TYPE, problemOf } from './problem.ts'

export type ListenOptions = {
  readonly host: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | null
}

export type Listener = {
  /** Listens; resolves with the real address. Throws SLC_PORT_IN_USE or SLC_LISTEN. */
  start(): Promise<{ readonly host: string; readonly port: number }>
  /** Stops accepting, lets answers in flight end for 2 s, then closes what is left. */
  stop(): Promise<void>
}

/** A request that passed; `authority` is the one of the request line or of Host, null for HTTP/1.0 without. */
export type Arrival = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly authority: string | null
}

const MAX_TARGET = 8_000 // bytes
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 75_000,
  insecureHTTPParser: false,
  requireHostHeader: false, // checked here, so that the answer is ours
  highWaterMark: 16_384
}
const MAX_FIELDS = 100
const MAX_CONNECTIONS = 512
const STOP_MS = 2_000
const LINGER_MS = 1_000

/** `arrive` gets every request that is sound; `refuse` those that are not (it must answer). */
export function createListener(
  options: ListenOptions,
  arrive: (arrival: Arrival) => void,
  refuse: (request: IncomingMessage, response: ServerResponse, error: SluiceError) => void
): Listener {
  const current = new WeakMap<Duplex, ServerResponse>()
  const take = (request: IncomingMessage, response: ServerResponse) => {
    current.set(request.socket, response)
    lingerAfter(request, response)
    const sound = inspect(request)
    if ('error' in sound) return refuse(request, response, sound.error)
    arrive({ request, response, authority: sound.authority })
  }
  const server: Server = options.tls
    ? createTlsServer({ ...LIMITS, ...options.tls, minVersion: 'TLSv1.2' }, take)
    : createServer(LIMITS, take)
  server.maxConnections = MAX_CONNECTIONS
  server.maxHeadersCount = MAX_FIELDS + 1
  server.on('checkContinue', (request, response) => {
    uninvited.set(request, response)
    take(request, response)
  })
  server.on('checkExpectation', (request, response) => {
    lingerAfter(request, response)
    refuse(request, response, fail('SLC_EXPECTATION'))
  })
  server.on('connect', (_request, socket) =>
    writeProblem(socket, fail('SLC_ADMIN_METHOD', ['CONNECT']))
  )
  server.on('clientError', (error, socket) => broken(error, socket, current.get(socket)))

  return {
    async start() {
      server.listen({ host: options.host, port: options.port })
      try {
        await once(server, 'listening')
      } catch (error) {
        throw listenError(error, `${options.host}:${options.port}`)
      }
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : options.port
      return { host: options.host, port }
    },
    async stop() {
      if (!server.listening) return
      const closed = new Promise(resolve => server.close(resolve))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), STOP_MS)
      await closed
      clearTimeout(timer)
    }
  }
}

/** All values of a field, one per field line, in the order received. `name` in lower case. */
export function fieldsOf(request: IncomingMessage, name: string): readonly string[] {
  const { rawHeaders } = request
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '')
  }
  return values
}

const uninvited = new WeakMap<IncomingMessage, ServerResponse>()

/** Answers `Expect: 100-continue` at the moment when a body is wanted, which is after all checks before it. */
export function inviteBody(request: IncomingMessage): void {
  uninvited.get(request)?.writeContinue()
}

type Sound = { readonly authority: string | null } | { readonly error: SluiceError }

function inspect(request: IncomingMessage): Sound {
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') {
    return { error: fail('SLC_HTTP_VERSION') }
  }
  const hosts = fieldsOf(request, 'host')
  if (hosts.length > 1) return bad('Host is there more than once')
  if (hosts.length === 0 && request.httpVersion === '1.1') return bad('Host is missing')
  if (request.rawHeaders.length > 2 * MAX_FIELDS) return { error: fail('SLC_HEADERS_TOO_LARGE') }
  const codings = fieldsOf(request, 'transfer-encoding')
  if (codings.length > 0 && request.httpVersion === '1.0')
    return bad('Transfer-Encoding in HTTP/1.0')
  if (codings.length > 1 || (codings[0] ?? 'chunked').toLowerCase() !== 'chunked') {
    return { error: fail('SLC_NOT_IMPLEMENTED', ['a transfer coding other than chunked']) }
  }
  return inspectTarget(request, hosts[0] ?? null)
}

/** Takes the origin form as it is and the absolute form apart, whose authority stands for Host. */
function inspectTarget(request: IncomingMessage, host: string | null): Sound {
  const target = request.url ?? ''
  if (target.length > MAX_TARGET) return { error: fail('SLC_TARGET_TOO_LONG') }
  if (target.startsWith('/')) return { authority: host }
  const [, authority, path] = /^https?:\/\/([^/?#]*)([^#]*)$/i.exec(target) ?? []
  if (authority === undefined || path === undefined) return bad('the request target')
  request.url = path.startsWith('/') ? path : `/${path}`
  return { authority }
}

function bad(what: string): Sound {
  return { error: fail('SLC_BAD_REQUEST', [what]) }
}

/** An answer before the whole body came: read on for a second, or the reset of unread bytes destroys the answer. */
function lingerAfter(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return
    const { socket } = request
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    request.once('end', () => clearTimeout(timer))
    socket.once('close', () => clearTimeout(timer))
    request.resume()
  })
}

/** Bytes that are no HTTP. A request that already has its answer gets no other; a half-sent one is cut. */
function broken(
  error: Error & { code?: string },
  socket: Duplex,
  last: ServerResponse | undefined
): void {
  const spoken = error.code?.startsWith('HPE_') || error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  if (!spoken || !socket.writable) {
    socket.destroy() // a reset, or a handshake that failed
    return
  }
  const busy = last !== undefined && !last.writableFinished
  if (busy && last.headersSent) {
    socket.destroy()
    return
  }
  if (busy && last.req.complete) {
    last.once('finish', () => socket.destroy())
    return
  }
  writeProblem(socket, errorOfParser(error.code))
}

function errorOfParser(code: string | undefined): SluiceError {
  if (code === 'HPE_HEADER_OVERFLOW') return fail('SLC_HEADERS_TOO_LARGE')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return fail('SLC_REQUEST_TIMEOUT', ['the limit is 30 s'])
  if (code === 'HPE_INVALID_METHOD') return fail('SLC_BAD_REQUEST', ['the method'])
  if (code === 'HPE_INVALID_VERSION') return fail('SLC_HTTP_VERSION')
  return fail('SLC_BAD_REQUEST', ['its bytes are not those of a request'])
}

/** A whole answer on a bare socket, then its end; for requests that the server did not make into objects. */
function writeProblem(socket: Duplex, error: SluiceError): void {
  const body = JSON.stringify(problemOf(error, ''))
  socket.end(
    `HTTP/1.1 ${error.status} ${problemOf(error, '').title}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`
  )
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
  socket.on('error', () => socket.destroy())
  socket.resume()
}

function listenError(error: unknown, address: string): SluiceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return code === 'EADDRINUSE'
    ? fail('SLC_PORT_IN_USE', [address])
    : fail('SLC_LISTEN', [address, code])
}
