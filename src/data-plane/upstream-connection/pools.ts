/**
 * One pool of connections per variant and address, never shared: an answer can only come to a request of the
 * same variant. Pools outlive snapshots; one whose address is gone ends when its requests have ended.
 *
 * All clocks are ours, so the pool has none but for idle connections, and follows, decodes, caches and retries
 * nothing.
 */
import { Pool } from 'undici'
import type { AddressSnapshot, TlsSettings } from '../../domain/snapshot.ts'
import { connectorTo } from './connect.ts'
import type { Forbidden } from './forbidden.ts'

export type PoolRequest = {
  readonly route: string
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
  #entries = new Map<string, Entry>()
  #kept = new Map<string, Entry>()

  constructor(forbidden: Forbidden) {
    this.#forbidden = forbidden
  }

  /** Between `begin` and `end` a new snapshot asks for its pools; those that nobody asked for are closed. */
  begin(): void {
    this.#kept = new Map()
  }

  get(request: PoolRequest): Pool {
    const key = keyOf(request)
    const entry = this.#entries.get(key) ?? this.#kept.get(key) ?? this.#create(request)
    entry.connectMs = request.connectMs
    this.#kept.set(key, entry)
    return entry.pool
  }

  end(): void {
    const old = this.#entries
    this.#entries = this.#kept
    for (const [key, entry] of old) {
      // Ends idle connections now and the others with their requests; it does not fail.
      if (!this.#entries.has(key)) void entry.pool.close()
    }
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const entry of this.#entries.values()) void entry.pool.destroy()
  }

  #create(request: PoolRequest): Entry {
    const { address } = request
    const entry: { pool: Pool; connectMs: number } = {
      connectMs: request.connectMs,
      pool: new Pool(originOf(address), {
        connect: connectorTo(address, request.tls, () => entry.connectMs, this.#forbidden),
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
}

/** What makes two pools different. Settings of TLS are part of it: a new certificate needs new connections. */
function keyOf(request: PoolRequest): string {
  const { address } = request
  return JSON.stringify([
    request.route,
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
