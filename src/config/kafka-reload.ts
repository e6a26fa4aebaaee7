/**
 * What a reload changes in the settings of the brokers. The sink connects once, at the start.
 *
 * Exports: `kafkaRefusals`, `kafkaRenewals`. Pure; never shows a value, for some are secrets. As with the shared
 * store (redis-reload.ts), renewed certificates do not block a reload, and a password that rotates does.
 */
import { isDeepStrictEqual } from 'node:util'
import type { KafkaSettings } from './config.ts'

type Settings = KafkaSettings | null

/** Nothing where the driver changes too, which is refused by itself. */
export function kafkaRefusals(running: Settings, next: Settings): readonly string[] {
  if (running === null || next === null) return []
  const settings = FIXED.filter(([, of]) => !isDeepStrictEqual(of(running), of(next))).map(
    ([key]) =>
      `events.kafka.${key} cannot change while the process runs; restart it, or put the old value back`
  )
  if (running.sasl?.password === next.sasl?.password) return settings
  return [
    ...settings,
    'events.kafka.sasl.password cannot change while the process runs, also where its file or variable is the same; restart one replica after the other while Kafka accepts both passwords, or put the old one back'
  ]
}

export function kafkaRenewals(running: Settings, next: Settings): readonly string[] {
  if (!running?.tls || !next?.tls || isDeepStrictEqual(pemOf(running), pemOf(next))) return []
  return ['events.kafka.tls: the certificates have changed; the old ones are used until a restart']
}

const FIXED: readonly (readonly [string, (of: KafkaSettings) => unknown])[] = [
  ['brokers', ({ brokers }) => brokers],
  ['clientId', ({ clientId }) => clientId],
  ['topics', ({ topics }) => topics],
  ['createTopics', ({ createTopics }) => createTopics],
  ['tls', ({ tls }) => tls !== null && [tls.serverName]],
  ['sasl', ({ sasl }) => sasl && [sasl.mechanism, sasl.username]]
]

function pemOf({ tls }: KafkaSettings): unknown {
  return [tls?.ca, tls?.cert, tls?.key]
}
