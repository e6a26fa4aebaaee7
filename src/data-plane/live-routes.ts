/**
 * The routing snapshot made ready for requests: counters, connection pools and load per route, variant, address.
 *
 * A request reads one `LiveTable` and keeps it to its end. What must outlive a snapshot (requests in flight,
 * ejected addresses, pools) hangs on objects that are carried from table to table by name.
 */
import type { Pool } from 'undici'
import { ADDRESSES, AT, type Counters, countersOver } from '../domain/counts.ts'
import { startGeneration } from '../domain/record.ts'
import type {
  AddressSnapshot,
  RouteSnapshot,
  Snapshot,
  VariantSnapshot
} from '../domain/snapshot.ts'
import { buildTable, type Table } from './decide.ts'
import type { Pools } from './upstream-connection/pools.ts'

export type LiveTable = {
  readonly decisions: Table
  readonly routes: ReadonlyMap<RouteSnapshot, LiveRoute>
  readonly byName: ReadonlyMap<string, LiveRoute>
  readonly sequence: number
  readonly pseudonym: string
}

export type LiveRoute = {
  readonly snapshot: RouteSnapshot
  readonly share: number // requests in flight that this thread may have, of the route and of each variant
  readonly load: RouteLoad
  readonly variants: readonly LiveVariant[]
}

/** Carried from table to table. */
export type RouteLoad = { inFlight: number }

export type LiveVariant = {
  readonly snapshot: VariantSnapshot
  readonly counters: Counters
  readonly addresses: readonly LiveAddress[]
}

export type LiveAddress = {
  readonly snapshot: AddressSnapshot
  readonly pool: Pool
  readonly authority: string // of the Host field
  readonly serverName: string | undefined
  readonly standing: AddressStanding
}

/** How an address has behaved towards this thread; carried from table to table. Times in process ms. */
export type AddressStanding = {
  inFlight: number
  failures: number // in a row
  ejectedUntil: number
  ejections: number // in a row, for the back-off
}

export class LiveRoutes {
  readonly #pools: Pools
  readonly #threads: number
  readonly #thread: number
  readonly #loads = new Map<string, RouteLoad>()
  #standings = new Map<string, AddressStanding>()
  readonly #counters = new Map<number, Counters>()

  /** `threads` share the limits of requests in flight; `thread` is the index of this one. */
  constructor(pools: Pools, threads: number, thread: number) {
    this.#pools = pools
    this.#threads = threads
    this.#thread = thread
  }

  /** Makes a table. The ranges' generation is started in every counter before the table can be used. */
  build(snapshot: Snapshot, buffers: readonly SharedArrayBuffer[]): LiveTable {
    const standings = new Map<string, AddressStanding>()
    const routes = new Map<RouteSnapshot, LiveRoute>()
    const byName = new Map<string, LiveRoute>()
    this.#pools.begin()
    for (const route of snapshot.routes) {
      const live = this.#route(route, buffers, standings)
      routes.set(route, live)
      byName.set(route.name, live)
    }
    this.#pools.end()
    this.#standings = standings
    for (const name of this.#loads.keys()) {
      if (!byName.has(name) && this.#loads.get(name)?.inFlight === 0) this.#loads.delete(name)
    }
    const decisions = buildTable(snapshot)
    const { sequence, pseudonym } = snapshot
    return { decisions, routes, byName, sequence, pseudonym }
  }

  #route(
    route: RouteSnapshot,
    buffers: readonly SharedArrayBuffer[],
    standings: Map<string, AddressStanding>
  ): LiveRoute {
    const load = this.#loads.get(route.name) ?? { inFlight: 0 }
    this.#loads.set(route.name, load)
    const splits = route.overrides.filter(override => override.split !== null).length
    const variants = route.variants.map(variant => {
      const own = this.#countersOf(buffers, variant, splits)
      startGeneration(own, route.generation)
      const addresses = variant.addresses.map(address =>
        this.#address(route, variant, address, standings)
      )
      return { snapshot: variant, counters: own, addresses }
    })
    return { snapshot: route, share: this.#share(route.limits.inFlight), load, variants }
  }

  /**
   * The one view of a region in this thread. Regions are known by their index, which is a variant's for the life
   * of the process; the buffer that comes with each snapshot is another object over the same memory.
   */
  #countersOf(
    buffers: readonly SharedArrayBuffer[],
    variant: VariantSnapshot,
    splits: number
  ): Counters {
    const known = this.#counters.get(variant.counters)
    if (known?.splits === splits) return known
    const buffer = buffers[variant.counters]
    if (buffer === undefined) throw new RangeError(`no counters for variant ${variant.name}`)
    const own = countersOver(buffer, splits)
    if (known === undefined) forgetInFlight(own)
    this.#counters.set(variant.counters, own)
    return own
  }

  #address(
    route: RouteSnapshot,
    variant: VariantSnapshot,
    address: AddressSnapshot,
    standings: Map<string, AddressStanding>
  ): LiveAddress {
    const key = JSON.stringify([route.name, variant.name, address.url, address.ip, address.port])
    const fresh = { inFlight: 0, failures: 0, ejectedUntil: 0, ejections: 0 }
    const standing = this.#standings.get(key) ?? fresh
    standings.set(key, standing)
    return {
      snapshot: address,
      standing,
      authority: authorityOf(address),
      serverName: address.secure ? (variant.tls?.serverName ?? address.hostname) : undefined,
      pool: this.#pools.get({
        route: route.name,
        variant: variant.name,
        address,
        tls: variant.tls,
        keepAliveMs: variant.keepAliveMs,
        connectMs: route.timeouts.connect
      })
    }
  }

  /** An equal share of a limit of the process; the first threads get what does not divide, nobody gets none. */
  #share(limit: number): number {
    const rest = limit % this.#threads
    return Math.max(1, Math.floor(limit / this.#threads) + (this.#thread < rest ? 1 : 0))
  }
}

/** A thread that begins has nothing in flight, whatever its predecessor left in shared memory. */
function forgetInFlight(counters: Counters): void {
  const { words } = counters
  words[AT.inFlight] = 0
  words[AT.pending] = 0
  words[AT.pending + 1] = 0
  for (let slot = 0; slot < ADDRESSES.slots; slot++) {
    words[AT.addresses + slot * ADDRESSES.size + ADDRESSES.inFlight] = 0
  }
}

/** Host as RFC 9110 section 7.2 wants it: without the scheme's own port. */
function authorityOf(address: AddressSnapshot): string {
  const port = address.secure ? 443 : 80
  const name =
    address.hostname.includes(':') && !address.hostname.startsWith('[')
      ? `[${address.hostname}]`
      : address.hostname
  return address.port === port ? name : `${name}:${address.port}`
}
