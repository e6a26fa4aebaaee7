/**
 * Schemas of what the admin API gives of a shadow: how it is set, how it runs, and what its pairs say.
 *
 * The numbers are those of the replica that answers; nothing of another replica is in them.
 */
import { type TSchema, Type } from 'typebox'
import { DIFFERENCES } from '../domain/compare/comparison.ts'
import { SHADOW_DROPS } from '../domain/shadow.ts'

const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const texts = Type.Array(text)
const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()])
const number = orNull(Type.Number())
const counts = (description: string) => Type.Record(Type.String(), count, { description })

const Settings = Type.Object(
  {
    percent: Type.Number(),
    sample: Type.Enum(['unit', 'request']),
    timeout: Type.Number({ description: 'ms, for the whole answer' }),
    concurrency: count,
    maxBody: Type.Integer({ description: 'bytes' }),
    methods: texts,
    keepHeaders: texts,
    rewriteModel: orNull(text),
    compare: Type.Boolean(),
    ignore: texts,
    tolerance: Type.Object({ relative: Type.Number() }),
    noise: Type.Number({ description: 'percent of copies that the champion gets a second time' }),
    capture: Type.Boolean(),
    redact: texts,
    whileLive: Type.Boolean()
  },
  { description: 'As the configuration has them' }
)

const Share = Type.Object(
  { agree: count, of: count, ratio: number, low: number, high: number },
  { description: 'agree of `of` pairs, as a ratio with its 95 % interval' }
)

const Field = Type.Object({
  field: text,
  ...Share.properties,
  kinds: counts(`Differences by kind: ${DIFFERENCES.join(', ')}`),
  meanDifference: number,
  meanLow: number,
  meanHigh: number,
  noise: Type.Object(
    {
      of: count,
      differs: count,
      onlyShadow: count,
      onlyNoise: count,
      p: orNull(Type.Number({ description: 'exact McNemar, one-sided' }))
    },
    { description: 'How often the champion differs from itself on the same requests' }
  ),
  reported: Type.Boolean({ description: 'The shadow differs more than the champion from itself' })
})

const Exemplar = Type.Object({
  requestId: text,
  at: text,
  kind: text,
  primary: orNull(text),
  shadow: orNull(text)
})

export const Agreement = Type.Object(
  {
    pairs: count,
    compared: count,
    refused: counts('Pairs whose bodies were not compared, by reason'),
    noiseMissed: counts(
      'Second answers of the champion that did not come in the time of a copy, by outcome'
    ),
    overall: Share,
    fields: Type.Array(Field, { description: 'Those that differ most first' }),
    latency: Type.Object(
      { pairs: count, ratio: number, low: number, high: number },
      {
        description:
          'Shadow over champion, geometric mean with its 95 % interval, of pairs in which the shadow process was not late itself'
      }
    ),
    exemplars: Type.Record(Type.String(), Type.Array(Exemplar), { description: 'By field' })
  },
  { description: 'What the pairs say together, on the replica that answers' }
)

export const Shadow = Type.Object({
  route: text,
  shadow: text,
  variant: text,
  on: Type.Boolean({ description: 'As it was switched, for all replicas' }),
  state: Type.Enum(['on', 'off', 'live'], {
    description: 'What happens; `live`: paused while the variant has traffic of its own'
  }),
  applied: Type.Object(
    { threads: count, of: count },
    { description: 'Data threads of the replica that answers which work with this state' }
  ),
  settings: Settings,
  considered: Type.Integer({ minimum: 0, description: 'Requests that the champion answered' }),
  dropped: counts(`Requests that were not copied, by reason: ${SHADOW_DROPS.join(', ')}`),
  outcomes: counts('Copies by how they ended'),
  agreement: orNull(Agreement),
  revision: Type.String({ description: 'Of the document of the route' })
})
export const Shadows = Type.Array(Shadow)
