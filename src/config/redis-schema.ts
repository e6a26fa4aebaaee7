/**
 * Keys of `state.redis`: where the shared store is, who we are to it, and what its keys are called.
 *
 * Exports: `RedisSchema`. A password never stands in the file, so neither it nor a URL is ever part of a message.
 */
import { Type } from 'typebox'
import { block, flag, list, optional, secret, text } from './keys.ts'

const USER = '^[!-~]{1,256}$'
const USER_SAYS = 'a user name without spaces'

const url = text({
  description: 'A URL.',
  says: 'a URL such as "redis://10.0.0.5:6379"',
  max: 2048,
  secret: true
})

const user = (description: string) => text({ description, pattern: USER, says: USER_SAYS })

const sentinel = block(
  {
    master: text({
      description: 'Name of the master, as the sentinels know it.',
      pattern: '^[A-Za-z0-9._-]{1,128}$',
      says: 'the name of a master: letters, digits, ".", "_" and "-", at most 128'
    }),
    username: optional(user('ACL user of the sentinels themselves.')),
    password: optional(
      secret('Password of the sentinels themselves. Default: none; that of Redis is not sent.')
    )
  },
  {
    description:
      'Finds the master through sentinels, and again after each failover; `url` lists the sentinels. Not together with `cluster`.',
    needs: { username: 'password' }
  }
)

const tls = block(
  {
    ca: optional(secret('Authorities to believe (PEM) in place of those of the system.')),
    cert: optional(secret('Client certificate (PEM), with `key`.')),
    key: optional(secret('Key of the client certificate (PEM, not encrypted).')),
    serverName: Type.Union([Type.Null(), text({ description: 'A name.' })], {
      description: 'Name to ask for and to verify, where it is not the host of the URL.',
      default: null
    })
  },
  {
    description:
      'TLS towards Redis and its sentinels; for `rediss://` URLs alone. Certificates are always verified.',
    needs: { cert: 'key', key: 'cert' }
  }
)

export const RedisSchema = block(
  {
    url: Type.Union(
      [
        url,
        list(url, {
          description: 'Sentinels, or nodes of a cluster to begin with.',
          min: 1,
          max: 64
        })
      ],
      {
        description:
          '`redis://host:port/database`, or `rediss://` for TLS; a list of them for `sentinel` and `cluster`. An IPv6 host stands in brackets. Left out, the port is 6379 (of a sentinel 26379) and the database 0. User and password are keys of their own.',
        default: 'redis://127.0.0.1:6379'
      }
    ),
    prefix: text({
      description:
        'What every key and channel begins with. Routers with the same prefix share their routes; an ACL can be limited to it.',
      pattern: '^[A-Za-z0-9:._-]{1,64}$',
      says: 'a prefix: letters, digits, ":", ".", "_" and "-", at most 64',
      default: 'sluice'
    }),
    username: optional(user('ACL user. Default: the default user of Redis.')),
    password: optional(
      secret('Password of the user. It is read at the start: a changed one needs a restart.')
    ),
    sentinel: optional(sentinel),
    cluster: flag({
      description:
        'The store is a Redis Cluster, and `url` lists nodes to begin with. Its only database is 0.',
      default: false
    }),
    tls: optional(tls)
  },
  {
    description: 'The shared store, with `driver: redis`. A change of it needs a restart.',
    default: {},
    needs: { username: 'password' },
    secret: true
  }
)
