/**
 * A Kafka sink of a test: its settings, what it wrote into its log, and a steady stream of numbered events whose
 * every one can be accounted for at the end.
 */
import type { KafkaSettings } from '../../src/config/config.ts'
import { createKafkaEvents, type KafkaEventsOptions } from '../../src/io/kafka/events.ts'
import type { EventCounts, EventSink, EventTopic, Log } from '../../src/ports.ts'
import { kafkaSettings, type Teardown, uniqueTopics } from './kafka.ts'
import type { ReadMessage } from './kafka-reader.ts'
import { systemClock } from './state-process.ts'
import { until } from './until.ts'

export type TestSink = {
  readonly sink: EventSink
  readonly topics: KafkaSettings['topics']
  readonly lines: readonly { readonly level: string; readonly text: string }[]
  readonly counts: (topic?: EventTopic) => EventCounts
  /** Publishes decisions { n } from the next number on. */
  readonly publish: (events: number, more?: Readonly<Record<string, unknown>>) => void
  readonly given: () => number // decisions so far
  /** Waits until so many decisions are acknowledged. */
  readonly published: (events: number) => Promise<void>
  /** 500 decisions a second until it is called. */
  readonly stream: () => () => void
}

const EVERY_MS = 20
const AT_ONCE = 10

export function createTestSink(
  t: Teardown,
  settings: Partial<KafkaSettings> & Pick<KafkaSettings, 'brokers'>,
  options: Partial<KafkaEventsOptions> = {}
): TestSink {
  const topics = settings.topics ?? uniqueTopics()
  const lines: { level: string; text: string }[] = []
  const note = (level: string) => (fields: unknown, message: string) =>
    void lines.push({ level, text: `${message} ${JSON.stringify(fields)}` })
  const log: Log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error')
  }
  const sink = createKafkaEvents({
    settings: kafkaSettings(settings.brokers, { ...settings, topics }),
    clock: systemClock,
    log,
    ...options
  })
  t.teardown(() => sink.close(0))
  let given = 0
  const counts = (topic: EventTopic = 'decisions') => {
    const found = sink.counts().find(each => each.topic === topic)
    if (found === undefined) throw new Error(`no counts of ${topic}`)
    return found
  }
  const publish = (events: number, more: Readonly<Record<string, unknown>> = {}) => {
    for (let i = 0; i < events; i++) {
      sink.publish({ type: 'io.sluice.decision.v1', key: 'fraud', data: { n: given++, ...more } })
    }
  }
  return {
    sink,
    topics,
    lines,
    counts,
    publish,
    given: () => given,
    async published(events) {
      await until(`${events} decisions are acknowledged`, () => counts().published >= events).catch(
        (error: unknown) => {
          const told = lines.map(({ level, text }) => `${level} ${text}`).slice(-40)
          throw new Error(
            [error, JSON.stringify(sink.counts()), ...sink.faults(), ...told].join('\n')
          )
        }
      )
    },
    stream() {
      const timer = setInterval(() => publish(AT_ONCE), EVERY_MS)
      t.teardown(() => clearInterval(timer))
      return () => clearInterval(timer)
    }
  }
}

/** The numbers of decisions, in the order in which they first came. */
export function numbersOf(messages: readonly ReadMessage[]): readonly number[] {
  return messages.map(({ value }) => Number(JSON.parse(value).n))
}

/** Lost by reason, without the reasons that lost none. */
export function lostOf({ dropped }: EventCounts): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(dropped).filter(([, events]) => events > 0))
}
