/**
 * Where the pairs of the shadow's demo go: a topic of Kafka, or the file of events. What is there is counted from
 * outside, as any reader of pairs would, and never asked of the router.
 *
 * Kafka is that of KAFKA_BROKERS, or a broker of our own where the tests have brought one here already; nothing is
 * downloaded for a demo.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PAIR } from '../src/domain/pair.ts'
import { type Topic, topicAt } from './topic.ts'

export type PairPlace = {
  readonly kind: 'kafka' | 'file'
  readonly name: string // in words
  readonly settings: string // the block `events` of the router's configuration
  /** What is there of this run. */
  readonly found: () => Promise<Found>
}

export type Found = {
  readonly records: number
  readonly pairs: number | null // different ones, where records are read and not only counted
  readonly where: string // as 'offsets 0 to 99 of partition 0'
}

type Ends = { readonly onClear: (stop: () => Promise<void>) => void }

const TOPICS = { shadow: 'sluice-demo.shadow', decisions: 'sluice-demo.decisions' }
const EVENTS = 'events'
const CACHE = join(import.meta.dirname, '../node_modules/.cache')

/** A place as it was asked for; null: the best that there is. Throws when Kafka was asked for and there is none. */
export async function pairPlace(
  asked: 'kafka' | 'file' | null,
  directory: string,
  ends: Ends
): Promise<PairPlace> {
  if (asked === 'file') return filePlace(directory)
  const given = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter(Boolean)
  if (given.length > 0) return kafkaPlace(given, `Kafka at ${given.join(', ')}`)
  if (hasBroker()) {
    const broker = await startBroker(ends).catch((error: unknown) => {
      if (asked === 'kafka') throw error
      return null
    })
    if (broker !== null) return kafkaPlace([broker], 'a Kafka of this demo')
  } else if (asked === 'kafka') {
    throw new Error(
      'There is no Kafka: KAFKA_BROKERS names none, and none was brought here. Set it, or run the tests once.'
    )
  }
  return filePlace(directory)
}

function filePlace(directory: string): PairPlace {
  const place = join(directory, EVENTS)
  return {
    kind: 'file',
    name: 'the file of events',
    settings: `{ driver: file, directory: ./${EVENTS} }`,
    async found() {
      const ids = idsIn(place)
      const where = `${join(place, 'events.ndjson')}, ${ids.length} lines of type ${PAIR}`
      return { records: ids.length, pairs: new Set(ids).size, where }
    }
  }
}

/** Of all pairs in the files of events, each request having one shadow. */
function idsIn(place: string): readonly string[] {
  if (!existsSync(place)) return []
  const names = readdirSync(place).filter(name => name.startsWith('events.ndjson'))
  const lines = names.flatMap(name => readFileSync(join(place, name), 'utf8').split('\n'))
  return lines.slice(0, -1).flatMap(line => {
    const event: unknown = line === '' ? null : JSON.parse(line)
    if (typeof event !== 'object' || event === null || !('type' in event)) return []
    return event.type === PAIR && 'data' in event ? [idOf(event.data)] : []
  })
}

function idOf(data: unknown): string {
  return typeof data === 'object' && data !== null && 'requestId' in data
    ? String(data.requestId)
    : ''
}

async function kafkaPlace(brokers: readonly string[], name: string): Promise<PairPlace> {
  const topic = topicAt(brokers, TOPICS.shadow)
  const before = await topic.ends()
  const list = JSON.stringify({ brokers, topics: TOPICS })
  return {
    kind: 'kafka',
    name: `the topic ${TOPICS.shadow} of ${name}`,
    settings: `{ driver: kafka, kafka: ${list} }`,
    found: async () => foundSince(topic, before)
  }
}

async function foundSince(topic: Topic, before: ReadonlyMap<number, number>): Promise<Found> {
  const grown = [...(await topic.ends())]
    .map(([partition, end]) => ({ partition, end, from: before.get(partition) ?? 0 }))
    .filter(({ end, from }) => end > from)
  return {
    records: grown.reduce((sum, { end, from }) => sum + end - from, 0),
    pairs: null,
    where: `${topic.name}, ${grown
      .map(({ partition, from, end }) => `partition ${partition} offsets ${from} to ${end - 1}`)
      .join(', ')}`
  }
}

function hasBroker(): boolean {
  return existsSync(CACHE) && readdirSync(CACHE).some(name => /^sluice-kafka-[\d.]+$/.test(name))
}

/** Of the tests, which a packaged demo has not; so it is loaded only where there is one. */
async function startBroker(ends: Ends): Promise<string> {
  const { startKafka } = await import('../test/helpers/kafka.ts')
  const kafka = await startKafka({
    teardown: done => ends.onClear(async () => void (await done()))
  })
  return kafka.brokers
}
