/**
 * The listener of the general lane: Node's server with our limits, under Fastify, and every path on which one of
 * them would answer by itself led to us (architecture.md, the lane seam).
 */
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { THREAD_WORD } from '../domain/thread-region.ts'
import type { ErrorCode } from '../errors.ts'
import { countRefusal } from './answer.ts'
import { begin } from './begin.ts'
import { ClientConnection } from './client-connection.ts'
import type { Exchange } from './exchange.ts'
import { forward } from './forward.ts'
import { MAX_FIELDS_BYTES, MAX_REQUEST_LINE } from './gate.ts'
import { contain } from './give-up.ts'
import type { Lane } from './lane.ts'
import { LaneRequest } from './lane-request.ts'
import { linger } from './linger.ts'
import { problem, rawProblem } from './problem.ts'
import { disguise, exchangeOf, proxyOptions } from './transport.ts'

export const LIMITS = {
  headersMs: 10_000,
  requestMs: 300_000,
  checkMs: 1000,
  idleMs: 75_000,
  tcpKeepAliveMs: 30_000,
  backlog: 1024
} as const

export type Listener = {
  readonly server: Server
  readonly connections: ReadonlySet<ClientConnection>
}

/** Makes the server, not listening yet. */
export async function makeListener(lane: Lane): Promise<Listener> {
  const connections = new Set<ClientConnection>()
  const ofSocket = new WeakMap<Socket, ClientConnection>()
  let route: (req: IncomingMessage, res: ServerResponse) => void = () => {}
  const proceed = (exchange: Exchange): void => {
    disguise(exchange.req, exchange)
    route(exchange.req, exchange.res)
  }
  const start = (exchange: Exchange): void => begin(exchange, proceed)
  const connectionOf = (socket: Socket): ClientConnection => {
    const known = ofSocket.get(socket)
    if (known !== undefined) return known
    const connection = new ClientConnection(lane, socket, start)
    ofSocket.set(socket, connection)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
    return connection
  }
  const server = makeServer(lane, (req, res) => connectionOf(req.socket).accept(req, res, null))
  server.on(lane.settings.tls === null ? 'connection' : 'secureConnection', (socket: Socket) => {
    bump(lane, THREAD_WORD.accepted)
    connectionOf(socket)
  })
  server.on('drop', () => bump(lane, THREAD_WORD.shedConnections))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    onClientError(lane, connectionOf(socket), error)
  })
  server.on('upgrade', (req: IncomingMessage, socket: Socket, rest: Buffer) => {
    onUpgrade(connectionOf(socket), req, socket, rest)
  })
  server.on('connect', (_req: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy())
    countRefusal(lane, 'SLC_METHOD')
    socket.write(rawProblem(problem('SLC_METHOD', ['CONNECT'], '')))
    linger(socket)
  })
  const fastify = Fastify({
    logger: false,
    forceCloseConnections: false,
    serverFactory: handler => {
      route = handler
      return server
    }
  })
  fastify.setErrorHandler((error, request) => {
    const exchange = exchangeOf(request.raw)
    if (exchange !== undefined) contain(exchange, error)
  })
  await fastify.register(httpProxy, proxyOptions(forwardSafely))
  await fastify.ready()
  return { server, connections }
}

function forwardSafely(exchange: Exchange): void {
  try {
    forward(exchange)
  } catch (error) {
    contain(exchange, error)
  }
}

function makeServer(
  lane: Lane,
  onRequest: (req: IncomingMessage, res: ServerResponse) => void
): Server {
  const options: http.ServerOptions<typeof LaneRequest> = {
    IncomingMessage: LaneRequest,
    maxHeaderSize: MAX_FIELDS_BYTES + MAX_REQUEST_LINE + 1024,
    headersTimeout: LIMITS.headersMs,
    requestTimeout: LIMITS.requestMs,
    connectionsCheckingInterval: LIMITS.checkMs,
    keepAliveTimeout: LIMITS.idleMs,
    requireHostHeader: false, // the gate looks, with an answer of ours
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: LIMITS.tcpKeepAliveMs,
    insecureHTTPParser: false,
    shouldUpgradeCallback: isWebSocket
  }
  const { tls, maxConnections } = lane.settings
  const server =
    tls === null
      ? http.createServer(options)
      : https.createServer({
          ...options,
          cert: tls.cert,
          key: tls.key,
          minVersion: 'TLSv1.2',
          ALPNProtocols: ['http/1.1']
        })
  server.maxHeadersCount = 0
  server.maxConnections = maxConnections
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  return server
}

function isWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === 'websocket' && req.method === 'GET'
}

/** What a parser error, a timeout of Node's or a broken connection says to the client. */
function onClientError(
  lane: Lane,
  connection: ClientConnection,
  error: NodeJS.ErrnoException
): void {
  const { socket } = connection
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) {
    connection.faulty = true
    socket.destroy()
    return
  }
  if (connection.faulty) return
  const [code, reason] = meaningOf(error)
  countRefusal(lane, code)
  connection.fault(problem(code, reason === null ? [] : [reason], ''))
}

function meaningOf(error: NodeJS.ErrnoException): readonly [ErrorCode, string | null] {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['SLC_REQUEST_TIMEOUT', 'it took longer than the limit']
    case 'HPE_HEADER_OVERFLOW':
      return ['SLC_HEADERS_TOO_LARGE', null]
    default:
      return ['SLC_BAD_REQUEST', 'the bytes do not follow RFC 9112']
  }
}

/** A WebSocket upgrade has no answer object of Node's: it gets one, for all that is not a 101. */
function onUpgrade(
  connection: ClientConnection,
  req: IncomingMessage,
  socket: Socket,
  rest: Buffer
): void {
  socket.on('error', () => socket.destroy())
  if (connection.busy) {
    // An answer is due before: it goes out, and the connection ends with it.
    connection.faulty = true
    return
  }
  const res = new http.ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket)
  res.once('finish', () => socket.destroySoon())
  connection.accept(req, res, rest)
}

function bump(lane: Lane, word: number): void {
  const { words } = lane.region
  words[word] = (words[word] ?? 0) + 1
}
