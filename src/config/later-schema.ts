/**
 * Keys that are known and not available in this version. They are refused by name and never ignored, so that
 * nobody believes to be protected by something that is not there.
 *
 * Exports: `LaterSchemas`.
 */
import { Type } from 'typebox'
import {
  block,
  decimal,
  duration,
  flag,
  later,
  list,
  named,
  secret,
  size,
  text,
  weight,
  whole,
  word
} from './keys.ts'

const DAY = 86_400_000
const strings = (description: string, initial: readonly string[]) =>
  list(text({ description: 'A word.' }), { description, default: initial })
const anything = (description: string) => Type.Unknown({ description })

export const LaterSchemas = {
  kafka: later(
    block(
      {
        brokers: strings('Where to begin.', ['127.0.0.1:9092']),
        clientId: text({ description: 'Its name to the brokers.', default: 'sluice' }),
        topics: block(
          {
            shadow: text({ description: 'Topic of pairs.', default: 'sluice.shadow' }),
            decisions: text({ description: 'Topic of audit entries.', default: 'sluice.decisions' })
          },
          { description: 'Topics.', default: {} }
        ),
        tls: anything('TLS towards the brokers.'),
        sasl: anything('Who we are to the brokers.')
      },
      { description: 'Where events go.' }
    )
  ),
  shadows: later(
    list(
      block(
        {
          name: text({ description: 'Its name.' }),
          variant: text({ description: 'Who gets the copies.' }),
          percent: weight({ description: 'Share of requests that are copied.' }),
          sample: word(['unit', 'request'], { description: 'What is sampled.', default: 'unit' }),
          timeout: duration({ description: 'For an answer.', default: '5s', min: 1, max: DAY }),
          concurrency: whole({ description: 'Copies at once.', default: 64, min: 1, max: 10_000 }),
          maxBody: size({ description: 'Of a copy.', default: '1MiB', min: 0, max: 1024 ** 3 }),
          methods: strings('Methods that are copied.', ['GET', 'HEAD', 'POST']),
          keepHeaders: strings('Credentials that stay in a copy.', []),
          rewriteModel: Type.Union([Type.Null(), text({ description: 'A model name.' })], {
            description: 'Model name for the body.',
            default: null
          }),
          compare: flag({ description: 'Compare the answers.', default: true }),
          ignore: strings('JSON Pointers that are not compared.', []),
          tolerance: block(
            {
              relative: decimal({ description: 'Of numbers.', default: 0.01, min: 0, max: 1 })
            },
            { description: 'How near is equal.', default: {} }
          ),
          capture: flag({ description: 'Keep bodies in events.', default: false }),
          redact: strings('JSON Pointers removed from them.', []),
          whileLive: flag({
            description: 'Go on while the variant has weight.',
            default: false
          })
        },
        { description: 'A shadow.' }
      ),
      { description: 'Variants that get copies of requests.', default: [] }
    )
  ),
  slo: later(
    block(
      {
        objective: decimal({ description: 'In percent.', default: 99.9, min: 0, max: 100 }),
        window: duration({ description: 'Over this time.', default: '30d', min: 1, max: 400 * DAY })
      },
      { description: 'An error budget.' }
    )
  ),
  probes: later(
    list(anything('A probe.'), {
      description: 'Scripted requests that show that a variant works.',
      default: []
    })
  ),
  policy: later(
    named('', 'a rule', anything('A rule.'), {
      description: 'What operators may do on the route.'
    })
  ),
  session: later(
    named('', 'a setting', anything('A setting.'), {
      description: 'Keeps a conversation on the variant where it began.'
    })
  ),
  rollout: later(text({ description: 'Name of a plan.' })),
  plans: later(
    named('', 'a name', anything('A plan.'), {
      description: 'Plans of rollouts beside the built-in ones.',
      default: {}
    })
  ),
  notify: later(
    list(anything('A webhook.'), { description: 'Webhooks that are told.', default: [] })
  )
}

export const unitKey = secret(
  'Keys the HMAC of units in events and logs. Default: a random one, kept in the state directory.'
)
