/**
 * Keys of a route that say who gets what: `match`, `hashOn` and `overrides`.
 *
 * Exports: `RuleSchemas`. No regular expression ever comes from a configuration.
 */
import { Type } from 'typebox'
import { MAX_VARIANTS, NAME } from '../domain/route.ts'
import {
  block,
  duration,
  FIELD,
  flag,
  list,
  NAME_SAYS,
  named,
  optional,
  text,
  weight,
  word
} from './keys.ts'
import { pointer } from './pointer.ts'

const TESTS = ['exact', 'prefix', 'in', 'present']
const field = (description: string) =>
  text({ description, pattern: FIELD, says: 'the name of a header field' })
const variant = (description: string) =>
  text({ description, pattern: NAME.source, says: NAME_SAYS })

const tests = {
  exact: optional(Type.String({ description: 'Equal to this, to the byte.', maxLength: 8192 })),
  prefix: optional(text({ description: 'Begins with this.', max: 8192 })),
  in: optional(
    list(Type.String({ description: 'A value.', maxLength: 8192 }), {
      description: 'Equal to one of these.',
      min: 1,
      max: 10_000
    })
  ),
  present: optional(flag({ description: 'There at all (true), or not (false).' }))
}

const valueTest = Type.Union(
  [
    Type.String({ description: 'Equal to this.', maxLength: 8192 }),
    block(tests, { description: 'Exactly one test.', oneOf: TESTS })
  ],
  { description: 'A value to be equal to, or exactly one test.' }
)

const named1 = (description: string, pattern?: string) =>
  optional(
    block(
      {
        name: text({
          description: 'Its name.',
          max: 256,
          ...(pattern ? { pattern, says: 'a name of a field' } : {})
        }),
        ...tests
      },
      { description, oneOf: TESTS }
    )
  )

const condition = Type.Cyclic(
  {
    Condition: block(
      {
        header: named1('A request field.', FIELD),
        query: named1('A query parameter.'),
        cookie: named1('A cookie.', FIELD),
        unit: optional(block(tests, { description: 'The unit.', oneOf: TESTS })),
        all: optional(
          list(Type.Ref('Condition'), { description: 'All of these hold.', min: 1, max: 50 })
        ),
        any: optional(
          list(Type.Ref('Condition'), { description: 'One of these holds.', min: 1, max: 50 })
        ),
        not: optional(Type.Ref('Condition', { description: 'This does not hold.' }))
      },
      {
        description: 'Exactly one condition.',
        oneOf: ['header', 'query', 'cookie', 'unit', 'all', 'any', 'not']
      }
    )
  },
  'Condition',
  { description: 'Whose requests it is for: exactly one condition.' }
)

const source = Type.Union(
  [
    word(['clientIp'], { description: "The client's address." }),
    block(
      {
        header: optional(field('A request field.')),
        cookie: optional(
          text({ description: 'A cookie.', pattern: FIELD, says: 'the name of a cookie' })
        ),
        query: optional(text({ description: 'A query parameter.', max: 256 })),
        jwt: optional(
          text({
            description:
              'A claim of the bearer token. Read, not verified: only behind something that verifies.',
            max: 256
          })
        ),
        setCookie: optional(
          block(
            {
              name: text({
                description: 'Its name.',
                default: 'sluice-unit',
                pattern: FIELD,
                says: 'the name of a cookie'
              }),
              maxAge: duration({
                description: 'How long a browser keeps it.',
                default: '30d',
                min: 1000,
                max: 400 * 86_400_000
              })
            },
            { description: 'A random unit in a cookie that we set. A last resort.' }
          )
        ),
        clientIp: optional(
          Type.Literal(true, {
            description: "The client's address. A last resort: many users share one."
          })
        ),
        request: optional(
          word(['random'], {
            description:
              'Each request by itself. A last resort: a user is thrown about and no experiment counts it.'
          })
        ),
        json: optional(
          pointer(
            'JSON Pointer into the request body, at any size up to `limits.body`: a string or a number there is the unit. The first of members with one name counts, and nothing behind it is waited for: a body that ends early still has the unit that was read. Under every protocol; a body that is no JSON has none.'
          )
        ),
        tensor: optional(
          text({
            description:
              'Name of an Open Inference input, or `parameters.<name>`. For `protocol: open-inference`.',
            max: 256
          })
        ),
        dataframe: optional(
          text({ description: 'Column of a dataframe. For `protocol: mlflow`.', max: 256 })
        ),
        field: optional(
          word(['user', 'safety_identifier', 'metadata.user_id'], {
            description:
              'A field of a request of `protocol: openai`, or `metadata.user_id` of `protocol: anthropic`.'
          })
        )
      },
      {
        description: 'One source.',
        oneOf: [
          'header',
          'cookie',
          'query',
          'jwt',
          'setCookie',
          'clientIp',
          'request',
          'json',
          'tensor',
          'dataframe',
          'field'
        ]
      }
    )
  ],
  { description: 'One source of the unit.' }
)

const override = block(
  {
    name: variant('Its name, for explain and events.'),
    when: condition,
    from: word(['any', 'trusted'], {
      description:
        'Whose requests it believes: anybody, or peers in `trustedProxies` alone. Whoever can send the field can choose the variant.',
      default: 'any'
    }),
    variant: optional(variant('The variant that they get.')),
    split: optional(
      named(
        NAME.source,
        NAME_SAYS,
        weight({ description: 'Share in percent, at most two decimals.' }),
        {
          description: 'Or a split of its own, in percent; the sum is 100.',
          min: 1,
          max: MAX_VARIANTS
        }
      )
    )
  },
  { description: 'A rule that beats the hash.', oneOf: ['variant', 'split'] }
)

export const RuleSchemas = {
  match: block(
    {
      hosts: list(text({ description: 'A host without port.', max: 300 }), {
        description: 'Hosts that the route serves; none means any. The port of Host is ignored.',
        default: [],
        max: 100
      }),
      paths: list(text({ description: 'A path.', max: 8000 }), {
        description:
          'Paths that the route serves. One that ends in "/" matches everything under it, any other exactly.',
        default: ['/'],
        min: 1,
        max: 100
      }),
      headers: named(FIELD, 'the name of a header field', valueTest, {
        description: 'Request fields that must hold as well.',
        default: {},
        max: 20
      }),
      query: named('^[\\s\\S]{1,256}$', 'the name of a query parameter', valueTest, {
        description: 'Query parameters that must hold as well.',
        default: {},
        max: 20
      })
    },
    {
      description: 'Which requests the route serves.',
      precedence:
        'The most specific route wins: a named host before any, then the longest path, then more conditions.',
      default: {}
    }
  ),
  hashOn: list(source, {
    description:
      'The unit: what is hashed. The first source that is present in a request wins. Without one the champion answers.',
    default: [],
    max: 20
  }),
  overrides: list(override, {
    description: 'Rules that beat the hash, in order; the first that holds decides.',
    precedence: 'A rollback beats an override: the champion answers.',
    default: [],
    max: 100
  })
}
