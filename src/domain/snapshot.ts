/**
 * The routing snapshot: one immutable value from the control plane to every data thread.
 *
 * A thread gets it whole when it starts and later what changed in it (snapshot-change.ts), by structured clone;
 * a request reads it once and keeps it to its end. Indices into `variants` are stable within one route's
 * snapshot only. `sequence` never leaves the process.
 */
import type { BadKind } from './counts.ts'
import type { Override, Protocol, RouteMatch, UnitSource } from './route.ts'
import type { ShadowTap } from './shadow.ts'
import type { RoadAddress } from './shadow-copy.ts'

export type Snapshot = {
  readonly sequence: number
  readonly trustedProxies: readonly string[] // CIDRs
  readonly pseudonym: string // our name in Via
  readonly accessLog: AccessLogSettings | null
  readonly routes: readonly RouteSnapshot[]
}

/** `sample` is a share, 0..1; `unitKey` keys the HMAC that stands for a unit in a line. */
export type AccessLogSettings = { readonly sample: number; readonly unitKey: Uint8Array }

/** The snapshot that follows another one, told by what is different (snapshot-change.ts). */
export type SnapshotChange = Omit<Snapshot, 'routes'> & {
  readonly changed: readonly RouteSnapshot[] // new, or other than before
  readonly order: readonly string[] | null // names of all routes; null: the same as before, in the same order
}

export type RouteSnapshot = {
  readonly name: string
  readonly match: RouteMatch
  readonly protocol: Protocol
  readonly hashOn: readonly UnitSource[]
  readonly onMissingUnit: 'champion' | 'reject'
  readonly revision: string // "<epoch>-<revision>"
  readonly salt: string
  readonly generation: number // of the ranges; rises by one at each change of ranges (rule 3)
  readonly champion: number // index into variants
  readonly ranges: readonly RangeEntry[] // sorted, disjoint, covering 0..9999
  readonly overrides: readonly OverrideSnapshot[] // in order; each `split` is stratum 1, 2, …
  readonly onUnavailable: 'champion' | 'error'
  readonly badKinds: readonly BadKind[] // those that the trigger counts
  readonly latency: { readonly slaMs: number; readonly of: 'total' | 'first-byte' } | null
  readonly timeouts: {
    readonly connect: number
    readonly firstByte: number
    readonly idle: number
    readonly streamIdle: number
  } // ms
  readonly stream: { readonly graceMs: number; readonly cut: boolean }
  readonly limits: { readonly body: number; readonly inFlight: number } // bytes; requests per process
  readonly headers: {
    readonly variant: boolean
    readonly revision: boolean
    readonly reason: boolean
  }
  readonly predictions: readonly string[] // JSON Pointers; empty: the protocol's own
  readonly shadows: readonly ShadowTap[]
  readonly variants: readonly VariantSnapshot[]
}

export type RangeEntry = { readonly start: number; readonly end: number; readonly variant: number } // [start, end)

/** An override as data threads see it: variants by index, a split as ranges over its own salt. */
export type OverrideSnapshot = {
  readonly override: Override
  readonly variant: number | null
  readonly split: {
    readonly stratum: number
    readonly salt: string
    readonly ranges: readonly RangeEntry[]
  } | null
}

export type VariantSnapshot = {
  readonly name: string
  readonly counters: number // index into the buffers that come with the snapshot
  readonly rolledBack: boolean
  readonly balance: 'least-in-flight' | 'unit-hash'
  readonly keepAliveMs: number
  readonly tls: TlsSettings | null
  readonly rewrite: Rewrite | null
  readonly addresses: readonly AddressSnapshot[]
}

/** One resolved address of an upstream. `slot` is its place in the counters' address area. */
export type AddressSnapshot = {
  readonly slot: number
  readonly url: string // origin as configured: scheme://host:port, for Host and SNI
  readonly secure: boolean
  readonly hostname: string // as configured
  readonly ip: string // to connect to
  readonly port: number
  readonly healthy: boolean
  readonly ramp: number // 0..1, share of its fair load while it is new
}

/** PEM texts, already read from their files. */
export type TlsSettings = {
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
  readonly verify: boolean
  readonly serverName: string | null
}

export type Rewrite = {
  readonly path: { readonly from: string; readonly to: string } | null
  readonly host: string | null
  readonly headers: {
    readonly set: Readonly<Record<string, string>>
    readonly remove: readonly string[]
  }
}

/** What the main thread gives a data thread when it starts. */
export type ThreadSettings = {
  readonly index: number
  readonly epochMs: number // process epoch on the monotonic clock (process.hrtime, ms)
  readonly listen: { readonly host: string; readonly port: number; readonly reusePort: boolean }
  readonly tls: { readonly cert: string; readonly key: string } | null
  readonly maxConnections: number
  readonly threads: number
  readonly header: SharedArrayBuffer // thread region (thread-region.ts)
  readonly shadowCounters: SharedArrayBuffer // SHADOW_REGION_BYTES (shadow.ts)
  /** Addresses that an upstream given at run time may never resolve to (admin-api.md, security). */
  readonly forbiddenPorts: readonly number[]
}

/** `counters`: the regions that the thread has not had yet, in the order of their index. */
export type ToThread =
  | {
      readonly type: 'snapshot' // the first message, and no other
      readonly snapshot: Snapshot
      readonly counters: readonly SharedArrayBuffer[]
    }
  | {
      readonly type: 'change' // to what came before it
      readonly change: SnapshotChange
      readonly counters: readonly SharedArrayBuffer[]
    }
  | {
      readonly type: 'shadow-road' // where copies go from now on
      readonly address: RoadAddress
    }
  | { readonly type: 'shadow-gone' } // the shadow process ended: copy nothing, and say so
  | { readonly type: 'drain'; readonly graceMs: number } // stop accepting, close on each answer, streams up to grace
  | { readonly type: 'stop' } // now

export type FromThread =
  | { readonly type: 'listening'; readonly host: string; readonly port: number }
  | { readonly type: 'failed'; readonly code: string; readonly message: string } // could not listen
  | { readonly type: 'applied'; readonly sequence: number }
  | { readonly type: 'drained' }
  | { readonly type: 'shadow-stopped' } // nothing is copied, and the counters are final
  | {
      readonly type: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly msg: string
      readonly fields: Readonly<Record<string, unknown>>
    }
