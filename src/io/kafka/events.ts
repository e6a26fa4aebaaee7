/**
 * Published events to Kafka: `publish` puts a message into a bounded ring in memory, and a writer for each topic
 * takes it from there. Nothing that brokers do is felt by whoever publishes.
 *
 * The ring holds 64 MiB over all topics and drops the oldest; each event ends as published (all in-sync replicas
 * have it) or lost by one reason. Delivery is at least once: a repeat has the same `ce_id`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaSettings } from '../../config/config.ts'
import type { Clock, EventSink, GiveWay, Log } from '../../ports.ts'
import { createEventRing } from '../event-ring.ts'
import { createEventTally, TOPICS, topicOf } from '../event-topic.ts'
import { Slabs } from '../slabs.ts'
import { type Message, messageOf } from './message.ts'
import { openSession } from './session.ts'
import { createPace } from './sockets.ts'
import { createTopicWriter, type WriterReason } from './topic-writer.ts'

export type KafkaEventsOptions = {
  readonly settings: KafkaSettings
  readonly clock: Clock
  readonly log: Log
  readonly source?: string // ce_source, default "sluice"
  readonly buffer?: number // bytes, default 64 MiB
  readonly requestMs?: number // for an answer of a broker, default 30 s
  readonly patienceMs?: number // with what only an operator can end, default 10 s
  readonly giveWay?: GiveWay // default: it keeps the core
}

/** Why an event was lost. */
type Reason = WriterReason | 'buffer_full' | 'not_json' | 'not_flushed'
const REASONS: readonly Reason[] = [
  'buffer_full',
  'too_large',
  'refused',
  'unauthorized',
  'missing_topic',
  'not_json',
  'not_flushed'
]

const BUFFER_BYTES = 64 * 1024 * 1024
const MOST_EVENT = 8 * 1024 * 1024 // bytes; brokers take less, but it is them who say so
const PATIENCE_MS = 10_000

/** Connects behind the call and goes on trying until it is closed. Never throws. */
export function createKafkaEvents(options: KafkaEventsOptions): EventSink {
  const { settings, clock, log, source = 'sluice', buffer = BUFFER_BYTES } = options
  const { giveWay = () => undefined } = options
  const optional = options.requestMs === undefined ? {} : { requestMs: options.requestMs }
  const tally = createEventTally(REASONS)
  const pace = createPace(clock)
  const slabs = { decisions: new Slabs(), shadow: new Slabs() } // so that no queue pins the memory of another
  const ring = createEventRing<Message>({ queues: TOPICS.length, most: buffer }, message =>
    lost('buffer_full', [message])
  )
  const writers = TOPICS.map((topic, queue) =>
    createTopicWriter({
      topic,
      settings,
      ring,
      queue,
      open: first => openSession({ settings, first, pace, log, giveWay, ...optional }),
      published: messages => {
        tally.published(topic, messages.length)
        for (const { value } of messages) value.free()
      },
      lost,
      clock,
      log,
      random: Math.random,
      patienceMs: options.patienceMs ?? PATIENCE_MS
    })
  )
  let closed = false

  function lost(reason: Reason, messages: readonly Message[]): void {
    for (const { topic, value } of messages) {
      tally.lost(topic, reason)
      value.free()
    }
  }

  return {
    publish(event) {
      const topic = topicOf(event.type)
      if (closed) return tally.lost(topic, 'not_flushed')
      const origin = { source, at: clock.now(), time: clock.wall() }
      const message = messageOf(event, origin, slabs[topic], Math.min(MOST_EVENT, buffer))
      if (typeof message === 'string') return tally.lost(topic, message)
      const queue = TOPICS.indexOf(topic)
      ring.push(queue, message)
      writers[queue]?.wake()
    },
    counts: tally.counts,
    faults: () => writers.map(writer => writer.fault()).filter(fault => fault !== null),
    async close(timeoutMs) {
      if (closed) return
      closed = true
      const limit = new AbortController()
      const late = delay(timeoutMs, undefined, { signal: limit.signal }).catch(() => undefined)
      await Promise.race([Promise.all(writers.map(writer => writer.drain())), late])
      limit.abort()
      for (const [queue, writer] of writers.entries()) {
        lost('not_flushed', [...writer.end(), ...ring.expire(queue, Number.POSITIVE_INFINITY)])
      }
    }
  }
}
