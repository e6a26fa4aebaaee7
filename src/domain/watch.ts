/**
 * What the watch over a route is asked and what it answers: the seam between the triggers and the controller.
 * The watch itself is in trigger/route-watch.ts.
 */
import type { Counters } from './counts.ts'
import type { TriggerName, TriggerSettings } from './trigger-settings.ts'

export type WatchOptions = {
  readonly settings: TriggerSettings
  readonly splits: number // overrides with a split: strata 1..splits
  readonly replicas: number // known replicas of this router; 1 alone
}

/** One variant as the watch sees it at a tick. */
export type Arm = {
  readonly counters: readonly Counters[] // one per data thread, the same length at every tick but for growth
  readonly addresses: readonly { readonly slot: number; readonly healthy: boolean }[]
  readonly weight: number // basis points owned by the hash
}

export type WatchInput = {
  readonly now: number // ms since the process epoch
  readonly generation: number // of the current ranges
  readonly champion: Arm
  readonly championHealthy: boolean // health checks of the last 10 s; true where there are none
  readonly challengers: ReadonlyMap<string, Arm> // those that are not rolled back
  readonly stalled: boolean // an event loop of ours was late in this tick: no latency, no absence (rule 8)
}

export type TriggerDecision = {
  readonly variant: string
  readonly trigger: TriggerName
  readonly action: 'rollback' | 'pause' | 'notify'
  readonly dryRun: boolean
  readonly sentence: string // plain words with the figures
  readonly evidence: Readonly<Record<string, unknown>>
}

export type TriggerStatus = {
  readonly variant: string
  readonly trigger: TriggerName
  readonly state: 'armed' | 'warmup' | 'pausing' | 'fired'
  readonly logEvidence: number
  readonly threshold: number
  readonly phi: number
  readonly ratio: number | null
  readonly n: number
  readonly x: number
  readonly sinceMs: number // of the detector's reset
}

export type WatchResult = {
  readonly decisions: readonly TriggerDecision[]
  readonly statuses: readonly TriggerStatus[]
}

/** A tick also writes the `warm` flags of addresses (ADDRESS_FLAGS), the only words that the main thread writes. */
export type Watch = {
  tick(input: WatchInput): WatchResult
  /** A rollback was cleared or a challenger's ranges changed: its detectors start again. */
  reset(variant: string): void
  /** So many routers share the false alarms that are allowed: other thresholds, the same evidence. */
  share(replicas: number): void
}
