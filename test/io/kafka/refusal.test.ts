import { createRequire } from 'node:module'
import { test } from 'tap'
import { refusalOf } from '../../../src/io/kafka/refusal.ts'

const kafkajs: typeof import('kafkajs') = createRequire(import.meta.url)('kafkajs')
const { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } = kafkajs

const protocol = (type: string) =>
  new KafkaJSProtocolError(Object.assign(new Error('x'), { type, code: 10 }))

test('finds the word of the broker when the client wrapped its error', async t => {
  const inner = protocol('NOT_LEADER_FOR_PARTITION')
  t.same(refusalOf(inner), { kind: 'away', word: 'NOT_LEADER_FOR_PARTITION', answered: true })
  const outer = new KafkaJSNumberOfRetriesExceeded(inner, { retryCount: 0, retryTime: 1 })
  t.same(refusalOf(outer), { kind: 'away', word: 'NOT_LEADER_FOR_PARTITION', answered: true })
  const many = Object.assign(new Error('topics'), { errors: [protocol('POLICY_VIOLATION')] })
  t.same(refusalOf(many), { kind: 'missing_topic', word: 'POLICY_VIOLATION', answered: true })
})

test('tells what only an operator can end when brokers refuse the topic or the user', async t => {
  t.match(refusalOf(protocol('UNKNOWN_TOPIC_OR_PARTITION')), {
    kind: 'missing_topic',
    answered: true
  })
  t.match(refusalOf(protocol('TOPIC_AUTHORIZATION_FAILED')), { kind: 'unauthorized' })
  // Its type has no argument, its class has one.
  const sasl: unknown = Reflect.construct(kafkajs.KafkaJSSASLAuthenticationError, ['SASL PLAIN'])
  t.same(refusalOf(sasl), {
    kind: 'unauthorized',
    word: 'SASL_AUTHENTICATION_FAILED',
    answered: false
  })
})

test('tells what one event of a batch is to blame for when brokers refuse it', async t => {
  for (const type of ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']) {
    t.same(refusalOf(protocol(type)), { kind: 'too_large', word: type, answered: true })
  }
  t.match(refusalOf(protocol('INVALID_RECORD')), { kind: 'refused' })
})

test('is away, without free text, when a connection broke or anything else happened', async t => {
  const lost = new KafkaJSConnectionError('Connection error: connect ECONNREFUSED 10.0.0.1', {
    broker: '10.0.0.1:9092',
    code: 'ECONNREFUSED'
  })
  t.same(refusalOf(lost), { kind: 'away', word: 'ECONNREFUSED', answered: false })
  t.same(refusalOf(new TypeError('a secret')), { kind: 'away', word: 'TypeError', answered: false })
  for (const nothing of [undefined, null, 'text', 7]) {
    t.same(refusalOf(nothing), { kind: 'away', word: 'unknown', answered: false })
  }
  const cyclic: { cause?: unknown } = {}
  cyclic.cause = cyclic
  t.same(refusalOf(cyclic), { kind: 'away', word: 'unknown', answered: false })
})
