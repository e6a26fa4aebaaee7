/**
 * The checked keys of `events.kafka` as the sink wants them.
 *
 * Exports: `resolveKafka`.
 */
import type { KafkaSettings } from './config.ts'
import { parseBroker } from './kafka-rules.ts'
import type { ConfigFile } from './schema.ts'
import type { Secrets } from './secrets.ts'

type KafkaFile = ConfigFile['events']['kafka']

export function resolveKafka(file: KafkaFile, secrets: Secrets): KafkaSettings {
  const secret = (...path: string[]) => secrets.get(['events', 'kafka', ...path]) ?? null
  const { sasl } = file
  return {
    brokers: file.brokers.flatMap(text => {
      const broker = parseBroker(text)
      if (typeof broker === 'string') return []
      const host = broker.host.includes(':') ? `[${broker.host}]` : broker.host
      return [`${host}:${broker.port}`]
    }),
    clientId: file.clientId,
    topics: file.topics,
    createTopics: file.createTopics,
    tls: isOn(file.tls)
      ? {
          ca: secret('tls', 'ca'),
          cert: secret('tls', 'cert'),
          key: secret('tls', 'key'),
          serverName: typeof file.tls === 'object' ? file.tls.serverName : null
        }
      : null,
    sasl: sasl
      ? {
          mechanism: sasl.mechanism,
          username: sasl.username,
          password: secret('sasl', 'password') ?? ''
        }
      : null
  }
}

function isOn(tls: KafkaFile['tls']): boolean {
  return tls !== undefined && tls !== false
}
