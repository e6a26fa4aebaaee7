/**
 * Interfaces between the planes and what stands behind them. Adapters in io/ implement the store and the sink;
 * the controller implements `Control`, through which the admin API reaches it.
 */
import type { AgreementView } from './domain/compare/agreement.ts'
import type { RouteDocument } from './domain/document.ts'
import type { Author, Operation, Refusal } from './domain/operations.ts'
import type { ShadowSettings } from './domain/shadow.ts'
import type { TlsSettings } from './domain/snapshot.ts'
import type { TriggerStatus } from './domain/watch.ts'

type LogLine = (fields: Readonly<Record<string, unknown>>, message: string) => void

/** A structured logger: fields first, then the sentence. Never given a token or a unit in clear. */
export type Log = {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}

/** One accepted change. Exactly one per change; chained by SHA-256 over the entry before. */
export type AuditEntry = {
  readonly sequence: number
  readonly type:
    | 'weights'
    | 'trigger'
    | 'pause'
    | 'resume'
    | 'rollback'
    | 'clear'
    | 'variant'
    | 'rollout'
    | 'shadow'
    | 'config'
    | 'access'
  readonly route: string | null
  readonly variant: string | null
  readonly by: string // token id, or `trigger:<name>`
  readonly at: string
  readonly reason: string
  readonly requestId: string
  readonly before: unknown
  readonly after: unknown
  readonly evidence: Readonly<Record<string, unknown>> | null
  readonly revision: string | null // of the document after
  readonly previous: string // sha256 of the entry before
  readonly sha256: string
}

export type AuditDraft = Pick<
  AuditEntry,
  | 'type'
  | 'route'
  | 'variant'
  | 'by'
  | 'reason'
  | 'requestId'
  | 'before'
  | 'after'
  | 'evidence'
  | 'revision'
>

export type WriteResult =
  | {
      readonly status: 'changed'
      readonly document: RouteDocument
      readonly scope: 'fleet' | 'local'
      readonly audit: AuditEntry
    }
  | { readonly status: 'same'; readonly document: RouteDocument; readonly scope: 'fleet' | 'local' }
  | { readonly status: 'refused'; readonly refusal: Refusal; readonly document: RouteDocument }

/** How a route's document was found at start. */
export type StateSource = 'store' | 'disk' | 'config'

/** What a driver noticed and could go on from (an older generation used, a file unreadable); for log and metrics. */
export type StateWarning = {
  readonly route: string | null
  readonly reason: string
  readonly message: string
}

/** A challenger that is out on one replica alone, and is not decided for the fleet. */
export type Quarantine = {
  readonly rolloutId: string
  readonly trigger: string
  readonly reason: string // the sentence of the alarm
  readonly at: string
}

/** A router that shares the store, as it told last of one route. */
export type Replica = {
  readonly id: string
  readonly revision: string // of the document that it works with
  readonly calls: Readonly<Record<string, number>> // prediction calls of each challenger in its last minute in traffic
  readonly out: Readonly<Record<string, Quarantine>> // by challenger
}

/**
 * The route documents and the audit log. `write` resolves when the change is durable (file: fsynced; Redis: in
 * the store) or is refused; it throws a SluiceError when neither can be said (disk full, store gone). Writes of
 * one route are applied one after the other. A rollback holds in memory before `write` returns.
 */
export type StateStore = {
  /** Opens the store. Routes without a document get `first(route)`, which is written. Throws when unusable. */
  open(
    routes: readonly string[],
    first: (route: string) => RouteDocument
  ): Promise<readonly StateWarning[]>
  read(route: string): RouteDocument | null
  source(route: string): StateSource
  /** Routes with a rollback that holds and is not durable yet. */
  unsettled(): readonly string[]
  /** Writes that failed since the start, by reason in snake_case. */
  errors(): Readonly<Record<string, number>>
  /** ms since a shared store confirmed the document last; 0 where none is shared. */
  ageMs(route: string): number
  /** Routers that were there in the last seconds, this one first. */
  replicas(route: string): readonly Replica[]
  /** What the other replicas are told of this one with the next message. */
  announce(route: string, facts: Pick<Replica, 'calls' | 'out'>): void
  /** Resolves when every replica works with what `read` gives, or after the limit. */
  spread(route: string, limitMs: number): Promise<void>
  /** Adds a route after a reload. */
  ensure(route: string, first: () => RouteDocument): Promise<RouteDocument>
  write(route: string, operation: Operation, author: Author): Promise<WriteResult>
  /** An audit entry that changes no document (reload, refused trigger, pause of a trigger). */
  audit(draft: AuditDraft): Promise<AuditEntry>
  /** Newest first. */
  decisions(query: {
    readonly route?: string
    readonly since?: string
    readonly afterSequence?: number
    readonly limit: number
  }): Promise<readonly AuditEntry[]>
  /** `fleet`: another replica made the change. */
  onAudit(listener: (entry: AuditEntry, origin: 'own' | 'fleet') => void): () => void
  onDocument(listener: (document: RouteDocument) => void): () => void
  close(): Promise<void>
}

