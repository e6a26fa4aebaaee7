/** What brokers refuse: counted by its reason, told to an operator, and nobody else's loss. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import { SASL_USER, startKafka, uniqueTopics, WITHOUT_KAFKA } from '../../helpers/kafka.ts'
import { createTopic, readTopic } from '../../helpers/kafka-reader.ts'
import { createTestSink, lostOf, numbersOf } from '../../helpers/kafka-sink.ts'
import { ROOT } from '../../helpers/sluice.ts'
import { until } from '../../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it
const options = { skip: WITHOUT_KAFKA }
const NOBODY_CREATES = { createTopics: false }
const patienceMs = 500

test('kafka with a topic that is not there or takes little', options, async t => {
  const broker = await startKafka(t)
  const brokers = [broker.brokers]

  await t.test('waits, then counts what is lost when the topic is missing', async t => {
    const { sink, topics, publish, counts, published } = createTestSink(
      t,
      { brokers, ...NOBODY_CREATES },
      { patienceMs }
    )
    publish(10)
    await until('they are counted', () => lostOf(counts())['missing_topic'] === 10)
    t.match(sink.faults(), [
      /^kafka topic \S+\.decisions: it does not exist; .*\(UNKNOWN_TOPIC_OR_PARTITION\); 0 events wait$/
    ])
    sink.publish({ type: 'io.sluice.shadow.pair.v1', key: 'u', data: { n: 1 } })
    await createTopic(broker.inner, topics.shadow)
    await until('the other topic goes on', () => counts('shadow').published === 1)
    await createTopic(broker.inner, topics.decisions)
    publish(5)
    await published(5)
    t.same(sink.faults(), [])
    t.same(lostOf(counts()), { missing_topic: 10 })
    const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 5)
    t.same(numbersOf(messages), [10, 11, 12, 13, 14])
  })

  await t.test('loses no event when its topic is created in time', async t => {
    const { sink, topics, publish, counts, published } = createTestSink(t, {
      brokers,
      ...NOBODY_CREATES
    })
    publish(10)
    await until('the fault is told', () => sink.faults().length === 1)
    await createTopic(broker.inner, topics.decisions)
    await published(10)
    t.same(lostOf(counts()), {})
    const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 10)
    t.equal(messages.length, 10)
  })

  await t.test('loses the event alone that is too large when it is in a batch', async t => {
    const topics = uniqueTopics()
    await createTopic(broker.inner, topics.decisions, { configs: { 'max.message.bytes': '20000' } })
    const { sink, publish, counts, published } = createTestSink(t, { brokers, topics })
    publish(100)
    publish(1, { noise: noise(60_000) })
    publish(100)
    publish(1, { noise: noise(90_000) })
    publish(100)
    await published(300)
    await until('the large ones are counted', () => lostOf(counts())['too_large'] === 2)
    t.same(lostOf(counts()), { too_large: 2 })
    t.match(sink.faults(), [/the brokers refused 2 events .*\(MESSAGE_TOO_LARGE\)/])
    const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 300)
    t.same(
      numbersOf(messages),
      Array.from({ length: 302 }, (_, n) => n).filter(n => n !== 100 && n !== 201),
      'the others once each and in order'
    )
  })

  await t.test('sends smaller batches when whole ones are larger than the topic takes', async t => {
    const topics = uniqueTopics()
    await createTopic(broker.inner, topics.decisions, { configs: { 'max.message.bytes': '30000' } })
    const { publish, counts, published } = createTestSink(t, { brokers, topics })
    for (let i = 0; i < 200; i++) publish(1, { noise: noise(2_000) })
    await published(200)
    t.same(lostOf(counts()), {})
    const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 200)
    t.same(
      numbersOf(messages),
      Array.from({ length: 200 }, (_, n) => n)
    )
  })
})

for (const mechanism of ['plain', 'scram-sha-512'] as const) {
  test(`kafka with ${mechanism}`, options, async t => {
    const broker = await startKafka(t, { sasl: mechanism })
    const brokers = [broker.brokers]

    await t.test('counts what is lost and names it when the password is wrong', async t => {
      const sasl = { mechanism, username: SASL_USER.username, password: 'wrong' }
      const { sink, publish, counts, lines } = createTestSink(t, { brokers, sasl }, { patienceMs })
      publish(10)
      await until('they are counted', () => lostOf(counts())['unauthorized'] === 10)
      const why = /\.decisions: the brokers do not allow it; .*\(SASL_AUTHENTICATION_FAILED\)/
      await until('the fault is told', () => sink.faults().some(fault => why.test(fault)))
      t.equal(counts().published, 0)
      const told = lines.filter(({ level }) => level !== 'debug')
      t.ok(told.length <= 2, `once a topic, not at each try: ${JSON.stringify(told)}`)
      t.notOk(JSON.stringify(lines).includes('wrong"'), 'no password in a log')
    })

    await t.test('delivers when the password is right', async t => {
      const { topics, publish, published } = createTestSink(t, {
        brokers,
        sasl: { mechanism, ...SASL_USER }
      })
      publish(10)
      await published(10)
      const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 10)
      t.equal(messages.length, 10)
    })
  })
}

test('kafka with TLS', options, async t => {
  const broker = await startKafka(t, { tls: 'mutual' })
  const brokers = [broker.brokers]
  const own = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client-key.pem') }

  await t.test('delivers when both sides know each other', async t => {
    for (const serverName of [null, 'model.test']) {
      const { topics, publish, published } = createTestSink(t, {
        brokers,
        tls: { ...own, serverName }
      })
      publish(10)
      await published(10)
      const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 10)
      t.equal(messages.length, 10)
    }
  })

  await t.test('sends nothing and names the fault when the broker cannot be believed', async t => {
    await isRefused(t, { ...own, ca: null, serverName: null }, /CERT|ISSUER|SIGNATURE|SIGNED/)
    await isRefused(t, { ...own, serverName: 'other.test' }, /ERR_TLS_CERT_ALTNAME_INVALID/)
  })

  await t.test('sends nothing when the broker does not believe us', async t => {
    await isRefused(t, { ca: own.ca, cert: null, key: null, serverName: null }, /\([\w/]+\)/)
  })

  async function isRefused(
    t: Test,
    tls: NonNullable<Parameters<typeof createTestSink>[1]['tls']>,
    word: RegExp
  ): Promise<void> {
    const { sink, publish, counts } = createTestSink(t, { brokers, tls })
    publish(10)
    await until('the fault is told', () => sink.faults().some(fault => word.test(fault))) // not a first timeout
    t.match(sink.faults(), [/^kafka topic \S+: no broker takes events/])
    t.equal(counts().published, 0)
    await sink.close(0)
    t.same(lostOf(counts()), { not_flushed: 10 })
  }
})

/** Text that does not become smaller. */
function noise(characters: number): string {
  let text = ''
  while (text.length < characters) text += Math.random().toString(36).slice(2)
  return text.slice(0, characters)
}

function pem(name: string): string {
  return readFileSync(join(ROOT, 'test/fixtures/tls', name), 'utf8')
}
