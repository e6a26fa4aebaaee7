/**
 * Keys of `routes.*.triggers`: what takes a challenger out of traffic at once.
 *
 * Exports: `TriggersSchema`. Defaults are those of the detectors' table; a trigger that is `off` is off, and
 * `gross` cannot be.
 */
import { type TProperties, Type } from 'typebox'
import { block, decimal, duration, flag, list, optional, percent, word } from './keys.ts'

const HOUR = 3_600_000

const acting = {
  action: word(['rollback', 'pause', 'notify'], {
    description:
      'What an alarm does: take the challenger out, refuse raises and leave its traffic, or only tell.',
    default: 'rollback'
  }),
  dryRun: flag({
    description: 'Report what an alarm would have done and do nothing.',
    default: false
  })
}

const KIND = word(['null', 'nan', 'infinite', 'empty', 'shape', 'unparsable'], {
  description: 'A kind of bad prediction.'
})

export const TriggersSchema = block(
  {
    alphaPerDay: decimal({
      description:
        'False rollbacks per challenger and day that all triggers together may cause. Smaller is slower.',
      default: 0.001,
      min: 1e-9,
      max: 0.5
    }),
    errors: trigger(
      'Failures (5xx, 408, connect, timeout, reset, invalid answers, shed by the challenger) beyond those of the champion.',
      {
        ratio: decimal({
          description: "Multiple of the champion's rate that is a rollback by itself.",
          default: 5,
          min: 1.1,
          max: 1000
        }),
        max: percent({
          description:
            'Rate that is a rollback where the champion does better, however small the ratio.',
          default: '10%',
          min: 0.0001,
          max: 1
        })
      }
    ),
    clientErrors: trigger('Answers 4xx (429 too) beyond those of the champion.', {
      ratio: decimal({
        description: "Multiple of the champion's rate that is a rollback by itself.",
        default: 5,
        min: 1.1,
        max: 1000
      })
    }),
    badPredictions: trigger('Requests whose answer holds at least one bad prediction.', {
      max: percent({
        description: 'Rate above which it is a rollback where the champion does better.',
        default: '1%',
        min: 0.0001,
        max: 1
      }),
      kinds: optional(
        list(
          Type.Union([KIND, Type.Null()], { description: 'A kind; a bare null is the kind null.' }),
          {
            description:
              'The kinds that count. Default: nan, infinite, null, unparsable, shape, and for chat protocols (openai, anthropic) empty too.',
            min: 1,
            max: 6
          }
        )
      )
    }),
    latency: Type.Union(
      [
        word(['off'], { description: 'Off.' }),
        Type.Literal(false),
        block(
          {
            sla: duration({ description: 'The time that is promised.', min: 1, max: HOUR }),
            of: word(['total', 'first-byte'], {
              description: 'What is timed: the whole answer, or its first byte, for streams.',
              default: 'total'
            }),
            percentile: decimal({
              description: 'Share of requests in percent that must be within the SLA.',
              default: 99,
              min: 50,
              max: 99.99
            }),
            ...acting
          },
          { description: 'On, with an SLA.' }
        )
      ],
      {
        description: 'Answers slower than the SLA. Off until an `sla` is given.',
        default: 'off'
      }
    ),
    absence: trigger('Requests that are never answered while the champion answers.', {
      after: Type.Union(
        [
          word(['auto'], { description: 'Three times the p99.9 of the champion, at least 10 s.' }),
          duration({ description: 'A fixed time.', min: 1000, max: HOUR })
        ],
        {
          description:
            'How long the oldest request may wait; `auto` is max(10s, 3 × the p99.9 of the champion).',
          default: 'auto'
        }
      ),
      startup: duration({
        description:
          'How long an address without any success may fail its health check before it counts.',
        default: '5m',
        min: 0,
        max: 24 * HOUR
      })
    }),
    gross: block(acting, {
      description:
        'Nearly every recent call failed. Always on, for it is what makes a dead challenger leave in about nine requests.',
      says: 'a map with action and dryRun; this trigger is always on',
      default: {}
    })
  },
  {
    description:
      'What takes a challenger out at once. All are on but `latency`, which needs an SLA; `off` or `false` turns one off.',
    default: {}
  }
)

/** A trigger that may be off; on with its defaults when it is left out. */
function trigger<P extends TProperties>(description: string, settings: P) {
  return Type.Union(
    [
      word(['off'], { description: 'Off.' }),
      Type.Literal(false),
      block({ ...settings, ...acting }, { description: 'On, with these settings.' })
    ],
    { description, default: {} }
  )
}
