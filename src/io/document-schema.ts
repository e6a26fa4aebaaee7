/**
 * What a route's document looks like when it comes from outside the process, from a file or from a store.
 *
 * A value passes only as a whole: every field of the schema and no other, names that are names, ranges that
 * are disjoint inside 0..10000, a champion that is no challenger, no ranges for what is rolled back.
 */
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { ledgerOf, PHASES, phaseOf, type RouteDocument } from '../domain/document.ts'
import { disjoint } from '../domain/ranges.ts'
import { NAME, SALT } from '../domain/route.ts'

export type Checked =
  | { readonly ok: true; readonly document: RouteDocument }
  | { readonly ok: false; readonly reason: string }

/** The document that `value` is, or the first thing that is wrong with it. */
export function checkDocument(value: unknown, route: string): Checked {
  if (!isDocument(value)) return wrong(firstFault(value))
  if (value.route !== route) return wrong(`it is the document of route ${value.route}`)
  if (Object.hasOwn(value.challengers, value.champion)) {
    return wrong(`${value.champion} is champion and challenger`)
  }
  if (!disjoint(ledgerOf(value))) return wrong('its ranges overlap or leave 0..10000')
  for (const [name, challenger] of Object.entries(value.challengers)) {
    if (challenger.rollback !== null && challenger.ranges.length > 0) {
      return wrong(`${name} is rolled back and has ranges`)
    }
  }
  if (value.phase !== phaseOf(value.challengers)) return wrong(`its phase is not ${value.phase}`)
  return { ok: true, document: value }
}

const strict = { additionalProperties: false } as const
const text = Type.String()
const count = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const name = Type.String({ pattern: NAME.source })
const bucket = Type.Integer({ minimum: 0, maximum: 10_000 })

const pause = Type.Object({ by: text, at: text, reason: text }, strict)

const rollback = Type.Object(
  {
    id: text,
    trigger: text,
    by: text,
    at: text,
    reason: text,
    evidence: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())])
  },
  strict
)

const challenger = Type.Object(
  {
    rolloutId: text,
    ranges: Type.Array(Type.Tuple([bucket, bucket])),
    paused: Type.Union([Type.Null(), pause]),
    rollback: Type.Union([Type.Null(), rollback])
  },
  strict
)

const model = Type.Object(
  { name: Type.Optional(text), version: Type.Optional(text), digest: Type.Optional(text) },
  strict
)

const variant = Type.Object(
  { upstreams: Type.Array(text), model: Type.Union([Type.Null(), model]) },
  strict
)

/** JSON Schema of the document, as state.md has it. */
export const documentSchema = Type.Object(
  {
    schema: Type.Literal(1),
    route: name,
    epoch: count,
    revision: count,
    salt: Type.String({ pattern: SALT.source }),
    phase: Type.Union(PHASES.map(phase => Type.Literal(phase))),
    champion: name,
    challengers: Type.Record(name, challenger, strict),
    rollout: Type.Null(),
    registry: Type.Record(name, variant, strict),
    shadows: Type.Record(name, Type.Object({ on: Type.Boolean() }, strict), strict),
    by: text,
    at: text,
    previous: Type.String({ pattern: '^([0-9a-f]{64})?$' })
  },
  strict
)

const compiled = Compile(documentSchema)

function isDocument(value: unknown): value is RouteDocument {
  return compiled.Check(value)
}

function firstFault(value: unknown): string {
  const fault = compiled.Errors(value)[0]
  if (fault === undefined) return 'it is no document'
  return `${fault.instancePath === '' ? 'it' : fault.instancePath} ${fault.message}`
}

function wrong(reason: string): Checked {
  return { ok: false, reason }
}
