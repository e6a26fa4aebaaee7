/**
 * The TCP and TLS connections of the client: at most one begins a second over the whole process, and all of a
 * session can be cut at once, whatever state the client thinks they are in.
 *
 * The client wants its socket at once, so one that has to wait for its turn is handed out unconnected. Bytes that
 * are no protocol end the connection and nothing else.
 */
import { isIP, Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { ISocketFactory } from 'kafkajs'
import type { KafkaSettings } from '../../config/config.ts'
import type { Clock } from '../../ports.ts'

export type Pace = {
  /** ms until the next connection may begin; the turn is taken with the call. */
  turn(): number
}

export type Sockets = {
  readonly create: ISocketFactory
  /** Cuts what is open or still waits for its turn; the client hears an error on each. */
  cut(): void
}

const APART_MS = 1_000
const KEEP_ALIVE_MS = 10_000

export function createPace(clock: Clock, apartMs = APART_MS): Pace {
  let next = Number.NEGATIVE_INFINITY
  return {
    turn() {
      const now = clock.now()
      const at = Math.max(now, next)
      next = at + apartMs
      return at - now
    }
  }
}

/** `hosts` are names that stand for an address, as kafkajs splits its brokers at the first colon. */
export function createSockets(
  pace: Pace,
  tls: KafkaSettings['tls'],
  hosts: ReadonlyMap<string, string>
): Sockets {
  const open = new Set<Socket>()

  return {
    create({ host: named, port, onConnect }) {
      const host = hosts.get(named) ?? named
      const plain = new Socket()
      const socket = tls === null ? plain : connectTls(tlsOptions(plain, host, tls), onConnect)
      if (socket === plain) plain.once('connect', onConnect)
      else plain.on('error', error => socket.destroy(error))
      const timer = setTimeout(() => plain.connect({ host, port }), pace.turn())
      plain.setKeepAlive(true, KEEP_ALIVE_MS)
      plain.setNoDelay(true)
      guard(socket)
      open.add(socket)
      socket.once('close', () => {
        clearTimeout(timer)
        plain.destroy()
        open.delete(socket)
      })
      return socket
    },
    cut() {
      // With an error, or the client would keep its timers for a connection that it believes to be open.
      for (const socket of open) socket.destroy(new Error('given up'))
    }
  }
}

/** What the client cannot read it throws where bytes come in, which would end the thread: it ends the socket. */
function guard(socket: Socket): void {
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string | symbol, ...values: readonly unknown[]) => {
    if (event !== 'data') return emit(event, ...values)
    try {
      return emit(event, ...values)
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)))
      return true
    }
  }
}

function tlsOptions(
  socket: Socket,
  host: string,
  { ca, cert, key, serverName }: NonNullable<KafkaSettings['tls']>
): ConnectionOptions {
  const name = serverName ?? host
  return {
    socket,
    host: name, // what the certificate is verified against
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key })
  }
}
