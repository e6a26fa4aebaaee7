/**
 * Keys that are known and not available in this version. They are refused by name and never ignored, so that
 * nobody believes to be protected by something that is not there.
 *
 * Exports: `LaterSchemas`.
 */
import { Type } from 'typebox'
import { block, decimal, duration, later, list, named, secret, text } from './keys.ts'

const DAY = 86_400_000
const anything = (description: string) => Type.Unknown({ description })

export const LaterSchemas = {
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
