/**
 * One life of the client for one topic: it connects, sends batches one at a time, and is given up as a whole.
 *
 * The client's own repeats are off, and after a fault of a connection it is not asked to go on: with a stalled
 * broker its calls can hang for ever (SASL has no time-out) and its reconnecting has no bound. Never idempotent:
 * that mode loses acknowledged messages when a request times out.
 */
import {
  CompressionTypes,
  Kafka,
  logLevel,
  Partitioners,
  type Producer,
  type SASLOptions
} from 'kafkajs'
import type { KafkaSettings } from '../../config/config.ts'
import type { Log } from '../../ports.ts'
import { clientLog } from './client-log.ts'
import { headersOf, type Message } from './message.ts'
import { calmRequestTimer } from './request-timer.ts'
import { createSockets, type Pace } from './sockets.ts'

export type Session = {
  connect(): Promise<void>
  /** Resolves when all in-sync replicas have every message of the batch. One call at a time. */
  send(topic: string, batch: readonly Message[]): Promise<void>
  /** Creates a topic with the brokers' own numbers of partitions and replicas; nothing when it exists. */
  create(topic: string): Promise<void>
  /** Cuts the connections. What is under way rejects. */
  end(): void
}

export type SessionOptions = {
  readonly settings: KafkaSettings
  readonly first: number // index of the broker to begin with
  readonly pace: Pace
  readonly requestMs?: number // for one answer, default 30 s
  readonly log: Log
}

const CONNECT_MS = 10_000 // its turn included
const REQUEST_MS = 30_000 // shorter makes copies: a stalled broker has the first one already

export function openSession(options: SessionOptions): Session {
  const { settings, first, pace, log, requestMs = REQUEST_MS } = options
  const latestMs = requestMs + CONNECT_MS // for a call of the client as a whole
  calmRequestTimer()
  const { names, hosts } = seedsOf(settings.brokers, first)
  const sockets = createSockets(pace, settings.tls, hosts)
  const client = new Kafka({
    brokers: [...names],
    clientId: settings.clientId,
    ssl: settings.tls !== null,
    ...(settings.sasl === null ? {} : { sasl: saslOf(settings.sasl) }),
    connectionTimeout: CONNECT_MS,
    requestTimeout: requestMs,
    enforceRequestTimeout: true,
    retry: { retries: 0 },
    socketFactory: sockets.create,
    logLevel: logLevel.INFO,
    logCreator: clientLog(log)
  })
  let producer: Producer | null = null
  let ended = false

  /** The call, or an error when it takes longer than any of its parts may. */
  function within<T>(call: () => Promise<T>): Promise<T> {
    if (ended) return Promise.reject(new Error('given up'))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new LateError()), latestMs)
      call()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  return {
    async connect() {
      const made = client.producer({
        allowAutoTopicCreation: false,
        idempotent: false,
        maxInFlightRequests: 1,
        createPartitioner: Partitioners.DefaultPartitioner
      })
      producer = made
      await within(() => made.connect())
    },
    async send(topic, batch) {
      const known = producer
      if (known === null) throw new Error('not connected')
      await within(() =>
        known.send({
          topic,
          acks: -1,
          compression: CompressionTypes.GZIP,
          messages: batch.map(message => ({
            key: message.key,
            value: message.value.bytes(),
            headers: headersOf(message)
          }))
        })
      )
    },
    async create(topic) {
      const admin = client.admin()
      try {
        await within(() => admin.connect())
        await within(() => admin.createTopics({ topics: [{ topic }], waitForLeaders: false }))
      } finally {
        admin.disconnect().catch(() => undefined)
      }
    },
    end() {
      ended = true
      sockets.cut()
    }
  }
}

class LateError extends Error {
  readonly code = 'ETIMEDOUT'
}

/** The brokers from the `first` on, and around. kafkajs takes no IPv6 address, so it gets a name for one. */
export function seedsOf(
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

export function saslOf({
  mechanism,
  username,
  password
}: NonNullable<KafkaSettings['sasl']>): SASLOptions {
  return { mechanism, username, password }
}
