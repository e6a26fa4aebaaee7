/**
 * The documents of the admin API, known by what the verbs read of them.
 *
 * Somebody else may listen at the address and answer 200 with JSON of its own: what has not this shape is not
 * printed, and never half of it. Nothing here judges values; an API of a later version may have more members.
 */
import type { AuditEntry, Explanation, RollbackAnswer, RouteView, ShadowView } from '../ports.ts'
import { anything, flag, list, map, number, orNull, record, type Shape, text } from './shape.ts'

/** Tells whether a parsed body is the document that a call gives. */
export type Expected<T> = (body: unknown) => body is T

/** Who would move, for each pair of variants; the answer to a dry run of weights. */
export type WeightPlan = {
  readonly moves: readonly {
    readonly from: string
    readonly to: string
    readonly percent: number
  }[]
}

const replicas = record({ applied: number, of: number })
const challenger = record({
  rollback: orNull(record({ id: text, by: text, at: text, reason: text })),
  paused: orNull(record({ by: text, at: text, reason: text }))
})
const trigger = {
  variant: text,
  trigger: text,
  state: text,
  logEvidence: orNull(number), // JSON has no infinity
  threshold: orNull(number),
  phi: orNull(number),
  ratio: orNull(number),
  n: number,
  x: number,
  since: text
}
const route = record({
  route: text,
  epoch: number,
  revision: number,
  phase: text,
  champion: text,
  challengers: map(challenger),
  weights: map(number),
  actualWeights: map(number),
  ranges: map(list(list(number))),
  triggers: list(record(trigger)),
  fleetTriggers: list(record({ ...trigger, replicas: number })),
  shadows: map(record({ on: flag })),
  replicas,
  quarantined: map(record({ trigger: text, reason: text, at: text })),
  failing: map(text),
  stale: flag
})
const rollback = record({
  route: text,
  scope: text,
  rollbacks: list(record({ variant: text, id: text })),
  lastChallengerRequest: orNull(text),
  replicas,
  document: record({ challengers: map(challenger) })
})
const decision = record({
  at: text,
  type: text,
  variant: orNull(text),
  by: text,
  reason: text,
  revision: orNull(text),
  before: anything,
  after: anything
})
const explanation = record({
  unit: orNull(text),
  salt: text,
  hash: orNull(number),
  bucket: orNull(number),
  variant: text,
  cohort: text,
  reason: text,
  revision: text
})

const share = { agree: number, of: number, ...numbers('ratio', 'low', 'high') }
const field = record({
  ...share,
  ...numbers('meanDifference', 'meanLow', 'meanHigh'),
  field: text,
  kinds: map(number),
  noise: record({
    of: number,
    differs: number,
    onlyShadow: number,
    onlyNoise: number,
    p: orNull(number)
  }),
  reported: flag
})
const example = record({
  requestId: text,
  at: text,
  kind: text,
  primary: orNull(text),
  shadow: orNull(text)
})
const agreement = record({
  pairs: number,
  compared: number,
  refused: map(number),
  noiseMissed: map(number),
  overall: record(share),
  fields: list(field),
  latency: record({ pairs: number, ...numbers('ratio', 'low', 'high') }),
  exemplars: map(list(example))
})
const shadow = record({
  route: text,
  shadow: text,
  variant: text,
  on: flag,
  state: text,
  applied: record({ threads: number, of: number }),
  settings: record({
    percent: number,
    sample: text,
    timeout: number,
    concurrency: number,
    maxBody: number,
    compare: flag,
    noise: number
  }),
  considered: number,
  dropped: map(number),
  outcomes: map(number),
  agreement: orNull(agreement),
  revision: text
})

export const ROUTE = known<RouteView>(route)
export const ROUTES = known<readonly RouteView[]>(list(route))
export const WEIGHT_PLAN = known<WeightPlan>(
  record({ moves: list(record({ from: text, to: text, percent: number })) })
)
export const ROLLBACK = known<RollbackAnswer>(rollback)
export const ROLLBACKS = known<readonly RollbackAnswer[]>(list(rollback))
export const DECISIONS = known<readonly AuditEntry[]>(list(decision))
export const EXPLANATION = known<Explanation>(explanation)
export const SHADOW = known<ShadowView>(shadow)
export const SHADOWS = known<readonly ShadowView[]>(list(shadow))
export const CONFIGURATION = known<{ readonly config: unknown }>(
  record({ config: record({ routes: anything }) })
)

/** A document is taken for ours when it has all that is read of it. */
function known<T>(shape: Shape): Expected<T> {
  return (body): body is T => shape(body)
}

function numbers(...names: readonly string[]): Readonly<Record<string, Shape>> {
  return Object.fromEntries(names.map(name => [name, orNull(number)]))
}
