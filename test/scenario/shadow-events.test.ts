/**
 * Pairs and decisions of the running product at a real broker, and what becomes of traffic when the broker is gone.
 */
import t from 'tap'
import { Compile } from 'typebox/compile'
import { PAIR, type PairRecord } from '../../src/domain/pair.ts'
import { DECISION, eventSchemas } from '../../src/io/event-schema.ts'
import { startAnswering } from '../helpers/answering.ts'
import { startKafka, uniqueTopics, WITHOUT_KAFKA } from '../helpers/kafka.ts'
import { type ReadMessage, readTopic, withoutRepeats } from '../helpers/kafka-reader.ts'
import { samplesOf, sumBy } from '../helpers/metrics.ts'
import { askAs, copiesEnded, shadowedRoute, shadowOf, sum } from '../helpers/shadowed.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test('events at a real broker', { skip: WITHOUT_KAFKA }, async t => {
  const kafka = await startKafka(t)
  const topics = uniqueTopics()
  const champion = await startAnswering(t, () => ({ body: '{"predictions":[1]}' }))
  const challenger = await startAnswering(t, () => ({ body: '{"predictions":[2]}' }))
  const router = await startSluice(
    {
      events: { driver: 'kafka', kafka: { brokers: [kafka.brokers], topics } },
      routes: { fraud: shadowedRoute('fraud', champion.url, challenger.url) }
    },
    { t }
  )
  const ask = (user: number) => askAs(router, 'fraud', `user-${user}`)
  const askMany = (from: number, count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => ask(from + i)))

  await t.test('publishes each pair once, and each decision', async t => {
    for (let from = 0; from < 100; from += 20) await askMany(from, 20)
    const revision = (await shadowOf(router, 'fraud')).revision
    await router.admin('/admin/v1/routes/fraud', {
      method: 'PUT',
      headers: { 'if-match': `"${revision}"` },
      body: JSON.stringify({ weights: { v3: 99, v4: 1 } })
    })
    const pairs = await readTopic(kafka.inner, topics.shadow, all => all.length >= 100)
    const records = withoutRepeats(pairs).map(({ value }) => JSON.parse(value) as PairRecord)
    t.equal(new Set(records.map(({ requestId }) => requestId)).size, 100)
    const [decision] = await readTopic(kafka.inner, topics.decisions, all => all.length > 0)
    for (const [message, type] of [
      [pairs[0], PAIR],
      [decision, DECISION]
    ] as const) {
      t.equal(message?.headers['ce_type'], type)
      const schema = eventSchemas[type]
      t.ok(schema && message && Compile(schema).Check(envelopeOf(message)), `${type} by its schema`)
    }
    t.equal(pairs[0]?.key, records[0]?.unitId)
    t.match(await router.admin('/readyz').then(answer => answer.json()), { degraded: [] })
  })

  await t.test(
    'answers as ever and counts what is lost when the broker is frozen and killed',
    async t => {
      const { revision } = await shadowOf(router, 'fraud')
      await router.admin('/admin/v1/routes/fraud', {
        method: 'PUT',
        headers: { 'if-match': `"${revision}"` },
        body: JSON.stringify({ weights: { v3: 100, v4: 0 } })
      })
      kafka.pause()
      t.ok((await askMany(1000, 100)).every(status => status === 200))
      await kafka.kill9()
      t.ok((await askMany(2000, 100)).every(status => status === 200))
      await until('readyz to name the broker', async () => {
        const { degraded } = (await (await router.admin('/readyz')).json()) as {
          degraded: string[]
        }
        return degraded.some(sentence => /broker|kafka/i.test(sentence))
      })
      t.equal((await router.admin('/readyz')).status, 200, 'and it is ready')
      await kafka.restart()
      const view = await copiesEnded(router, 'fraud')
      const counts = await until('every event to be published or lost', async () => {
        const published = sumBy(await samplesOf(router.adminUrl, 'sluice_events_total'), 'topic')
        const lost = sumBy(await samplesOf(router.adminUrl, 'sluice_events_dropped_total'), 'topic')
        const all = (published['shadow'] ?? 0) + (lost['shadow'] ?? 0)
        return all >= sum(view.outcomes) && { published, lost, all }
      })
      t.equal(counts.all, sum(view.outcomes), 'the sums agree')
      const logs = router.logs().map(({ msg }) => String(msg))
      t.notOk(logs.some(line => /unhandled/i.test(line)))
    }
  )
})

/** The CloudEvent of a message in binary mode. */
function envelopeOf({ headers, value, key }: ReadMessage): Record<string, unknown> {
  return {
    specversion: headers['ce_specversion'],
    id: headers['ce_id'],
    source: headers['ce_source'],
    type: headers['ce_type'],
    time: headers['ce_time'],
    datacontenttype: headers['content-type'],
    ...(key === null ? {} : { partitionkey: key }),
    data: JSON.parse(value)
  }
}
