/**
 * Settings of a route's hard triggers after defaults (triggers.md). A trigger that is null is off.
 */
import type { BadKind } from './counts.ts'

export const TRIGGERS = [
  'errors',
  'client_errors',
  'bad_predictions',
  'latency',
  'absence',
  'gross'
] as const
export type TriggerName = (typeof TRIGGERS)[number]

/** What an alarm does. A dry run reports what it would have done. */
export type Acting = { readonly action: 'rollback' | 'pause' | 'notify'; readonly dryRun: boolean }

export type TriggerSettings = {
  readonly alphaPerDay: number // false rollbacks per challenger and day, 0.001 by default
  readonly errors: (Acting & { readonly ratio: number; readonly max: number }) | null // max as a share, 0..1
  readonly clientErrors: (Acting & { readonly ratio: number }) | null
  readonly badPredictions:
    | (Acting & { readonly max: number; readonly kinds: readonly BadKind[] })
    | null
  readonly latency:
    | (Acting & {
        readonly sla: number
        readonly of: 'total' | 'first-byte'
        readonly percentile: number
      }) // ms
    | null
  readonly absence: (Acting & { readonly after: 'auto' | number; readonly startup: number }) | null // ms
  readonly gross: Acting // always on
}
