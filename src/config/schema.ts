/**
 * The schema of a configuration file: every key with its meaning and its default, the one source of truth.
 *
 * Exports: `ConfigSchema`, `ConfigFile` (a file with its defaults filled in), and the resolved types `Config`,
 * `RouteConfig`, `VariantConfig` from config.ts. Types, validation, config/schema.json and the reference page
 * are all made from here.
 */
import { type Static, Type } from 'typebox'
import { NAME } from '../domain/route.ts'
import { KafkaSchema } from './kafka-schema.ts'
import {
  block,
  duration,
  list,
  NAME_SAYS,
  named,
  optional,
  percent,
  secret,
  text,
  whole,
  word
} from './keys.ts'
import { LaterSchemas, unitKey } from './later-schema.ts'
import { RedisSchema } from './redis-schema.ts'
import { RouteSchema } from './route-schema.ts'

export type { Config, RouteConfig, VariantConfig } from './config.ts'

const DAY = 86_400_000
export const MAX_ROUTES = 1000
const ADDRESS_SAYS = 'an address such as "0.0.0.0:8080" or "[::1]:8080"'

const listen = (description: string, initial?: string) =>
  Type.Union(
    [
      text({ description: 'Host and port.', says: ADDRESS_SAYS, max: 300 }),
      block(
        {
          address: text({ description: 'Host and port.', says: ADDRESS_SAYS, max: 300 }),
          tls: optional(
            block(
              {
                cert: secret('Certificate chain (PEM).'),
                key: secret('Its key (PEM, not encrypted).')
              },
              { description: 'Serves TLS with this certificate.' }
            )
          )
        },
        { description: 'Host and port, and TLS.' }
      )
    ],
    { description, ...(initial === undefined ? {} : { default: initial }) }
  )

export const ConfigSchema = block(
  {
    listen: listen('Where clients connect. Port 0 lets the system choose.', '0.0.0.0:8080'),
    threads: Type.Union(
      [
        word(['auto'], { description: 'The smaller of 4 and the CPU quota.' }),
        whole({ description: 'A number.', min: 1, max: 64 })
      ],
      {
        description:
          'Data threads. `auto` is the smaller of 4 and the CPU quota; a sidecar wants 1. Always 1 where the system is not Linux.',
        default: 'auto'
      }
    ),
    admin: block(
      {
        listen: listen(
          'Where operators connect. Another address than loopback needs TLS and tokens.',
          '127.0.0.1:9911'
        ),
        allowedHosts: list(text({ description: 'A host, with a port if needed.', max: 300 }), {
          description: 'Host names that are served beside localhost and the listen address.',
          default: [],
          max: 100
        }),
        tokens: list(
          block(
            {
              id: text({
                description: 'Its name in the audit log; never the token.',
                pattern: '^[A-Za-z0-9._-]{1,64}$',
                says: 'an id: letters, digits, ".", "_" and "-", at most 64'
              }),
              role: word(['viewer', 'breaker', 'operator', 'admin'], {
                description:
                  'What it may do: read; also roll back; also change weights; also change variants and reload.'
              }),
              env: optional(text({ description: 'Environment variable that holds it.' })),
              file: optional(text({ description: 'File that holds it.' })),
              sha256: optional(
                text({
                  description: 'SHA-256 of it, in hex.',
                  pattern: '^[0-9A-Fa-f]{64}$',
                  says: 'a SHA-256 in hex, 64 digits; a token itself never stands in this file',
                  secret: true
                })
              )
            },
            { description: 'A token.', oneOf: ['env', 'file', 'sha256'] }
          ),
          {
            description:
              'Who may use the admin API. Without any, the first start writes an operator token to `operator.token` in the state directory.',
            default: [],
            max: 100
          }
        )
      },
      { description: 'The admin API.', default: {} }
    ),
    telemetry: optional(
      block(
        {
          listen: listen('Where it listens; /metrics, /healthz and /readyz alone.')
        },
        {
          description:
            'A listener for /metrics, /healthz and /readyz alone; they are on the admin listener too.'
        }
      )
    ),
    state: block(
      {
        driver: word(['file', 'redis'], {
          description:
            'Where the state of routes is kept: on disk, for one process, or in Redis, for all that share it.',
          default: 'file'
        }),
        directory: text({
          description:
            'Snapshot and journal, for both drivers; each process needs one of its own, on a disk that outlives it. A relative path starts at the working directory.',
          default: './state'
        }),
        firstStart: optional(
          word(['weights', 'champion'], {
            description:
              'What a route without any state starts with: `initialWeights`, or the champion alone. Default: `weights` with `driver: file`, and `champion` with `driver: redis`, so that a total loss of the store never brings a challenger back.'
          })
        ),
        stale: block(
          {
            policy: word(['hold', 'champion'], {
              description: 'Hold the last known state, or give all to the champion.',
              default: 'hold'
            }),
            after: duration({
              description: 'How long to wait before that.',
              default: '30s',
              min: 1000,
              max: DAY
            })
          },
          {
            description:
              'What a replica does that is cut off from a shared store. Has no effect with `driver: file`.',
            default: {}
          }
        ),
        redis: RedisSchema
      },
      { description: 'The state of routes: weights, rollbacks, pauses.', default: {} }
    ),
    events: block(
      {
        driver: word(['none', 'file', 'kafka'], {
          description:
            'Where events go: nowhere, NDJSON files that are rotated by size, or topics of Kafka.',
          default: 'none'
        }),
        directory: text({
          description:
            'Folder of the event files. A relative path starts at the working directory.',
          default: './events'
        }),
        unitKey: optional(unitKey),
        kafka: KafkaSchema
      },
      { description: 'A record of what was decided, for others to read.', default: {} }
    ),
    accessLog: Type.Union(
      [
        word(['off'], { description: 'Off.' }),
        Type.Literal(false),
        block(
          {
            format: word(['json'], { description: 'One JSON object a line.', default: 'json' }),
            sample: percent({
              description: 'Share of requests that are logged.',
              default: '100%',
              min: 0,
              max: 1
            })
          },
          { description: 'On.' }
        )
      ],
      { description: 'A line per request.', default: 'off' }
    ),
    trustedProxies: list(text({ description: 'An address or a CIDR.', max: 64 }), {
      description:
        'Peers whose X-Forwarded-* and Forwarded are believed, and whose requests an override `from: trusted` believes.',
      default: [],
      max: 1000
    }),
    drain: block(
      {
        delay: duration({
          description: 'After SIGTERM: not ready, but still accepting, so that balancers notice.',
          default: '5s',
          min: 0,
          max: 3_600_000
        }),
        grace: duration({
          description: 'Then: how long requests in flight may run on.',
          default: '20s',
          min: 0,
          max: DAY
        })
      },
      {
        description: 'The end of a process. Together below the 30 s that Kubernetes gives.',
        default: {}
      }
    ),
    routes: named(NAME.source, NAME_SAYS, RouteSchema, {
      description: 'The routes, by name.',
      min: 1,
      max: MAX_ROUTES
    }),
    plans: LaterSchemas.plans,
    notify: LaterSchemas.notify
  },
  { description: 'Configuration of Sluice.' }
)

export type ConfigFile = Static<typeof ConfigSchema>
