/**
 * Schemas of what the admin API takes and gives; validation and OpenAPI come from these same values.
 *
 * What is taken is closed: unknown fields are refused everywhere. What is given is described, not filtered.
 */
import { Type } from 'typebox'
import { PHASES } from '../domain/document.ts'
import { MAX_UNIT_BYTES, MAX_VARIANTS, NAME } from '../domain/route.ts'
import { TRIGGERS } from '../domain/trigger-settings.ts'
import { Agreement, Shadow } from './shadow-schemas.ts'

const closed = { additionalProperties: false } as const

export const Name = Type.String({
  pattern: NAME.source,
  description: 'Name of a route, variant or shadow'
})
export const Reason = Type.String({
  maxLength: 500,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
  description: 'Why, in a sentence for the audit log; no control characters'
})
const Percent = Type.Number({
  minimum: 0,
  maximum: 100,
  description: 'Percent, at most two decimals'
})
const WeightMap = Type.Record(Type.String({ pattern: NAME.source }), Percent, {
  ...closed,
  propertyNames: { pattern: NAME.source },
  minProperties: 1,
  maxProperties: MAX_VARIANTS,
  description: 'The whole map, variant to percent, sum 100; a variant left out gets 0'
})
const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength })
const Facts = Type.Record(
  Type.String({ minLength: 1, maxLength: 256 }),
  Type.String({ maxLength: 8_192 }),
  {
    maxProperties: 100
  }
)

// What calls take

export const ReasonBody = Type.Object({ reason: Type.Optional(Reason) }, closed)
export const VariantBody = Type.Object(
  { variant: Type.Optional(Name), reason: Type.Optional(Reason) },
  closed
)
export const WeightsBody = Type.Object(
  { weights: WeightMap, reason: Type.Optional(Reason) },
  closed
)
export const ModelRollbackBody = Type.Object(
  { modelVersion: Text(256), reason: Type.Optional(Reason) },
  closed
)
export const ClearBody = Type.Object(
  { rollback: Type.String({ pattern: '^[A-Za-z0-9._-]{1,128}$' }), reason: Type.Optional(Reason) },
  closed
)
export const VariantSettingsBody = Type.Object(
  {
    upstreams: Type.Array(Text(2_048), { minItems: 1, maxItems: 64 }),
    model: Type.Optional(
      Type.Object(
        {
          name: Type.Optional(Text(256)),
          version: Type.Optional(Text(256)),
          digest: Type.Optional(Text(256))
        },
        closed
      )
    ),
    reason: Type.Optional(Reason)
  },
  closed
)
export const ExplainBody = Type.Object(
  {
    unit: Type.Optional(Text(MAX_UNIT_BYTES)),
    headers: Type.Optional(Facts),
    query: Type.Optional(Facts),
    trusted: Type.Optional(Type.Boolean())
  },
  closed
)
export const ShadowBody = Type.Object({ on: Type.Boolean(), reason: Type.Optional(Reason) }, closed)
export const LaterBody = Type.Object({}, { description: 'Has no fields of its own yet' })

export const DryRunQuery = Type.Object({ dryRun: Type.Optional(Type.Boolean()) }, closed)
export const DecisionsQuery = Type.Object(
  {
    since: Type.Optional(
      Type.String({
        maxLength: 40,
        description: 'A time in ISO 8601, or how long ago: 30s, 15m, 1h, 7d'
      })
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 100 }))
  },
  closed
)
export const ExplainQuery = Type.Object({ unit: Text(MAX_UNIT_BYTES) }, closed)
export const NoQuery = Type.Object({}, closed)

// What calls give

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
const Numbers = Type.Record(Type.String(), Type.Number())
const Evidence = Nullable(Type.Record(Type.String(), Type.Unknown()))
const RangeList = Type.Array(
  Type.Array(Type.Integer({ minimum: 0, maximum: 10_000 }), { minItems: 2, maxItems: 2 }),
  { description: 'Buckets [start, end) in order of acquisition' }
)
const Replicas = Type.Object({ applied: Type.Integer(), of: Type.Integer() })
const Quarantines = Type.Record(
  Type.String(),
  Type.Object({ trigger: Type.String(), reason: Type.String(), at: Type.String() }),
  {
    description:
      'Challengers that are out on the replica that answers, and are not decided for the fleet'
  }
)

const Challenger = Type.Object({
  rolloutId: Type.String(),
  ranges: RangeList,
  paused: Nullable(Type.Object({ by: Type.String(), at: Type.String(), reason: Type.String() })),
  rollback: Nullable(
    Type.Object({
      id: Type.String(),
      trigger: Type.String(),
      by: Type.String(),
      at: Type.String(),
      reason: Type.String(),
      evidence: Evidence
    })
  )
})