/** What one replica counted of a variant until the end of a slot of 5 s of the store's time. */
export type FleetSlot = {
  readonly slot: number
  readonly totals: ReadonlyMap<string, string> // by replica: what it gave to `exchange` last in that slot
}

/**
 * Counts of all replicas, through the shared store. Totals only grow for as long as their writer lives, so a
 * message that is repeated or lost changes nothing.
 */
export type FleetCounters = {
  /**
   * Writes this replica's totals of a variant and gives the slots that ended since the last call for it, oldest
   * first, at most 7. Null when the store does not answer or the call before is still under way. Never throws.
   */
  exchange(route: string, variant: string, totals: string): Promise<readonly FleetSlot[] | null>
}

/** Where an event goes: pairs of shadows to `shadow`, the rest to `decisions`. */
export type EventTopic = 'decisions' | 'shadow'

/** What became of the events of a topic since the start. Those that wait are in neither number. */
export type EventCounts = {
  readonly topic: EventTopic
  readonly published: number // written to the file, or acknowledged by the broker
  readonly dropped: Readonly<Record<string, number>> // lost, by reason; every reason from the start
}

/** Published events, as NDJSON or to Kafka. Never throws and never blocks; what is lost is counted. */
export type EventSink = {
  publish(event: { readonly type: string; readonly key: string; readonly data: unknown }): void
  counts(): readonly EventCounts[]
  /** What keeps events from going out now, a sentence each; empty when all is well. */
  faults(): readonly string[]
  /** Writes out what waits for at most so many ms; the rest is counted as `not_flushed`. */
  close(timeoutMs: number): Promise<void>
}

/** How the system schedules a process (sched(7)): as any, or only where a core has nothing else to do. */
export type ProcessPolicy = 'other' | 'idle'

/** Lets who waits for the core go first, and returns when it is this thread's turn again. */
export type GiveWay = () => void

/** Addresses of names. A literal address is its own answer. Nothing here throws but `lookup`. */
export type Resolver = {
  /**
   * Resolves now and again every `refreshMs` (with jitter) until the returned function is called. A failure
   * never replaces an answer; it is reported so that it can be counted.
   */
  watch(
    hostname: string,
    refreshMs: number,
    listener: (answer: { readonly ips: readonly string[] } | { readonly failed: string }) => void
  ): () => void
  /** All addresses once, IPv4 and IPv6. Throws when there is none. */
  lookup(hostname: string): Promise<readonly string[]>
  /** Addresses of this machine's own interfaces. */
  ownAddresses(): readonly string[]
}

/** One address to check: `GET path` at `ip:port`, as host `hostname`. */
export type HealthTarget = {
  readonly ip: string
  readonly port: number
  readonly hostname: string
  readonly secure: boolean
  readonly tls: TlsSettings | null
  readonly path: string
  readonly intervalMs: number
  readonly unhealthy: number // failures in a row that put it out
  readonly healthy: number // successes in a row that bring it back
}

export type HealthProbe = {
  /** Reports the first result at once, then changes only, until the returned function is called. */
  watch(target: HealthTarget, listener: (healthy: boolean, why: string) => void): () => void
}

/** Monotonic ms since the process epoch, and the wall clock for display. */
export type Clock = { readonly now: () => number; readonly wall: () => Date }

/** How a trigger stands, for a person: the time of its reset by the wall clock, ISO 8601. */
export type TriggerView = Omit<TriggerStatus, 'sinceMs'> & { readonly since: string }

export type RouteView = RouteDocument & {
  readonly weights: Readonly<Record<string, number>>
  readonly actualWeights: Readonly<Record<string, number>>
  readonly ranges: Readonly<Record<string, readonly (readonly [number, number])[]>>
  readonly triggers: readonly TriggerView[]
  /** The triggers over what all replicas counted; empty where nobody shares the state. */
  readonly fleetTriggers: readonly (TriggerView & {
    readonly replicas: number // that contribute
    readonly leftOut: number // failures that replicas did not add, since their champion was not well
  })[]
  readonly replicas: { readonly applied: number; readonly of: number }
  /** Challengers that are out on the replica that answers, and are not decided for the fleet. */
  readonly quarantined: Readonly<Record<string, Omit<Quarantine, 'rolloutId'>>>
  /** Variants that answer nobody on the replica that answers: what failed and what to do, a sentence each. */
  readonly failing: Readonly<Record<string, string>>
  /** The store has not confirmed the document to the replica that answers for `state.stale.after`. */
  readonly stale: boolean
}

