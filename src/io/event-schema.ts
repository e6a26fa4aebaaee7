/**
 * What each type of published event looks like: a CloudEvents 1.0 envelope with data of that type.
 *
 * In a file the envelope is a line; in Kafka its attributes are headers and its data is the value.
 * The types are versioned by their names and only ever get more optional members. `npm run gen` writes
 * the same schemas as JSON to config/events, for consumers; a test holds every record against them.
 */
import { type TObject, type TSchema, Type } from 'typebox'
import { COMPARE_REFUSALS, DIFFERENCES } from '../domain/compare/comparison.ts'
import { BAD_KINDS, OUTCOMES } from '../domain/counts.ts'
import { PAIR } from '../domain/pair.ts'
import { NAME } from '../domain/route.ts'

export const DECISION = 'io.sluice.decision.v1'
export const EXPOSURE = 'io.sluice.exposure.v1'

const text = Type.String()
const name = Type.String({ pattern: NAME.source })
const revision = Type.String({ pattern: '^[1-9][0-9]*-[1-9][0-9]*$' })
const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const time = Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,}Z$' })

const unitId = Type.String({
  pattern: '^[0-9a-f]{32}$',
  description: 'HMAC-SHA256, first 16 bytes'
})

/** An entry of the audit log. */
const decision = Type.Object(
  {
    sequence: Type.Integer({
      minimum: 1,
      description: 'its place in the audit log of one process'
    }),
    type: Type.Enum([
      'weights',
      'trigger',
      'pause',
      'resume',
      'rollback',
      'clear',
      'variant',
      'rollout',
      'shadow',
      'config',
      'access'
    ]),
    route: Type.Union([Type.Null(), name]),
    variant: Type.Union([Type.Null(), name]),
    by: Type.String({ description: 'id of a token, or trigger:<name>' }),
    at: time,
    reason: text,
    requestId: text,
    before: Type.Unknown({
      description: 'of a change of a route: weights, phase, rolledBack, paused, shadows'
    }),
    after: Type.Unknown(),
    evidence: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())]),
    revision: Type.Union([Type.Null(), revision], { description: 'of the document after' }),
    previous: Type.Union([Type.Literal(''), sha256], { description: 'sha256 of the entry before' }),
    sha256: Type.Union([sha256], { description: 'of the canonical JSON of the entry without it' })
  },
  { additionalProperties: false }
)

/** An assignment that was served: what an experiment counts. */
const exposure = Type.Object(
  {
    route: name,
    requestId: text,
    unitId,
    salt: text,
    bucket: Type.Integer({ minimum: 0, maximum: 9999 }),
    cohort: Type.String({ pattern: '^(hash|other|override:.+)$' }),
    reason: text,
    propensity: Type.Number({ minimum: 0, maximum: 1, description: 'share of units that get it' }),
    revision,
    intended: name,
    served: name
  },
  { additionalProperties: false }
)

/** One side of a pair. Bodies only where the shadow captures them: redacted, and cut with `truncated`. */
const side = {
  variant: name,
  model: Type.Union([
    Type.Null(),
    Type.Object(
      { name: Type.Optional(text), version: Type.Optional(text), digest: Type.Optional(text) },
      { additionalProperties: false }
    )
  ]),
  status: Type.Integer({ minimum: 0, maximum: 999, description: '0 when no answer came' }),
  outcome: Type.Enum([...OUTCOMES]),
  latencyMs: Type.Number({ minimum: 0, description: 'to the end of the answer' }),
  ttfbMs: Type.Union([Type.Null(), Type.Number({ minimum: 0 })], {
    description: 'to its first byte'
  }),
  bytes: Type.Integer({ minimum: 0, description: 'of the body as it was sent' }),
  sha256: Type.Union([Type.Null(), sha256], {
    description: 'of the body as it was sent; null without a whole one'
  }),
  truncated: Type.Boolean({ description: 'the body was larger than what is captured' }),
  bad: Type.Array(Type.Enum([...BAD_KINDS]), { description: 'what made a prediction bad' }),
  body: Type.Optional(text),
  bodyEncoding: Type.Optional(Type.Enum(['utf-8', 'base64']))
}

/** One request, what the champion answered and what the shadow answered, and how they differ. */
const pair = Type.Object(
  {
    route: name,
    revision,
    requestId: text,
    unitId: Type.Union([Type.Null(), unitId], {
      description: 'HMAC-SHA256, first 16 bytes; null for a request without a unit'
    }),
    at: time,
    primary: Type.Object(side, { additionalProperties: false }),
    shadow: Type.Object(
      { name: Type.String({ description: 'of the shadow' }), ...side },
      { additionalProperties: false }
    ),
    comparison: Type.Object(
      {
        compared: Type.Boolean({ description: 'the bodies were' }),
        agree: Type.Union([Type.Null(), Type.Boolean()], {
          description: 'no field differs; null where nothing was compared'
        }),
        why: Type.Union([Type.Null(), Type.Enum([...COMPARE_REFUSALS])], {
          description: 'why bodies were not compared'
        }),
        latencyRatio: Type.Union([Type.Null(), Type.Number({ minimum: 0 })], {
          description: 'shadow over primary'
        }),
        differences: Type.Array(
          Type.Object(
            {
              field: text,
              kind: Type.Enum([...DIFFERENCES]),
              primary: Type.Optional(Type.String({ maxLength: 200 })),
              shadow: Type.Optional(Type.String({ maxLength: 200 })),
              by: Type.Optional(Type.Number({ description: 'distance in the measure of the kind' }))
            },
            { additionalProperties: false }
          ),
          { maxItems: 50 }
        )
      },
      { additionalProperties: false }
    )
  },
  { additionalProperties: false }
)

/** JSON Schema of the whole record, by event type. */
export const eventSchemas: Readonly<Record<string, TObject>> = {
  [DECISION]: record(DECISION, decision),
  [EXPOSURE]: record(EXPOSURE, exposure),
  [PAIR]: record(PAIR, pair)
}

function record(type: string, data: TSchema): TObject {
  return Type.Object(
    {
      specversion: Type.Literal('1.0'),
      id: Type.String({ minLength: 1, description: 'unique: readers drop doubles by it' }),
      source: Type.String({ minLength: 1 }),
      type: Type.Literal(type),
      time,
      datacontenttype: Type.Literal('application/json'),
      partitionkey: Type.Optional(Type.String({ minLength: 1 })),
      data
    },
    { additionalProperties: false, title: type }
  )
}