export const Document = Type.Object({
  schema: Type.Literal(1),
  route: Type.String(),
  epoch: Type.Integer(),
  revision: Type.Integer(),
  salt: Type.String(),
  phase: Type.Enum([...PHASES]),
  champion: Type.String(),
  challengers: Type.Record(Type.String(), Challenger),
  rollout: Type.Null(),
  registry: Type.Record(Type.String(), Type.Unknown()),
  shadows: Type.Record(Type.String(), Type.Object({ on: Type.Boolean() })),
  by: Type.String(),
  at: Type.String(),
  previous: Type.String()
})

export const TriggerState = Type.Object({
  variant: Type.String(),
  trigger: Type.Enum([...TRIGGERS]),
  state: Type.Enum(['armed', 'warmup', 'pausing', 'fired']),
  logEvidence: Nullable(Type.Number()),
  threshold: Nullable(Type.Number()),
  phi: Type.Number(),
  ratio: Nullable(Type.Number()),
  n: Type.Number(),
  x: Type.Number(),
  since: Type.String()
})

export const FleetTriggerState = Type.Object(
  {
    ...TriggerState.properties,
    replicas: Type.Integer({ description: 'That contribute' }),
    leftOut: Type.Integer({
      description: 'Failures that replicas did not add, since their champion was not well'
    })
  },
  { description: 'A trigger over what all replicas counted' }
)

export const Route = Type.Object({
  ...Document.properties,
  weights: Numbers,
  actualWeights: Numbers,
  ranges: Type.Record(Type.String(), RangeList),
  triggers: Type.Array(TriggerState),
  fleetTriggers: Type.Array(FleetTriggerState),
  replicas: Replicas,
  shadows: Type.Record(Type.String(), Type.Object({ on: Type.Boolean() }), {
    description: 'Every shadow of the configuration, and whether it is switched on'
  }),
  quarantined: Quarantines,
  failing: Type.Record(Type.String(), Type.String(), {
    description:
      'Variants none of whose last requests got a good answer on the replica that answers: what failed and what to do'
  }),
  stale: Type.Boolean({
    description:
      'The store has not confirmed the document to the replica that answers for state.stale.after'
  })
})
export const Routes = Type.Array(Route)

export const DryRun = Type.Object({
  dryRun: Type.Literal(true),
  weights: Numbers,
  moves: Type.Array(Type.Object({ from: Type.String(), to: Type.String(), percent: Type.Number() }))
})
export const RollbackDone = Type.Object({
  route: Type.String(),
  scope: Type.Enum(['fleet', 'local']),
  rollbacks: Type.Array(Type.Object({ variant: Type.String(), id: Type.String() })),
  lastChallengerRequest: Nullable(Type.String()),
  replicas: Replicas,
  document: Document
})
export const RollbacksDone = Type.Array(RollbackDone)

export const Decision = Type.Object({
  sequence: Type.Integer(),
  type: Type.String(),
  route: Nullable(Type.String()),
  variant: Nullable(Type.String()),
  by: Type.String({ description: 'Token id, or trigger:<name>' }),
  at: Type.String(),
  reason: Type.String(),
  requestId: Type.String(),
  before: Type.Unknown(),
  after: Type.Unknown(),
  evidence: Evidence,
  revision: Nullable(Type.String()),
  previous: Type.String({ description: 'SHA-256 of the entry before' }),
  sha256: Type.String()
})
export const Decisions = Type.Array(Decision)

export const Explained = Type.Object({
  unit: Nullable(Type.String()),
  salt: Type.String(),
  hash: Nullable(Type.Integer()),
  bucket: Nullable(Type.Integer()),
  variant: Type.String(),
  cohort: Type.String(),
  reason: Type.String(),
  revision: Type.String()
})
export const RunningConfig = Type.Object({
  config: Type.Unknown({ description: 'The running configuration, secrets redacted' }),
  drift: Type.Array(
    Type.Object({
      route: Type.String(),
      what: Type.String(),
      file: Type.Unknown(),
      store: Type.Unknown()
    })
  )
})
export const Reloaded = Type.Object({
  changed: Type.Array(Type.String()),
  warnings: Type.Array(Type.String())
})
export const Live = Type.Object({ status: Type.Literal('live') })
export const Ready = Type.Object({
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String()),
  degraded: Type.Array(Type.String())
})
export const PlainText = Type.String()
export const AnyDocument = Type.Object({})

export const ProblemDocument = Type.Object({
  type: Type.Literal('about:blank'),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'What happened, why, and what to do' }),
  code: Type.String({ description: 'SLC_…, stable' }),
  requestId: Type.String(),
  document: Type.Optional(Type.Unknown({ description: 'For conflicts: the route as it is now' }))
})

/** Schemas that the OpenAPI document names and refers to. */
export const NAMED = {
  Route,
  Document,
  Challenger,
  Trigger: TriggerState,
  Rollback: RollbackDone,
  Decision,
  Shadow,
  Agreement,
  Explanation: Explained,
  Problem: ProblemDocument
} as const