/** A shadow of a route, how it runs on the replica that answers, and what its pairs say there. */
export type ShadowView = {
  readonly route: string
  readonly shadow: string
  readonly variant: string
  readonly on: boolean // as it was switched, for all replicas
  readonly state: 'on' | 'off' | 'live' // what happens: `live` pauses while the variant has weight
  readonly applied: { readonly threads: number; readonly of: number } // data threads that work with this state
  readonly settings: Omit<ShadowSettings, 'name' | 'variant'>
  readonly considered: number // requests that the champion answered
  readonly dropped: Readonly<Record<string, number>> // by reason
  readonly outcomes: Readonly<Record<string, number>> // of copies
  readonly agreement: AgreementView | null // null while the shadow process does not answer
  readonly revision: string // of the route's document
}

export type Actor = { readonly id: string; readonly requestId: string; readonly reason: string }

export type Explanation = {
  readonly unit: string | null
  readonly salt: string
  readonly hash: number | null
  readonly bucket: number | null
  readonly variant: string
  readonly cohort: string // hash, override:<name>, other
  readonly reason: string
  readonly revision: string
}

export type RollbackAnswer = {
  readonly route: string
  readonly scope: 'fleet' | 'local'
  readonly rollbacks: readonly { readonly variant: string; readonly id: string }[]
  readonly lastChallengerRequest: string | null // ISO time of the last request sent to a challenger
  readonly replicas: { readonly applied: number; readonly of: number }
  readonly document: RouteDocument
}

/** Facts of a request for explain; header names in lower case. */
export type ExplainFacts = {
  readonly unit?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly trusted?: boolean
}

/**
 * What the admin API can ask of the controller. Every method that changes something throws a SluiceError with
 * the right status when it is refused, and leaves nothing half applied.
 */
export type Control = {
  routes(): readonly RouteView[]
  route(name: string): RouteView | null
  weights(
    route: string,
    expect: string,
    weights: Readonly<Record<string, number>>,
    actor: Actor
  ): Promise<RouteView>
  /** Who would move: for each pair of variants the share of buckets in percent. */
  planWeights(
    route: string,
    expect: string,
    weights: Readonly<Record<string, number>>
  ): {
    readonly weights: Readonly<Record<string, number>>
    readonly moves: readonly {
      readonly from: string
      readonly to: string
      readonly percent: number
    }[]
  }
  rollback(route: string, variant: string | null, actor: Actor): Promise<RollbackAnswer>
  rollbackModel(modelVersion: string, actor: Actor): Promise<readonly RollbackAnswer[]>
  clear(route: string, expect: string, rollback: string, actor: Actor): Promise<RouteView>
  pause(route: string, variant: string | null, actor: Actor): Promise<RouteView>
  resume(route: string, variant: string | null, actor: Actor): Promise<RouteView>
  /** A shadow and its results. */
  shadow(route: string, name: string): Promise<ShadowView>
  /** Switches a shadow on or off on every replica; resolves when the data threads here work with it. */
  setShadow(
    route: string,
    expect: string,
    name: string,
    on: boolean,
    actor: Actor
  ): Promise<ShadowView>
  decisions(route: string, since: string | null, limit: number): Promise<readonly AuditEntry[]>
  explain(route: string, facts: ExplainFacts): Explanation
  putVariant(
    route: string,
    expect: string,
    variant: string,
    upstreams: readonly string[],
    model: { readonly name?: string; readonly version?: string; readonly digest?: string } | null,
    actor: Actor
  ): Promise<RouteView>
  deleteVariant(route: string, expect: string, variant: string, actor: Actor): Promise<RouteView>
  /** The running configuration, secrets redacted, and where it differs from the store. */
  config(): {
    readonly config: unknown
    readonly drift: readonly {
      readonly route: string
      readonly what: string
      readonly file: unknown
      readonly store: unknown
    }[]
  }
  reload(
    actor: Actor
  ): Promise<{ readonly changed: readonly string[]; readonly warnings: readonly string[] }>
  audit(draft: AuditDraft): Promise<AuditEntry>
  auditAfter(sequence: number, limit: number): Promise<readonly AuditEntry[]>
  onAudit(listener: (entry: AuditEntry) => void): () => void
  ready(): {
    readonly ready: boolean
    readonly reasons: readonly string[]
    readonly degraded: readonly string[]
  }
  /** Prometheus text. */
  metrics(): Promise<string>
}
