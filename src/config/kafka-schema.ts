/**
 * Keys of `events.kafka`: where the brokers are, who we are to them, and what the topics are called.
 *
 * Exports: `KafkaSchema`. A password never stands in the file; an entry of `brokers` could hold one by mistake,
 * so none is ever part of a message.
 */
import { Type } from 'typebox'
import { block, flag, list, optional, secret, text, word } from './keys.ts'

const topic = (description: string, initial: string) =>
  text({
    description,
    default: initial,
    pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,249}$',
    says: 'the name of a topic: letters, digits, ".", "_" and "-", at most 249'
  })

const tls = block(
  {
    ca: optional(secret('Authorities to believe (PEM) in place of those of the system.')),
    cert: optional(secret('Client certificate (PEM), with `key`.')),
    key: optional(secret('Key of the client certificate (PEM, not encrypted).')),
    serverName: Type.Union([Type.Null(), text({ description: 'A name.' })], {
      description: 'Name to ask for and to verify, where it is not the host of the broker.',
      default: null
    })
  },
  {
    description: 'On, with these settings. Certificates are always verified.',
    needs: { cert: 'key', key: 'cert' },
    says: 'a map with ca, cert, key and serverName'
  }
)

const sasl = block(
  {
    mechanism: word(['plain', 'scram-sha-256', 'scram-sha-512'], {
      description: 'How we prove who we are. `plain` sends the password itself, so only with TLS.'
    }),
    username: text({
      description: 'The user.',
      pattern: '^[!-~]{1,256}$',
      says: 'a user name without spaces'
    }),
    password: secret('Its password. It is read at the start: a changed one needs a restart.')
  },
  { description: 'Who we are to the brokers, where they ask.', secret: true }
)

export const KafkaSchema = block(
  {
    brokers: list(
      text({
        description: 'A broker.',
        says: 'an address such as "10.0.0.5:9092"',
        max: 300,
        secret: true
      }),
      {
        description:
          'Brokers to begin with, as host:port; the others are learnt from them. Left out, the port is 9092. An IPv6 host stands in brackets.',
        default: ['127.0.0.1:9092'],
        min: 1,
        max: 64
      }
    ),
    clientId: text({
      description: 'Our name in the logs and quotas of the brokers.',
      default: 'sluice',
      pattern: '^[A-Za-z0-9._-]{1,128}$',
      says: 'a name: letters, digits, ".", "_" and "-", at most 128'
    }),
    topics: block(
      {
        shadow: topic('Topic of the pairs of shadows, keyed by unit id.', 'sluice.shadow'),
        decisions: topic('Topic of audit entries, keyed by route.', 'sluice.decisions')
      },
      { description: 'What the topics are called.', default: {} }
    ),
    createTopics: flag({
      description:
        "Create a topic that is missing, with the brokers' own defaults. Turn it off where that is somebody else's work.",
      default: true
    }),
    tls: optional(
      Type.Union(
        [
          flag({ description: 'On with the authorities of the system (true), or off (false).' }),
          tls
        ],
        {
          description:
            'TLS towards the brokers. `true` and `{}` are on, with the authorities of the system.'
        }
      )
    ),
    sasl: optional(sasl)
  },
  {
    description: 'The brokers, with `driver: kafka`. A change of it needs a restart.',
    default: {}
  }
)
