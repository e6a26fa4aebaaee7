/** What arrives at a real broker in ordinary times, read back by a client of another origin. */
import t, { test } from 'tap'
import { Compile } from 'typebox/compile'
import { eventSchemas } from '../../../src/io/event-schema.ts'
import { sharedKafka, WITHOUT_KAFKA } from '../../helpers/kafka.ts'
import { createTopic, readTopic, topicsOf } from '../../helpers/kafka-reader.ts'
import { createTestSink, lostOf, numbersOf } from '../../helpers/kafka-sink.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

test('kafka in ordinary times', { skip: WITHOUT_KAFKA }, async t => {
  const { brokers } = await sharedKafka(t)
  const [broker = ''] = brokers

  await t.test('delivers each event once and in order when 20,000 come at once', async t => {
    const { sink, topics, publish, counts, published } = createTestSink(t, { brokers })
    publish(20_000)
    await published(20_000)
    const messages = await readTopic(broker, topics.decisions, each => each.length >= 20_000)
    t.same(
      numbersOf(messages),
      Array.from({ length: 20_000 }, (_, n) => n)
    )
    t.equal(new Set(messages.map(({ headers }) => headers['ce_id'])).size, 20_000)
    t.same(lostOf(counts()), {})
    t.same(sink.faults(), [])
  })

  await t.test('is a CloudEvent in binary mode on its topic when it is read', async t => {
    const { sink, topics } = createTestSink(t, { brokers }, { source: 'sluice/eu-1' })
    sink.publish({ type: 'io.sluice.decision.v1', key: 'fraud', data: DECISION })
    sink.publish({ type: 'io.sluice.shadow.pair.v1', key: '', data: { ä: 'pair' } })
    await sink.close(30_000)
    t.same(
      sink.counts().map(({ topic, published }) => [topic, published]),
      [
        ['decisions', 1],
        ['shadow', 1]
      ]
    )
    const [decision] = await readTopic(broker, topics.decisions, each => each.length > 0)
    t.match(decision, {
      key: 'fraud',
      headers: {
        ce_specversion: '1.0',
        ce_type: 'io.sluice.decision.v1',
        ce_source: 'sluice/eu-1',
        'content-type': 'application/json'
      }
    })
    t.same(Object.keys(decision?.headers ?? {}).sort(), [
      'ce_id',
      'ce_source',
      'ce_specversion',
      'ce_time',
      'ce_type',
      'content-type'
    ])
    const envelope = {
      specversion: decision?.headers['ce_specversion'],
      id: decision?.headers['ce_id'],
      source: decision?.headers['ce_source'],
      type: decision?.headers['ce_type'],
      time: decision?.headers['ce_time'],
      datacontenttype: decision?.headers['content-type'],
      data: JSON.parse(decision?.value ?? '')
    }
    t.same(Compile(eventSchemas['io.sluice.decision.v1'] ?? {}).Errors(envelope), [])
    const [pair] = await readTopic(broker, topics.shadow, each => each.length > 0)
    t.same([pair?.key, pair?.value], [null, '{"ä":"pair"}'])
  })

  await t.test('keeps the events of a key on one partition when a topic has several', async t => {
    const { sink, topics, published } = createTestSink(t, { brokers })
    await createTopic(broker, topics.decisions, { partitions: 3 })
    for (let n = 0; n < 300; n++) {
      sink.publish({ type: 'io.sluice.decision.v1', key: `route-${n % 30}`, data: { n } })
    }
    await published(300)
    const messages = await readTopic(broker, topics.decisions, each => each.length >= 300)
    const places = new Map<string, Set<number>>()
    for (const { key, partition } of messages) {
      places.set(key ?? '', (places.get(key ?? '') ?? new Set()).add(partition))
    }
    t.equal(places.size, 30)
    t.ok([...places.values()].every(({ size }) => size === 1))
    t.equal(new Set(messages.map(({ partition }) => partition)).size, 3)
  })

  await t.test('creates a topic that is missing, and only when it has an event for it', async t => {
    const { topics, publish, published, lines } = createTestSink(t, { brokers })
    publish(3)
    await published(3)
    const names = await topicsOf(broker)
    t.ok(names.includes(topics.decisions))
    t.notOk(names.includes(topics.shadow))
    t.same(
      lines.filter(({ level }) => level === 'warn' || level === 'error'),
      []
    )
  })

  await t.test('writes out what waits when it is closed, and counts what comes after', async t => {
    const { sink, topics, publish, counts } = createTestSink(t, { brokers })
    publish(500)
    await sink.close(30_000)
    t.equal(counts().published, 500)
    publish(2)
    t.same(lostOf(counts()), { not_flushed: 2 })
    const messages = await readTopic(broker, topics.decisions, each => each.length >= 500)
    t.equal(messages.length, 500)
  })
})

const DECISION = {
  sequence: 1,
  type: 'weights',
  route: 'fraud',
  variant: null,
  by: 'operator',
  at: '2026-01-01T00:00:00.000Z',
  reason: 'r',
  requestId: 'q',
  before: null,
  after: null,
  evidence: null,
  revision: '1-2',
  previous: '',
  sha256: 'a'.repeat(64)
}
