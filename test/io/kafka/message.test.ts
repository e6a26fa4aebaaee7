import { test } from 'tap'
import { headersOf, messageOf } from '../../../src/io/kafka/message.ts'

const origin = { source: 'sluice', at: 5, time: new Date('2026-01-02T03:04:05.678Z') }

test('is a CloudEvent in binary mode when an event becomes a message', async t => {
  const data = { route: 'fraud', text: 'ä' }
  const message = messageOf({ type: 'io.sluice.decision.v1', key: 'fraud', data }, origin)
  t.match(message, {
    at: 5,
    topic: 'decisions',
    key: 'fraud'
  })
  t.match(message && headersOf(message), {
    ce_specversion: '1.0',
    ce_id: /^[0-9a-f]{8}-[0-9a-f-]{27}$/,
    ce_type: 'io.sluice.decision.v1',
    ce_source: 'sluice',
    ce_time: '2026-01-02T03:04:05.678Z',
    'content-type': 'application/json'
  })
  t.same(JSON.parse(message?.value.toString() ?? ''), data)
  t.ok((message?.size ?? 0) > (message?.value.length ?? 0))
})

test('goes to the topic of shadows when it is a pair, with an id of its own each time', async t => {
  const event = { type: 'io.sluice.shadow.pair.v1', key: '', data: undefined }
  const [one, two] = [messageOf(event, origin), messageOf(event, origin)]
  t.match(one, { topic: 'shadow', key: null })
  t.equal(one?.value.toString(), 'null')
  t.not(one?.id, two?.id)
})

test('is no message when the data cannot be JSON', async t => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  t.equal(messageOf({ type: 't', key: 'k', data: cyclic }, origin), null)
  t.equal(messageOf({ type: 't', key: 'k', data: 1n }, origin), null)
  t.equal(messageOf({ type: 't', key: 'k', data: () => 1 }, origin), null)
})
