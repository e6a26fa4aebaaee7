/**
 * The routing snapshot made ready for requests: counters, connection pools and load per route, variant, address.
 *
 * A request reads one `LiveTable` and keeps it to its end. What must outlive a snapshot (requests in flight,
 * ejected addresses, pools) hangs on objects that are carried from table to table by name. A route that is the
 * same object as in the snapshot before is carried as a whole.
 */
import type { Pool } from 'undici'
import { ADDRESSES, AT, type Counters, countersOver } from '../domain/counts.ts'
import { startGeneration } from '../domain/record.ts'
import type {
  AddressSnapshot,
  RouteSnapshot,
  Snapshot,
  SnapshotChange,
  VariantSnapshot
} from '../domain/snapshot.ts'
import { withChange } from '../domain/snapshot-change.ts'
import { authorityOf } from '../upstream-connection/authority.ts'
import type { PoolRequest, Pools } from '../upstream-connection/pools.ts'
import { buildTable, type Table } from './decide.ts'

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

/** A route with the standings of its addresses, by variant and address. */
type MadeRoute = {
  readonly live: LiveRoute
  readonly standings: ReadonlyMap<string, AddressStanding>
}

export class LiveRoutes {
  readonly #pools: Pools
  readonly #threads: number
  readonly #thread: number
  readonly #loads = new Map<string, RouteLoad>()
  readonly #buffers: SharedArrayBuffer[] = []
  readonly #counters = new Map<number, Counters>()
  #made: ReadonlyMap<string, MadeRoute> = new Map()
  #snapshot: Snapshot | null = null
  #decisions: Table | null = null

  /** `threads` share the limits of requests in flight; `thread` is the index of this one. */
  constructor(pools: Pools, threads: number, thread: number) {
    this.#pools = pools
    this.#threads = threads
    this.#thread = thread
  }

  /**
   * Makes a table of a whole snapshot. `added` are the regions of counters that this thread has not had yet. The
   * ranges' generation is started in every counter before the table can be used.
   */
  build(snapshot: Snapshot, added: readonly SharedArrayBuffer[]): LiveTable {
    this.#buffers.push(...added)
    this.#snapshot = snapshot // first: should a route fail, the next change makes it again
    const before = this.#made
    const made = new Map<string, MadeRoute>()
    for (const route of snapshot.routes) {
      const known = before.get(route.name)
      made.set(route.name, known?.live.snapshot === route ? known : this.#route(route, known))
    }
    for (const name of before.keys()) if (!made.has(name)) this.#pools.drop(name)
    for (const [name, { inFlight }] of this.#loads) {
      if (!made.has(name) && inFlight === 0) this.#loads.delete(name)
    }
    this.#made = made
    this.#decisions = buildTable(snapshot, this.#decisions)
    return tableOf(snapshot, made, this.#decisions)
  }

  /** Makes the table that follows the last one; routes that did not change are not touched. */
  change(change: SnapshotChange, added: readonly SharedArrayBuffer[]): LiveTable {
    if (this.#snapshot === null) throw new RangeError('a change came before any snapshot')
    return this.build(withChange(this.#snapshot, change), added)
  }

  #route(route: RouteSnapshot, known: MadeRoute | undefined): MadeRoute {
    const load = this.#loads.get(route.name) ?? { inFlight: 0 }
    this.#loads.set(route.name, load)
    const splits = route.overrides.filter(override => override.split !== null).length
    const pools = this.#pools.take(route.name, poolsOf(route))
    const standings = new Map<string, AddressStanding>()
    let next = 0
    const variants = route.variants.map(variant => {
      const own = this.#countersOf(variant, splits)
      startGeneration(own, route.generation)
      const addresses = variant.addresses.map(address => {
        const standing = standingOf(variant, address, standings, known?.standings)
        const pool = pools[next++]
        if (pool === undefined) throw new RangeError(`no pool for ${address.url}`)
        return liveAddress(variant, address, standing, pool)
      })
      return { snapshot: variant, counters: own, addresses }
    })
    const share = this.#share(route.limits.inFlight)
    return { live: { snapshot: route, share, load, variants }, standings }
  }

  /**
   * The one view of a region in this thread. Regions are known by their index, which is a variant's for the life
   * of the process.
   */
  #countersOf(variant: VariantSnapshot, splits: number): Counters {
    const known = this.#counters.get(variant.counters)
    if (known?.splits === splits) return known
    const buffer = this.#buffers[variant.counters]
    if (buffer === undefined) throw new RangeError(`no counters for variant ${variant.name}`)
    const own = countersOver(buffer, splits)
    if (known === undefined) forgetInFlight(own)
    this.#counters.set(variant.counters, own)
    return own
  }

  /** An equal share of a limit of the process; the first threads get what does not divide, nobody gets none. */
  #share(limit: number): number {
    const rest = limit % this.#threads
    return Math.max(1, Math.floor(limit / this.#threads) + (this.#thread < rest ? 1 : 0))
  }
}

function tableOf(
  { sequence, pseudonym }: Snapshot,
  made: ReadonlyMap<string, MadeRoute>,
  decisions: Table
): LiveTable {
  const routes = new Map<RouteSnapshot, LiveRoute>()
  const byName = new Map<string, LiveRoute>()
  for (const [name, { live }] of made) {
    routes.set(live.snapshot, live)
    byName.set(name, live)
  }
  return { decisions, routes, byName, sequence, pseudonym }
}

/** What to ask of the pools, for each address of each variant in their order. */
function poolsOf({ variants, timeouts }: RouteSnapshot): readonly PoolRequest[] {
  return variants.flatMap(({ name, addresses, tls, keepAliveMs }) =>
    addresses.map(address => ({
      variant: name,
      address,
      tls,
      keepAliveMs,
      connectMs: timeouts.connect
    }))
  )
}

/** The standing that the address had, or a fresh one; kept in `standings`. */
function standingOf(
  variant: VariantSnapshot,
  { url, ip, port }: AddressSnapshot,
  standings: Map<string, AddressStanding>,
  before: ReadonlyMap<string, AddressStanding> | undefined
): AddressStanding {
  const key = JSON.stringify([variant.name, url, ip, port])
  const fresh = { inFlight: 0, failures: 0, ejectedUntil: 0, ejections: 0 }
  const standing = standings.get(key) ?? before?.get(key) ?? fresh
  standings.set(key, standing)
  return standing
}

function liveAddress(
  variant: VariantSnapshot,
  address: AddressSnapshot,
  standing: AddressStanding,
  pool: Pool
): LiveAddress {
  return {
    snapshot: address,
    standing,
    pool,
    authority: authorityOf(address),
    serverName: address.secure ? (variant.tls?.serverName ?? address.hostname) : undefined
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
