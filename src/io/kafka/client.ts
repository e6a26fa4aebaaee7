/**
 * The client of the brokers, made in one way for whoever needs it, and the limit of its calls.
 *
 * It repeats nothing by itself, and has its connections from us (sockets.ts), so that they can be cut. A call can
 * hang for ever with a stalled broker (SASL has no time-out), so each one gets a limit from outside.
 */
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import type { KafkaSettings } from '../../config/config.ts'
import type { Log } from '../../ports.ts'
import { clientLog } from './client-log.ts'
import { calmRequestTimer } from './request-timer.ts'
import { createSockets, type Pace } from './sockets.ts'

export type ClientOptions = {
  readonly settings: KafkaSettings
  readonly first: number // index of the broker to begin with
  readonly pace: Pace
  readonly connectMs: number // its turn included
  readonly requestMs: number // for one answer
  readonly log: Log | null // null: what it has to say is for nobody
}

export type Client = {
  readonly kafka: Kafka
  /** Cuts its connections. What is under way rejects. */
  cut(): void
}

/** A client that has no connection yet. */
export function createClient(options: ClientOptions): Client {
  const { settings, first, pace, connectMs, requestMs, log } = options
  calmRequestTimer()
  const { names, hosts } = seedsOf(settings.brokers, first)
  const sockets = createSockets(pace, settings.tls, hosts)
  const kafka = new Kafka({
    brokers: [...names],
    clientId: settings.clientId,
    ssl: settings.tls !== null,
    ...(settings.sasl === null ? {} : { sasl: saslOf(settings.sasl) }),
    connectionTimeout: connectMs,
    requestTimeout: requestMs,
    enforceRequestTimeout: true,
    retry: { retries: 0 },
    socketFactory: sockets.create,
    ...(log === null
      ? { logLevel: logLevel.NOTHING }
      : { logLevel: logLevel.INFO, logCreator: clientLog(log) })
  })
  return { kafka, cut: sockets.cut }
}

/** A call had no answer within its limit. */
export class LateError extends Error {
  readonly code = 'ETIMEDOUT'
}

/** What the call gives, or a LateError when it takes longer than `limitMs`; then it goes on for nobody. */
export function within<T>(call: () => Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LateError()), limitMs)
    call()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}

/** The brokers from the `first` on, and around. kafkajs takes no IPv6 address, so it gets a name for one. */
function seedsOf(
  brokers: readonly string[],
  first: number
): { readonly names: readonly string[]; readonly hosts: ReadonlyMap<string, string> } {
  const hosts = new Map<string, string>()
  const names = brokers.map((_, index) => {
    const at = (index + first) % brokers.length
    const broker = brokers[at] ?? ''
    const [, host, port] = /^\[(.+)\]:(\d+)$/.exec(broker) ?? []
    if (host === undefined) return broker
    hosts.set(`broker-${at}.invalid`, host)
    return `broker-${at}.invalid:${port}`
  })
  return { names, hosts }
}

function saslOf({
  mechanism,
  username,
  password
}: NonNullable<KafkaSettings['sasl']>): SASLOptions {
  return { mechanism, username, password }
}
