/**
 * What the main process and the shadow process say to each other. Copies come by another way: a road from each data
 * thread (copy-road/).
 */
import type { AgreementView } from './compare/agreement.ts'
import type { Model, Protocol } from './route.ts'
import type { ShadowSettings } from './shadow.ts'
import type { RoadAddress } from './shadow-copy.ts'
import type { AddressSnapshot, Rewrite, TlsSettings } from './snapshot.ts'

/** One side of a shadow: where its requests go. */
export type ShadowUpstream = {
  readonly variant: string
  readonly model: Model
  readonly addresses: readonly AddressSnapshot[]
  readonly balance: 'least-in-flight' | 'unit-hash'
  readonly tls: TlsSettings | null
  readonly keepAliveMs: number
  readonly rewrite: Rewrite | null
}

/** A shadow as the shadow process has it. */
export type ShadowTarget = {
  readonly slot: number // of its counters
  readonly route: string
  readonly settings: ShadowSettings
  readonly protocol: Protocol
  readonly predictions: readonly string[]
  readonly connectMs: number
  readonly shadow: ShadowUpstream
  readonly champion: ShadowUpstream // for the noise
}

/** What the shadow process gets when it starts. `events` is told by the entry's own type. */
export type ShadowStart<Events> = {
  readonly events: Events
  readonly unitKey: Uint8Array
}

export type PublishedEvent = {
  readonly type: string
  readonly key: string
  readonly data: unknown
}

export type ToShadow =
  | { readonly type: 'start'; readonly start: ShadowStart<unknown> } // before all others
  | {
      readonly type: 'targets'
      readonly targets: readonly ShadowTarget[]
      readonly forbiddenPorts: readonly number[] // our own, where a copy would come back
    }
  | { readonly type: 'publish'; readonly event: PublishedEvent }
  | { readonly type: 'report'; readonly id: number; readonly slot: number }
  | { readonly type: 'close'; readonly timeoutMs: number } // flush, then end

/** What is known of events at this moment, since the start of the shadow process. */
export type EventsReport = {
  readonly topics: readonly {
    readonly topic: string
    readonly published: number
    readonly dropped: Readonly<Record<string, number>>
  }[]
  readonly faults: readonly string[]
}

/** How the process itself does. */
export type ShadowVitals = {
  readonly delaySeconds: number // 99th percentile of the event-loop delay since the last time
  readonly heapBytes: number
  readonly residentBytes: number
  readonly cpuSeconds: number // of all its threads
}

/** What a slot's words (shadow.ts) say since the start of the shadow process. */
export type SlotCounts = { readonly slot: number; readonly words: Uint32Array }

export type FromShadow =
  | { readonly type: 'ready'; readonly road: RoadAddress }
  | { readonly type: 'failed'; readonly code: string; readonly args: readonly (string | number)[] }
  | {
      readonly type: 'summary' // once a second
      readonly vitals: ShadowVitals
      readonly events: EventsReport
      readonly agreement: readonly {
        // of slots that had pairs since the last one
        readonly slot: number
        readonly fields: readonly { readonly field: string; readonly ratio: number }[]
      }[]
    }
  | { readonly type: 'counts'; readonly counts: readonly SlotCounts[] }
  | { readonly type: 'report'; readonly id: number; readonly view: AgreementView }
  | { readonly type: 'closed'; readonly events: EventsReport }
  | {
      readonly type: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly msg: string
      readonly fields: Readonly<Record<string, unknown>>
    }
