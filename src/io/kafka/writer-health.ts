/**
 * How a topic's writer is doing: failures in a row, since when and why, told to the log when it changes and to an
 * operator as a sentence. Every word in a sentence is from a closed list or from the configuration.
 */
import type { Clock, Log } from '../../ports.ts'
import type { Refusal } from './refusal.ts'

export type WriterHealth = {
  /** Watches a call, so that one that hangs is a fault before it fails. */
  during(call: Promise<void>): Promise<void>
  well(): void
  failed(why: Refusal): void
  /** Brokers will not take this event. `bytes` of it, about. */
  refusedOne(word: string, bytes: number): void
  failures(): number // in a row
  /** ms that it has failed for what only an operator can end; 0 when it does not. */
  blockedFor(): number
  /** null when all is well. `waiting`: events. */
  fault(waiting: number): string | null
}

const SLOW_MS = 5_000
const TOLD_MS = 300_000 // an event that was refused stays a fault for so long

const WHY: Readonly<Record<Refusal['kind'], string>> = {
  away: 'no broker takes events',
  unauthorized: 'the brokers do not allow it; check events.kafka.sasl and what its user may do',
  missing_topic: 'it does not exist; create it, or allow it by events.kafka.createTopics',
  too_large: 'an event is larger than max.message.bytes',
  refused: 'the brokers refuse an event'
}

export function createWriterHealth(options: {
  readonly topic: string
  readonly clock: Clock
  readonly log: Log
}): WriterHealth {
  const { topic, clock, log } = options
  let failures = 0
  let last: Refusal | null = null // null when the last try succeeded
  let blockedSince: number | null = null
  let busySince: number | null = null
  let refused: { word: string; events: number; at: number } | null = null

  return {
    async during(call) {
      busySince = clock.now()
      try {
        await call
      } finally {
        busySince = null
      }
    },
    well() {
      if (last !== null) log.info({ topic }, 'events reach the brokers again')
      last = null
      failures = 0
      blockedSince = null
    },
    failed(why) {
      failures++
      if (why.kind !== last?.kind || why.word !== last.word) {
        log.warn({ topic, reason: why.word }, `events wait: ${WHY[why.kind]}`)
      }
      last = why
      const blocked = why.kind === 'unauthorized' || why.kind === 'missing_topic'
      blockedSince = blocked ? (blockedSince ?? clock.now()) : null
    },
    refusedOne(word, bytes) {
      refused = { word, events: (refused?.events ?? 0) + 1, at: clock.now() }
      log.warn({ topic, reason: word, bytes }, 'the brokers refused an event, and it is lost')
    },
    failures: () => failures,
    blockedFor: () => (blockedSince === null ? 0 : clock.now() - blockedSince),
    fault(waiting) {
      const at = `kafka topic ${topic}:`
      if (last !== null) return `${at} ${WHY[last.kind]} (${last.word}); ${waiting} events wait`
      const slow = busySince === null ? 0 : clock.now() - busySince
      if (slow > SLOW_MS) {
        return `${at} the brokers have not answered for ${Math.round(slow / 1000)} s; ${waiting} events wait`
      }
      if (refused === null || clock.now() - refused.at > TOLD_MS) return null
      return `${at} the brokers refused ${refused.events} events since the start (${refused.word}), and these are lost; raise max.message.bytes, or capture less`
    }
  }
}
