/**
 * Keys of `routes.*.variants.*`: a model version, its addresses and how to talk to them.
 *
 * Exports: `VariantSchema`.
 */
import { Type } from 'typebox'
import {
  block,
  duration,
  FIELD,
  FIELD_SAYS,
  flag,
  later,
  list,
  named,
  optional,
  secret,
  text,
  whole,
  word
} from './keys.ts'

const DAY = 86_400_000
const VALUE = '^[\\x20-\\x7e\\t]*$'

const upstream = block(
  {
    url: text({
      description:
        'Origin: http or https, host and port; no user, path or query. Loopback is allowed here.',
      says: 'an origin such as "http://10.0.0.4:8000"'
    }),
    resolve: word(['all'], {
      description: 'Which addresses of a name are used: every one that it has.',
      default: 'all'
    }),
    refresh: duration({
      description: 'How often the name is resolved again; the last good answer stays on failure.',
      default: '5s',
      min: 1000,
      max: DAY
    })
  },
  { description: 'An upstream with settings of its own.' }
)

const health = block(
  {
    path: text({
      description: 'Asked with GET; any 2xx is healthy.',
      pattern: '^/[\\x21-\\x7e]*$',
      says: 'a path that starts with "/"'
    }),
    interval: duration({
      description: 'Time between two checks of an address.',
      default: '5s',
      min: 100,
      max: 3_600_000
    }),
    unhealthy: whole({
      description: 'Failures in a row that put an address out.',
      default: 3,
      min: 1,
      max: 100
    }),
    healthy: whole({
      description: 'Successes in a row that bring it back.',
      default: 2,
      min: 1,
      max: 100
    })
  },
  {
    description:
      'Active checks of each address. Without it an address is judged by its connections alone.'
  }
)

const tls = block(
  {
    ca: optional(secret('Authorities to believe (PEM) in place of those of the system.')),
    cert: optional(secret('Client certificate (PEM), with `key`.')),
    key: optional(secret('Key of the client certificate (PEM, not encrypted).')),
    verify: flag({
      description:
        'Verify the certificate of the upstream. Turning it off lets anybody on the way read and change traffic; it is loud in log, metrics and status.',
      default: true
    }),
    serverName: Type.Union([Type.Null(), text({ description: 'A name.' })], {
      description: 'Name to ask for and to verify, where it is not the host of the URL.',
      default: null
    })
  },
  { description: 'TLS towards the upstreams; for https URLs.' }
)

const rewrite = block(
  {
    path: Type.Union(
      [
        Type.Null(),
        block(
          {
            from: text({
              description: 'Beginning of the path that is replaced.',
              pattern: '^/[\\x21-\\x7e]*$',
              says: 'a path that starts with "/"'
            }),
            to: text({
              description: 'What stands there instead.',
              pattern: '^/[\\x21-\\x7e]*$',
              says: 'a path that starts with "/"'
            })
          },
          { description: 'A beginning and what replaces it.' }
        )
      ],
      { description: 'Replaces the beginning of the path; other paths pass.', default: null }
    ),
    host: Type.Union([Type.Null(), text({ description: 'A host, with a port if needed.' })], {
      description: 'Host field for the upstream, where it is not that of the URL.',
      default: null
    }),
    headers: block(
      {
        set: named(
          FIELD,
          FIELD_SAYS,
          Type.String({
            description: 'A value.',
            pattern: VALUE,
            maxLength: 8192,
            'x-says': 'a string of printable ASCII'
          }),
          {
            description: 'Request fields to set, replacing what the client sent.',
            default: {},
            max: 50
          }
        ),
        remove: list(text({ description: 'A field.', pattern: FIELD, says: FIELD_SAYS }), {
          description: 'Request fields to remove. `set` wins over `remove`.',
          default: [],
          max: 50
        })
      },
      { description: 'Request fields towards the upstream.', default: {} }
    ),
    model: later(
      Type.Union([Type.Null(), text({ description: 'A model name.' })], {
        description: 'Model name to put into the request body.',
        default: null
      })
    )
  },
  { description: 'What is changed in a request before it is sent to this variant.' }
)

export const VariantSchema = block(
  {
    upstreams: list(
      Type.Union(
        [
          text({ description: 'An origin.', says: 'an origin such as "http://10.0.0.4:8000"' }),
          upstream
        ],
        {
          description: 'An origin, or an origin with settings.'
        }
      ),
      {
        description:
          'Addresses of the variant, as origins or with settings. They may change at any time, by a reload or through the API.',
        precedence: 'Upstreams set through the API win over the file until the variant is removed.',
        min: 1,
        max: 64
      }
    ),
    model: block(
      {
        name: optional(text({ description: 'Name that the server knows it by.', max: 256 })),
        version: optional(
          text({ description: 'Version, as text: write "3", with quotes.', max: 256 })
        ),
        digest: optional(
          text({ description: 'Digest of the artefact, such as sha256:….', max: 256 })
        )
      },
      {
        description:
          'Which model this is. It cannot change under the same variant name, or the evidence about it would be about two models.',
        default: {}
      }
    ),
    health: optional(health),
    balance: word(['least-in-flight', 'unit-hash'], {
      description:
        'How an address is chosen: the one with the fewest requests in flight, or by the unit, so that a prefix cache stays warm.',
      default: 'least-in-flight'
    }),
    keepAlive: duration({
      description:
        "How long an idle connection is kept. Shorter than the server's own limit, so that no request is sent into a connection that is being closed.",
      default: '1500ms',
      precedence: "A server's `Keep-Alive: timeout` wins.",
      min: 1,
      max: 600_000
    }),
    tls: optional(tls),
    rewrite: optional(rewrite)
  },
  { description: 'A named model version behind the route.' }
)
