/**
 * What the metrics are made of: plain values and counters that the control plane reads together at a scrape.
 *
 * Every text in here that becomes a label comes from the configuration, from the API of an admin, or from a
 * closed list; nothing of a request is ever among them.
 */
import type { Counters } from '../domain/counts.ts'
import type { Phase } from '../domain/document.ts'
import type { ThreadRegion } from '../domain/thread-region.ts'
import type { TriggerStatus } from '../domain/watch.ts'
import type { StateSource } from '../ports.ts'
import type { OwnProcess } from './own-thread.ts'

export type MetricsSource = {
  readonly version: string
  readonly routes: readonly RouteSource[]
  readonly threads: readonly ThreadRegion[]
  readonly shadowProcess: OwnProcess | null // as it said last; null while there is none
  readonly state: {
    readonly source: StateSource
    readonly ageSeconds: number // since a shared store confirmed the route that it confirmed least lately
    readonly errors: Readonly<Record<string, number>> // by reason, since the start
  }
  readonly reload: { readonly succeeded: boolean; readonly successMs: number } // wall clock, ms
  readonly events: readonly EventsSource[]
}

export type RouteSource = {
  readonly name: string
  readonly phase: Phase
  readonly champion: string
  readonly epoch: number
  readonly revision: number
  readonly variants: readonly VariantSource[]
  readonly shadows: readonly ShadowSource[]
  readonly triggers: readonly TriggerStatus[]
  readonly replicas: { readonly applied: number; readonly of: number }
  readonly stale: boolean // not confirmed for state.stale.after
  readonly rollbacks: Readonly<Record<string, number>> // by trigger in snake_case or `operator`, since the start
}

/** Counts by outcome and by reason; agreement by field, 0 to 1. */
export type ShadowSource = {
  readonly name: string
  readonly outcomes: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<string, number>>
  readonly agreement: Readonly<Record<string, number>>
}

export type VariantSource = {
  readonly name: string
  readonly counters: readonly Counters[] // one per data thread
  readonly weight: number // percent asked
  readonly actualWeight: number | null // percent observed in the last minute; null without requests
  readonly paused: boolean
  readonly quarantined: boolean
  readonly upstreams: readonly { readonly upstream: string; readonly healthy: boolean }[]
  readonly dnsErrors: number // failed resolutions since the start; the main thread counts them
}

export type EventsSource = {
  readonly topic: string
  readonly published: number
  readonly dropped: Readonly<Record<string, number>> // by reason
}
