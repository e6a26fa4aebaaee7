/**
 * The document of a route: everything about it that changes at run time and that all replicas agree on
 * (state.md). Ordered by (epoch, revision); weights change by compare-and-set, a rollback is a join that
 * needs no revision and raises the epoch. The operations on it are in operations.ts.
 *
 * Weights, the lookup table and the phase are derived here and never stored beside what they derive from,
 * but for `phase`, which readers of the document need. Names of variants may be words that every object has
 * (`constructor`), so members are read by `challengerOf` and never by a plain index.
 */
import { flatten, freeOf, type Ledger, type RangeOwner, type Ranges, sizeOf } from './ranges.ts'

export type { Ranges }

export type Phase =
  | 'steady'
  | 'progressing'
  | 'paused'
  | 'waiting-approval'
  | 'baking'
  | 'promoted'
  | 'rolled-back'
  | 'aborted'
export const PHASES: readonly Phase[] = [
  'steady',
  'progressing',
  'paused',
  'waiting-approval',
  'baking',
  'promoted',
  'rolled-back',
  'aborted'
]

export type Pause = { readonly by: string; readonly at: string; readonly reason: string }

export type Rollback = {
  readonly id: string
  readonly trigger: string // a trigger's name in snake_case, or "operator"
  readonly by: string
  readonly at: string // ISO 8601
  readonly reason: string // one sentence in plain words
  readonly evidence: Readonly<Record<string, unknown>> | null
}

export type Challenger = {
  readonly rolloutId: string
  readonly ranges: Ranges
  readonly paused: Pause | null
  readonly rollback: Rollback | null
}

/** A variant that was added, or whose upstreams were changed, through the API. */
export type RegistryEntry = {
  readonly upstreams: readonly string[]
  readonly model: {
    readonly name?: string
    readonly version?: string
    readonly digest?: string
  } | null
}

export type RouteDocument = {
  readonly schema: 1
  readonly route: string
  readonly epoch: number
  readonly revision: number
  readonly salt: string
  readonly phase: Phase
  readonly champion: string
  readonly challengers: Readonly<Record<string, Challenger>>
  readonly rollout: null
  readonly registry: Readonly<Record<string, RegistryEntry>>
  readonly shadows: Readonly<Record<string, { readonly on: boolean }>> // those that were switched
  readonly by: string
  readonly at: string
  readonly previous: string // sha256 of the canonical document before, '' for the first
}

/** Identity of a routing state: `<epoch>-<revision>`. */
export function revisionOf(document: {
  readonly epoch: number
  readonly revision: number
}): string {
  return `${document.epoch}-${document.revision}`
}

/** Weight of the champion and of every challenger in percent, at most two decimals; they sum to 100. */
export function weightsOf(document: RouteDocument): Readonly<Record<string, number>> {
  const sizes = Object.entries(rangesOf(document))
  return Object.fromEntries(sizes.map(([name, ranges]) => [name, percentOf(sizeOf(ranges))]))
}

/** Ranges of the champion (sorted) and of every challenger (in order of acquisition). */
export function rangesOf(document: RouteDocument): Readonly<Record<string, Ranges>> {
  const ledger = ledgerOf(document)
  return { [document.champion]: freeOf(ledger), ...ledger }
}

/** The sorted lookup table of names: every bucket of 0..9999 exactly once. */
export function rangeTable(document: RouteDocument): readonly RangeOwner<string>[] {
  return flatten(ledgerOf(document), document.champion)
}

/** The challengers' ranges alone. */
export function ledgerOf(document: RouteDocument): Ledger {
  const entries = Object.entries(document.challengers)
  return Object.fromEntries(entries.map(([name, challenger]) => [name, challenger.ranges]))
}

/** The challenger of that name; null when the document has none. */
export function challengerOf(document: RouteDocument, name: string): Challenger | null {
  if (!Object.hasOwn(document.challengers, name)) return null
  return document.challengers[name] ?? null
}

/** What was added or changed at run time about a variant; null when nothing was. */
export function registeredOf(document: RouteDocument, name: string): RegistryEntry | null {
  if (!Object.hasOwn(document.registry, name)) return null
  return document.registry[name] ?? null
}

/** Whether a shadow is switched on. One that nobody has switched is. */
export function isShadowOn({ shadows }: Pick<RouteDocument, 'shadows'>, name: string): boolean {
  return !Object.hasOwn(shadows, name) || shadows[name]?.on !== false
}

/** The phase of a route that has no rollout: the gravest thing that is true of any challenger. */
export function phaseOf(challengers: Readonly<Record<string, Challenger>>): Phase {
  const all = Object.values(challengers)
  if (all.some(challenger => challenger.rollback !== null)) return 'rolled-back'
  if (all.some(challenger => challenger.paused !== null)) return 'paused'
  return 'steady'
}

/** Whether `a` is a later routing state than `b`: by epoch, then by revision. */
export function isLater(
  a: { readonly epoch: number; readonly revision: number },
  b: { readonly epoch: number; readonly revision: number }
): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.revision > b.revision)
}

/** Buckets of a weight in percent; null when it is not 0..100 with at most two decimals. */
export function bucketsOf(percent: number): number | null {
  const buckets = Math.round(percent * 100)
  const fits = buckets / 100 === percent && buckets >= 0 && buckets <= 10_000
  return fits ? Math.abs(buckets) : null
}

/** Percent of a number of buckets; exact to two decimals. */
export function percentOf(buckets: number): number {
  return buckets / 100
}
