/**
 * The document of a route: everything about it that changes at run time and that all replicas agree on
 * (state.md). Ordered by (epoch, revision); weights change by compare-and-set, a rollback is a join that
 * needs no revision and raises the epoch. The operations on it are in operations.ts.
 */
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

/** Intervals [start, end) of buckets, in order of acquisition. */
export type Ranges = readonly (readonly [number, number])[]

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
  readonly shadows: Readonly<Record<string, { readonly on: boolean }>>
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
