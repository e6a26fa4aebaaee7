/**
 * A broker that dies, stops, or is cut off while 500 events a second come: every event is accounted for, nothing
 * is unhandled, and the broker is not stormed when it comes back.
 */
import t, { type Test, test } from 'tap'
import { type FaultProxy, startFaultProxy } from '../../helpers/fault-proxy.ts'
import { type Kafka, startKafka, uniqueTopics, WITHOUT_KAFKA } from '../../helpers/kafka.ts'
import { createTopic, readTopic, withoutRepeats } from '../../helpers/kafka-reader.ts'
import { createTestSink, lostOf, numbersOf, type TestSink } from '../../helpers/kafka-sink.ts'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

type Bench = TestSink & { readonly broker: Kafka; readonly proxy: FaultProxy }

test('a broker with faults', { skip: WITHOUT_KAFKA }, async t => {
  const port = await freePort()
  const proxy = await startFaultProxy(t, { to: port })
  const broker = await startKafka(t, { port, advertised: proxy.port })
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))

  await t.test('delivers everything at least once and in order when it is killed', async t => {
    const { sink, publish, published, stream, given, topics, counts } = await benchOf(t)
    publish(100)
    await published(100)
    const stop = stream()
    await published(500)
    await broker.kill9()
    await until('the fault is told', () => sink.faults().some(fault => /no broker/.test(fault)))
    const atFault = given()
    await until('more events wait', () => given() >= atFault + 500)
    await broker.restart()
    await published(atFault + 500)
    stop()
    await published(given())
    t.same(sink.faults(), [])
    t.same(lostOf(counts()), {})
    await isWhole(t, topics.decisions, given())
  })

  await t.test(
    'tells that it hangs, and loses nothing, when it is stopped and goes on',
    async t => {
      const { sink, published, stream, given, topics, counts } = await benchOf(t)
      const stop = stream()
      await published(200)
      broker.pause()
      await until('the fault is told', () =>
        sink.faults().some(fault => /have not answered for \d+ s/.test(fault))
      )
      broker.resume()
      stop()
      await published(given())
      t.same(lostOf(counts()), {})
      await isWhole(t, topics.decisions, given())
    }
  )

  await t.test('drops the oldest, in bounded memory, when it hangs for long', async t => {
    const { sink, published, publish, given, topics, counts } = await benchOf(t, 256 * 1024)
    publish(10)
    await published(10)
    broker.pause()
    for (let i = 0; i < 20; i++) {
      publish(500)
      await new Promise(resolve => setImmediate(resolve))
    }
    const dropped = lostOf(counts())['buffer_full'] ?? 0
    t.ok(dropped > 8_000, `${dropped} of 10,000`)
    broker.resume()
    await published(given() - dropped)
    t.same(lostOf(counts()), { buffer_full: dropped })
    const kept = given() - dropped
    const messages = await readTopic(
      broker.inner,
      topics.decisions,
      each => withoutRepeats(each).length >= kept
    )
    t.equal(numbersOf(messages).at(-1), given() - 1, 'the newest is there')
    t.same(sink.faults(), [])
  })

  await t.test('gives up what it cannot write out when it is closed meanwhile', async t => {
    const { sink, published, publish, counts } = await benchOf(t)
    publish(10)
    await published(10)
    broker.pause()
    publish(300)
    await sink.close(500)
    broker.resume()
    t.equal(counts().published, 10)
    t.same(lostOf(counts()), { not_flushed: 300 })
  })

  for (const fault of ['blackHole', 'swallowReplies', 'stall'] as const) {
    await t.test(`delivers everything when the connection had the fault ${fault}`, async t => {
      const { published, stream, given, topics, counts } = await benchOf(t)
      const stop = stream()
      await published(200)
      proxy[fault]()
      const atFault = given()
      await until('more events wait', () => given() >= atFault + 500)
      await proxy.pass()
      stop()
      await published(given())
      t.same(lostOf(counts()), {})
      await isWhole(t, topics.decisions, given())
    })
  }

  await t.test('sends again, with the same id, what was taken without an answer', async t => {
    const topics = uniqueTopics()
    await createTopic(broker.inner, topics.decisions)
    const { sink, publish, published, counts } = createTestSink(
      t,
      { brokers: [`127.0.0.1:${proxy.port}`], topics },
      { requestMs: 1_000 }
    )
    publish(10)
    await published(10)
    proxy.swallowReplies()
    publish(10)
    await until('the request is given up', () =>
      sink.faults().some(fault => /RequestTimeout/.test(fault))
    )
    const [since, before] = [performance.now(), proxy.counts().accepted]
    await until('it tried some times', () => proxy.counts().accepted >= before + 3)
    const seconds = (performance.now() - since) / 1_000
    t.ok(3 <= seconds + 2, `3 connections in ${seconds} s`)
    await proxy.pass()
    await published(20)
    t.same(lostOf(counts()), {})
    const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 30)
    t.equal(withoutRepeats(messages).length, 20)
    t.ok(messages.length > 20, 'the batch is there twice')
  })

  await t.test('begins at most one connection a second when each is reset', async t => {
    const { published, stream, given, topics, counts } = await benchOf(t)
    const stop = stream()
    await published(200)
    await proxy.cut('reset')
    const [since, before] = [performance.now(), proxy.counts().accepted]
    await until('it tried some times', () => proxy.counts().accepted >= before + 4)
    const tries = proxy.counts().accepted - before
    const seconds = (performance.now() - since) / 1_000
    t.ok(tries <= seconds + 2, `${tries} connections in ${seconds} s`)
    await proxy.pass()
    stop()
    await published(given())
    t.same(lostOf(counts()), {})
    await isWhole(t, topics.decisions, given())
  })

  await t.test('goes on, with nothing lost, when answers are nonsense for a while', async t => {
    const { sink, published, stream, given, topics, counts } = await benchOf(t)
    const stop = stream()
    await published(200)
    proxy.nonsense()
    const atFault = given()
    await until('more events wait', () => given() >= atFault + 500)
    proxy.resetAll()
    await until('the fault is told', () => sink.faults().length > 0)
    await proxy.pass()
    stop()
    await published(given())
    t.same(lostOf(counts()), {})
    await isWhole(t, topics.decisions, given())
  })

  t.same(unhandled, [], 'no rejection that nobody handles')

  /** A sink whose connections go through the proxy, with its topic. */
  async function benchOf(t: Test, buffer?: number): Promise<Bench> {
    const topics = uniqueTopics()
    await createTopic(broker.inner, topics.decisions)
    const brokers = [`127.0.0.1:${proxy.port}`]
    const sink = createTestSink(t, { brokers, topics }, buffer === undefined ? {} : { buffer })
    return { ...sink, broker, proxy }
  }

  /** All numbers are there; repeats have the id of the first, and without them the order holds. */
  async function isWhole(t: Test, topic: string, events: number): Promise<void> {
    const messages = await readTopic(
      broker.inner,
      topic,
      each => each.length >= events && withoutRepeats(each).length >= events
    )
    t.same(
      numbersOf(withoutRepeats(messages)),
      Array.from({ length: events }, (_, n) => n)
    )
    t.comment(`${messages.length - events} repeats of ${events} events`)
  }
})
