/**
 * Keys of `routes.*`: what a route matches, what is hashed, its variants and how it behaves.
 *
 * Exports: `RouteSchema`.
 */
import { MAX_VARIANTS, NAME, PROTOCOLS, SALT } from '../domain/route.ts'
import {
  block,
  duration,
  flag,
  list,
  NAME_SAYS,
  named,
  optional,
  size,
  text,
  weight,
  whole,
  word
} from './keys.ts'
import { LaterSchemas } from './later-schema.ts'
import { pointer } from './pointer.ts'
import { RuleSchemas } from './rule-schema.ts'
import { ShadowsSchema } from './shadow-schema.ts'
import { TriggersSchema } from './trigger-schema.ts'
import { VariantSchema } from './variant-schema.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const name = (description: string) => text({ description, pattern: NAME.source, says: NAME_SAYS })

export const RouteSchema = block(
  {
    match: RuleSchemas.match,
    protocol: word([...PROTOCOLS], {
      description:
        'How the bodies are read: which calls are predictions, and what a bad one is. Never guessed; `opaque` looks at nothing.',
      default: 'opaque'
    }),
    hashOn: RuleSchemas.hashOn,
    onMissingUnit: word(['champion', 'reject'], {
      description: 'What a request without unit gets: the champion, or 400.',
      default: 'champion'
    }),
    variants: named(NAME.source, NAME_SAYS, VariantSchema, {
      description: 'The model versions of the route, by name.',
      min: 1,
      max: MAX_VARIANTS
    }),
    champion: optional(
      name('The variant in production. It may be left out where there is only one variant.')
    ),
    initialWeights: optional(
      named(
        NAME.source,
        NAME_SAYS,
        weight({ description: 'Share in percent, at most two decimals.' }),
        {
          description:
            'The first state of the route, in percent; the sum is 100 and a variant left out gets 0. Default: the champion 100.',
          precedence:
            'Used once. Afterwards the state store is the truth, and an edit here is reported as ignored.',
          max: MAX_VARIANTS
        }
      )
    ),
    overrides: RuleSchemas.overrides,
    salt: optional(
      text({
        description:
          'What the hash is salted with, so that two routes do not pick the same users. Default: `<route>.0`.',
        pattern: SALT.source,
        says: 'a salt: letters, digits, ".", "_" and "-", at most 200'
      })
    ),
    predictions: list(pointer('A JSON Pointer into an answer.'), {
      description:
        'Where the predictions of an answer are, as JSON Pointers, in place of the usual members `/predictions`, `/prediction`, `/outputs`, `/output`, `/result`, `/results`, `/scores` and `/score`, or the whole document where it has none of these. Pointers of which nothing is in an answer make it a bad prediction (`empty`). For `protocol: json`; the others say it themselves.',
      default: [],
      max: 20
    }),
    shadows: ShadowsSchema,
    onUnavailable: word(['champion', 'error'], {
      description:
        'A challenger that refuses the connection: the champion answers and the failure still counts, or the client gets 502.',
      default: 'champion'
    }),
    triggers: TriggersSchema,
    slo: LaterSchemas.slo,
    probes: LaterSchemas.probes,
    policy: LaterSchemas.policy,
    session: LaterSchemas.session,
    lane: word(['general', 'express', 'auto'], {
      description: 'Which lane serves the route.',
      default: 'auto',
      later: ['express']
    }),
    timeouts: block(
      {
        connect: duration({
          description: 'For a connection to an address.',
          default: '1s',
          min: 10,
          max: 60_000
        }),
        firstByte: optional(
          duration({
            description:
              'From the request to the first byte of the answer. Default: 60s, and 600s where the protocol is openai.',
            min: 10,
            max: DAY
          })
        ),
        idle: duration({
          description: 'Between two parts of an answer.',
          default: '30s',
          min: 10,
          max: DAY
        }),
        streamIdle: duration({
          description: 'Between two parts of a stream (server-sent events, NDJSON, upgrades).',
          default: '300s',
          min: 10,
          max: DAY
        })
      },
      { description: 'Limits of waiting for an upstream.', default: {} }
    ),
    stream: block(
      {
        grace: duration({
          description: 'How long streams of a rolled-back variant may run on.',
          default: '10m',
          min: 0,
          max: DAY
        }),
        cut: flag({ description: 'End them at once instead.', default: false })
      },
      { description: 'Streams of a variant that is rolled back.', default: {} }
    ),
    limits: block(
      {
        body: size({
          description: 'Largest request body; beyond it 413.',
          default: '32MiB',
          min: 0,
          max: 16 * 1024 ** 3
        }),
        inFlight: whole({
          description:
            'Requests in flight per process, for the route and for each of its variants; beyond it 503 at once.',
          default: 1024,
          min: 1,
          max: 1_000_000
        })
      },
      { description: 'Limits of the route.', default: {} }
    ),
    headers: block(
      {
        variant: flag({ description: 'X-Sluice-Variant: who answered.', default: true }),
        revision: flag({
          description: 'X-Sluice-Revision: the revision of the route that decided.',
          default: true
        }),
        reason: flag({ description: 'X-Sluice-Reason: why this variant.', default: false })
      },
      { description: 'Fields that are added to answers.', default: {} }
    ),
    rollout: LaterSchemas.rollout
  },
  { description: 'A match rule, a unit and variants.' }
)
