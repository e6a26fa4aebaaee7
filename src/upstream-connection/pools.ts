/**
 * One pool of connections per route, variant and address, never shared: an answer can only come to a request of
 * the same variant. Pools outlive snapshots; one whose address is gone ends when its requests have ended.
 *
 * All clocks are ours, so the pool has none but for idle connections, and follows, decodes, caches and retries
 * nothing.
 */
import type { Socket } from 'node:net'
import { type buildConnector, Pool } from 'undici'
import type { AddressSnapshot, TlsSettings } from '../domain/snapshot.ts'
import { connectorTo } from './connect.ts'
import type { Forbidden } from './forbidden.ts'

export type PoolRequest = {
  readonly variant: string
  readonly address: AddressSnapshot
  readonly tls: TlsSettings | null
  readonly keepAliveMs: number
  readonly connectMs: number
}

/** How long before the server's announced end an idle connection is given up. */
const KEEP_ALIVE_MARGIN_MS = 1000
const KEEP_ALIVE_MAX_MS = 60_000
const MAX_HEAD = 16 * 1024
const MAX_REQUESTS = 10_000

type Entry = { readonly pool: Pool; connectMs: number }

export class Pools {
  readonly #forbidden: Forbidden
  readonly #routes = new Map<string, ReadonlyMap<string, Entry>>()
  readonly #sockets = new Set<Socket>() // that stand

  constructor(forbidden: Forbidden) {
    this.#forbidden = forbidden
  }

  /** Pools of a route, in the order of the requests. Those that it had and that nobody asks for are closed. */
  take(route: string, requests: readonly PoolRequest[]): readonly Pool[] {
    const old = this.#routes.get(route)
    const entries = new Map<string, Entry>()
    const pools = requests.map(request => {
      const key = keyOf(request)
      const entry = entries.get(key) ?? old?.get(key) ?? this.#create(request)
      entry.connectMs = request.connectMs
      entries.set(key, entry)
      return entry.pool
    })
    this.#routes.set(route, entries)
    for (const [key, { pool }] of old ?? []) if (!entries.has(key)) close(pool)
    return pools
  }

  /** Whether a connection can be made there now. It is in no pool, and closed at once. Never rejects. */
  canConnect({ address, tls, connectMs }: PoolRequest): Promise<boolean> {
    const connect = connectorTo(address, tls, () => connectMs, this.#forbidden)
    const tried = new Promise<boolean>(resolve => {
      connect(new URL(originOf(address)), (_error, socket) => {
        socket?.destroy()
        resolve(socket !== null)
      })
    })
    return tried.catch(() => false) // settings of TLS that cannot be used
  }

  /** Closes the pools of a route that is gone. */
  drop(route: string): void {
    for (const { pool } of this.#routes.get(route)?.values() ?? []) close(pool)
    this.#routes.delete(route)
  }

  /** No byte of any request waits in a connection: what was sent may be released. */
  allWritten(): boolean {
    for (const { writableLength } of this.#sockets) if (writableLength > 0) return false
    return true
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const entries of this.#routes.values()) {
      for (const { pool } of entries.values()) void pool.destroy()
    }
  }

  #create(request: PoolRequest): Entry {
    const { address } = request
    const entry: { pool: Pool; connectMs: number } = {
      connectMs: request.connectMs,
      pool: new Pool(originOf(address), {
        connect: this.#watched(
          connectorTo(address, request.tls, () => entry.connectMs, this.#forbidden)
        ),
        connections: null,
        pipelining: 1,
        allowH2: false,
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: request.keepAliveMs,
        keepAliveMaxTimeout: Math.max(KEEP_ALIVE_MAX_MS, request.keepAliveMs),
        keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
        maxHeaderSize: MAX_HEAD,
        maxRequestsPerClient: MAX_REQUESTS,
        strictContentLength: true
      })
    }
    return entry
  }

  /** Knows the connections that `connect` makes until they are closed. */
  #watched(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      connect(options, (...made) => {
        const [, socket] = made
        if (socket !== null) {
          this.#sockets.add(socket)
          socket.once('close', () => this.#sockets.delete(socket))
        }
        callback(...made)
      })
    }
  }
}

/** Ends idle connections now and the others with their requests; it does not fail. */
function close(pool: Pool): void {
  void pool.close()
}

/** What makes two pools of a route different. Settings of TLS are part of it: a new certificate needs new connections. */
function keyOf(request: PoolRequest): string {
  const { address } = request
  return JSON.stringify([
    request.variant,
    address.secure,
    address.ip,
    address.port,
    address.hostname,
    request.keepAliveMs,
    request.tls
  ])
}

function originOf(address: AddressSnapshot): string {
  const host = address.ip.includes(':') ? `[${address.ip}]` : address.ip
  return `${address.secure ? 'https' : 'http'}://${host}:${address.port}`
}
