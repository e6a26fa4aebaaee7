/**
 * Keys of `routes.*.shadows[]`: a variant that gets copies of requests and whose answers go to nobody.
 *
 * Exports: `ShadowsSchema`, `MAX_SHADOWS`. What goes together is in shadow-rules.ts.
 */
import { Type } from 'typebox'
import { NAME } from '../domain/route.ts'
import {
  block,
  decimal,
  duration,
  FIELD,
  FIELD_SAYS,
  flag,
  list,
  NAME_SAYS,
  size,
  text,
  weight,
  whole,
  word
} from './keys.ts'
import { pointer } from './pointer.ts'

/** Most shadows of one route: each is another copy of its traffic. */
export const MAX_SHADOWS = 8

const DAY = 86_400_000
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const shadow = block(
  {
    name: text({
      description: 'Its name, unique in the route; it salts the sample and names the results.',
      pattern: NAME.source,
      says: NAME_SAYS
    }),
    variant: text({
      description: 'Who gets the copies: a variant of the route, and not the champion.',
      pattern: NAME.source,
      says: NAME_SAYS
    }),
    percent: weight({
      description: 'Share that is copied, of units or of requests, in percent; it has no default.'
    }),
    sample: word(['unit', 'request'], {
      description:
        'What is sampled: units (salt `shadow.<name>`), so that the same users are copied always, or each request by itself. Requests without a unit are sampled by themselves with either.',
      default: 'unit'
    }),
    timeout: duration({
      description: 'For the whole answer of the shadow.',
      default: '5s',
      min: 1,
      max: DAY
    }),
    concurrency: whole({
      description:
        'Copies at once, per process; one beyond it waits for 250 ms at most, and is then dropped and counted.',
      default: 64,
      min: 1,
      max: 10_000
    }),
    maxBody: size({
      description:
        'Largest request body that is copied, and how much of an answer is captured. All copies under way share 64 MiB.',
      default: '1MiB',
      min: 0,
      max: 32 * 1024 ** 2
    }),
    methods: list(word([...METHODS], { description: 'A method.' }), {
      description: 'Methods that are copied.',
      default: ['GET', 'HEAD', 'POST'],
      min: 1,
      max: METHODS.length
    }),
    keepHeaders: list(text({ description: 'A field.', pattern: FIELD, says: FIELD_SAYS }), {
      description:
        'Credentials that stay in a copy. Left out, `authorization`, `cookie`, `proxy-authorization` and `x-api-key` are removed; the champion gets them with the copies for `noise`, as it had them.',
      default: [],
      max: 50
    }),
    rewriteModel: Type.Union([Type.Null(), text({ description: 'A model name.', max: 256 })], {
      description: 'Model name to put into the field `model` of a copied JSON body.',
      default: null
    }),
    compare: flag({
      description:
        "Compare the answer with the champion's, as the route's protocol says. Under `opaque` there are no fields: status, outcome and bytes are compared.",
      default: true
    }),
    ignore: list(pointer('A JSON Pointer.'), {
      description:
        'What of an answer is not compared, as JSON Pointers; `*` in one is any index or name. `id`, `created`, `model`, `model_name`, `model_version` and `system_fingerprint` at the top never are, unless `predictions` names them.',
      default: [],
      max: 100
    }),
    tolerance: block(
      {
        relative: decimal({
          description: 'Numbers are equal when they differ by no more than this share.',
          default: 0.01,
          min: 0,
          max: 1
        })
      },
      { description: 'How near is equal.', default: {} }
    ),
    noise: weight({
      description:
        'Percent of the copies that the champion gets a second time, so that a difference counts only where it is more than the champion has from itself; 0 turns it off.',
      default: 5
    }),
    capture: flag({
      description:
        'Keep the bodies of both answers in events and examples, cut at `maxBody`; those of requests are kept nowhere.',
      default: false
    }),
    redact: list(pointer('A JSON Pointer.'), {
      description:
        'What is removed from captured bodies, as JSON Pointers; `*` in one is any index or name.',
      default: [],
      max: 100
    }),
    whileLive: flag({
      description:
        'Go on while the variant has weight. Otherwise the shadow pauses then, for its copies would be many times the traffic that the weight means.',
      default: false
    })
  },
  { description: 'A shadow.' }
)

export const ShadowsSchema = list(shadow, {
  description:
    'Variants that get copies of what the champion answers. Their answers go to nobody and never enter the triggers.',
  default: [],
  max: MAX_SHADOWS
})
