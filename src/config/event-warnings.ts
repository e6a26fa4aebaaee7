/**
 * What is legal and dangerous about where events go: brokers that others can read or write to, and settings that
 * have no effect.
 *
 * Exports: `warnOfEvents`.
 */
import { isLoopback } from './address.ts'
import type { Config, KafkaSettings } from './config.ts'
import type { Path, Report } from './diagnostics.ts'
import { parseBroker } from './kafka-rules.ts'

const KAFKA: Path = ['events', 'kafka']

/** `given`: whether the file says something at a path. */
export function warnOfEvents(config: Config, given: (path: Path) => boolean, warn: Report): void {
  const { driver, kafka } = config.events
  if (driver === 'none' && config.routes.some(({ shadows }) => shadows.length > 0)) {
    warn(
      ['events', 'driver'],
      'is none, so the pairs of shadows are written nowhere: only their agreement is kept, in memory; set driver: file or kafka to read them'
    )
  }
  if (kafka === null) {
    if (!given(KAFKA)) return
    warn(KAFKA, `has no effect with driver: ${driver}; set driver: kafka, or remove it`, 'key')
    return
  }
  const remote = kafka.brokers.find(broker => !isLoopback(hostOf(broker)))
  if (remote !== undefined) warnOfStrangers(kafka, hostOf(remote), warn)
}

function warnOfStrangers(kafka: KafkaSettings, host: string, warn: Report): void {
  if (kafka.tls === null) {
    const password = kafka.sasl?.mechanism === 'plain' ? 'the password, ' : ''
    warn(
      [...KAFKA, 'brokers'],
      `${host} is reached without TLS: anybody on the way can read ${password}decisions and captured bodies; set tls: true`
    )
  }
  if (kafka.sasl === null && !kafka.tls?.cert) {
    warn(
      KAFKA,
      `there is neither sasl nor a client certificate, and ${host} is another machine: whoever reaches it can write events as we do; set sasl`,
      'key'
    )
  }
}

function hostOf(broker: string): string {
  const parts = parseBroker(broker)
  return typeof parts === 'string' ? broker : parts.host
}
