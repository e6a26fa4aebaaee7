/**
 * One life of the client for one topic: it connects, sends batches one at a time, and is given up as a whole.
 *
 * The client's own repeats are off, and after a fault of a connection it is not asked to go on: with a stalled
 * broker its calls can hang for ever (SASL has no time-out) and its reconnecting has no bound. Never idempotent:
 * that mode loses acknowledged messages when a request times out.
 */
import { CompressionTypes, Partitioners, type Producer } from 'kafkajs'
import type { KafkaSettings } from '../../config/config.ts'
import type { GiveWay, Log } from '../../ports.ts'
import { createClient, within } from './client.ts'
import { headersOf, type Message } from './message.ts'
import type { Pace } from './sockets.ts'

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
  readonly giveWay: GiveWay // called for each message before the client encodes them
}

const CONNECT_MS = 10_000 // its turn included
const REQUEST_MS = 30_000 // shorter makes copies: a stalled broker has the first one already

export function openSession(options: SessionOptions): Session {
  const { settings, first, pace, log, giveWay, requestMs = REQUEST_MS } = options
  const latestMs = requestMs + CONNECT_MS // for a call of the client as a whole
  const { kafka, cut } = createClient({
    settings,
    first,
    pace,
    connectMs: CONNECT_MS,
    requestMs,
    log
  })
  let producer: Producer | null = null
  let ended = false

  function call<T>(making: () => Promise<T>): Promise<T> {
    return ended ? Promise.reject(new Error('given up')) : within(making, latestMs)
  }

  return {
    async connect() {
      const made = kafka.producer({
        allowAutoTopicCreation: false,
        idempotent: false,
        maxInFlightRequests: 1,
        createPartitioner: Partitioners.DefaultPartitioner
      })
      producer = made
      await call(() => made.connect())
    },
    async send(topic, batch) {
      const known = producer
      if (known === null) throw new Error('not connected')
      await call(() =>
        known.send({
          topic,
          acks: -1,
          compression: CompressionTypes.GZIP,
          messages: batch.map(message => {
            giveWay()
            return {
              key: message.key,
              value: message.value.bytes(),
              headers: headersOf(message)
            }
          })
        })
      )
    },
    async create(topic) {
      const admin = kafka.admin()
      try {
        await call(() => admin.connect())
        await call(() => admin.createTopics({ topics: [{ topic }], waitForLeaders: false }))
      } finally {
        admin.disconnect().catch(() => undefined)
      }
    },
    end() {
      ended = true
      cut()
    }
  }
}
