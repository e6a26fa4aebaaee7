/**
 * Writes one topic: collects events for 100 ms or a full batch, sends one batch at a time, and sends it again
 * until a broker has it. A topic that cannot be written to never holds up another.
 *
 * Nothing here is lost without a reason: a single event that brokers refuse goes alone, and its batch mates are
 * sent again; what only an operator can end (no such topic, not allowed) costs events that waited for the
 * patience. An event that is sent again has the id that it had.
 */
import type { KafkaSettings } from '../../config/config.ts'
import type { Clock, EventTopic, Log } from '../../ports.ts'
import type { EventRing } from '../event-ring.ts'
import { backOff } from './back-off.ts'
import { createBell } from './bell.ts'
import type { Message } from './message.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import type { Session } from './session.ts'
import { createWriterHealth } from './writer-health.ts'

export type WriterReason = 'too_large' | 'refused' | 'unauthorized' | 'missing_topic'

export type TopicWriter = {
  /** The ring has another event of this topic. */
  wake(): void
  /** What keeps events from going out now, as a sentence, or null. */
  fault(): string | null
  /** Sends what waits without collecting first. Resolves when all is sent or `end` was called. */
  drain(): Promise<void>
  /** Gives up. Returns the events of a batch that was under way. */
  end(): readonly Message[]
}

export type TopicWriterOptions = {
  readonly topic: EventTopic
  readonly settings: KafkaSettings
  readonly ring: EventRing<Message>
  readonly queue: number // of the ring
  readonly open: (first: number) => Session // `first`: index of the broker to begin with
  /** Both take messages that the writer needs no more. */
  readonly published: (messages: readonly Message[]) => void
  readonly lost: (reason: WriterReason, messages: readonly Message[]) => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number // [0, 1)
  readonly patienceMs: number
}

const COLLECT_MS = 100
const BATCH_BYTES = 256 * 1024 // uncompressed: encoding one holds up the thread for a few ms, and brokers take 1 MiB
const LIMIT_STEP = 16 * 1024
const FRESH_AFTER = 4 // failures in a row that a session may have while a broker answers

export function createTopicWriter(options: TopicWriterOptions): TopicWriter {
  const { ring, queue, settings, clock } = options
  const name = settings.topics[options.topic]
  const health = createWriterHealth({ topic: name, clock, log: options.log })
  const news = createBell() // events came, or the end
  const pause = createBell()
  let session: Session | null = null // connected
  let opening: Session | null = null
  let opened = 0
  let created = false // the topic, by this session
  let batch: readonly Message[] = [] // under way
  let limit = BATCH_BYTES // of the next batch, learnt from what was too large
  let idle = false
  let draining = false
  let ended = false
  const running = run()

  /** Never rejects. */
  async function run(): Promise<void> {
    while (!ended && !(draining && ring.events(queue) === 0)) {
      try {
        session ??= await begin()
        if (ring.events(queue) > 0) await sendNext(session)
        else if (!draining) await nothingWaits()
      } catch (error) {
        if (ended) return
        failed(refusalOf(error))
        await pause.wait(backOff(health.failures(), options.random()))
      }
    }
  }

  async function begin(): Promise<Session> {
    const next = options.open(opened++)
    opening = next
    try {
      await health.during(next.connect())
    } catch (error) {
      next.end()
      throw error
    } finally {
      opening = null
    }
    created = false
    if (ring.events(queue) === 0) health.well() // else the first batch tells
    return next
  }

  async function nothingWaits(): Promise<void> {
    idle = true
    await news.wait(null)
    idle = false
  }

  async function sendNext(to: Session): Promise<void> {
    const end = clock.now() + COLLECT_MS
    while (!draining && !ended && ring.bytes(queue) < limit && clock.now() < end) {
      await news.wait(end - clock.now())
    }
    if (ended) return
    batch = ring.take(queue, limit)
    if (batch.length === 0) return
    try {
      await health.during(to.send(name, batch))
    } catch (error) {
      if (!ended) await refused(to, error)
      return
    }
    if (ended) return
    options.published(batch)
    batch = []
    limit = Math.min(BATCH_BYTES, limit + LIMIT_STEP)
    health.well()
  }

  /** Ends well where the next try is another one; throws what is worth a pause. */
  async function refused(by: Session, error: unknown): Promise<void> {
    const { kind, word } = refusalOf(error)
    const [first] = batch
    if ((kind === 'too_large' || kind === 'refused') && first !== undefined) {
      const bytes = batch.reduce((sum, { size }) => sum + size, 0)
      if (batch.length > 1) giveBack()
      else {
        options.lost(kind, batch)
        batch = []
        health.refusedOne(word, bytes)
      }
      limit = Math.min(limit, Math.ceil(bytes / 2))
      return
    }
    giveBack()
    if (kind !== 'missing_topic' || !settings.createTopics || created) throw error
    created = true
    await health.during(by.create(name))
    options.log.info({ topic: name }, 'the topic was missing and is created')
  }

  function giveBack(): void {
    ring.putBack(queue, batch)
    batch = []
  }

  function failed(why: Refusal): void {
    const { patienceMs } = options
    health.failed(why)
    if (!why.answered || health.failures() % FRESH_AFTER === 0) {
      session?.end()
      session = null
    }
    if (why.kind !== 'unauthorized' && why.kind !== 'missing_topic') return
    if (health.blockedFor() < patienceMs) return
    const old = ring.expire(queue, clock.now() - patienceMs)
    options.lost(why.kind, old)
  }

  return {
    wake() {
      if (idle || ring.bytes(queue) >= limit) news.ring()
    },
    fault: () => health.fault(ring.events(queue) + batch.length),
    drain() {
      draining = true
      news.ring()
      pause.ring()
      const left = ring.events(queue) + batch.length
      return left === 0 ? Promise.resolve() : running
    },
    end() {
      const under = batch
      batch = []
      ended = true
      opening?.end()
      session?.end()
      news.ring()
      pause.ring()
      return under
    }
  }
}
