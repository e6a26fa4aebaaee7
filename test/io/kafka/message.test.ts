import { test } from 'tap'
import { headersOf, type Message, messageOf } from '../../../src/io/kafka/message.ts'
import { Slabs } from '../../../src/io/slabs.ts'

const slabs = new Slabs()
const origin = { source: 'sluice', at: 5, time: new Date('2026-01-02T03:04:05.678Z') }

function madeOf(event: Parameters<typeof messageOf>[0]): Message {
  const message = messageOf(event, origin, slabs, 1_000_000)
  if (typeof message === 'string') throw new Error(message)
  return message
}

test('is a CloudEvent in binary mode when an event becomes a message', async t => {
  const data = { route: 'fraud', text: 'ä' }
  const message = madeOf({ type: 'io.sluice.decision.v1', key: 'fraud', data })
  t.match(message, {
    at: 5,
    topic: 'decisions',
    key: 'fraud'
  })
  t.match(headersOf(message), {
    ce_specversion: '1.0',
    ce_id: /^[0-9a-f]{8}-[0-9a-f-]{27}$/,
    ce_type: 'io.sluice.decision.v1',
    ce_source: 'sluice',
    ce_time: '2026-01-02T03:04:05.678Z',
    'content-type': 'application/json'
  })
  t.same(JSON.parse(message.value.bytes().toString()), data)
  t.ok(message.size > message.value.length)
})

test('goes to the topic of shadows when it is a pair, with an id of its own each time', async t => {
  const event = { type: 'io.sluice.shadow.pair.v1', key: '', data: undefined }
  const [one, two] = [madeOf(event), madeOf(event)]
  t.match(one, { topic: 'shadow', key: null })
  t.equal(one.value.bytes().toString(), 'null')
  t.not(one.id, two.id)
})

test('is no message when the data cannot be JSON', async t => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  for (const data of [cyclic, 1n, () => 1]) {
    t.equal(messageOf({ type: 't', key: 'k', data }, origin, slabs, 1_000_000), 'not_json')
  }
})

test('is no message when it would take more memory than it may', async t => {
  const event = { type: 't', key: 'k', data: 'ä'.repeat(1_000) }
  const { size } = madeOf(event)
  t.equal(messageOf(event, origin, slabs, size - 1), 'too_large')
  t.type(messageOf(event, origin, slabs, size), 'object')
})
