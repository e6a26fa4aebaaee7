import { test } from 'tap'
import {
  ADDRESSES,
  AT,
  BAD_KINDS,
  bucketOf,
  CALL_RING,
  CALLED,
  type Counters,
  evidenceRow,
  FAIL,
  FAILURE_RING,
  GROUPS,
  OUTCOMES,
  type Outcome,
  ROW,
  requestCell,
  SEND_RING,
  TICK_MS,
  TIME_AT
} from '../../src/domain/counts.ts'
import { UNREADABLE } from '../../src/domain/payload/reading.ts'
import {
  recordAnswered,
  recordFirstToken,
  recordOutcome,
  recordReading,
  recordSent,
  recordTokenTimes,
  startGeneration
} from '../../src/domain/record.ts'
import { freshCounters, observation, request } from '../helpers/observation.ts'

const rowAt = (c: Counters, generation = 1, stratum = 0) => {
  const at = evidenceRow(c.splits, generation, stratum)
  return [...c.words.slice(at, at + ROW.latency + 1)]
}
const failures = (c: Counters) => c.words[AT.failureSequence] ?? 0
const failureWord = (c: Counters, sequence: number, word: number) =>
  c.words[AT.failures + (sequence % FAILURE_RING.slots) * FAILURE_RING.size + word]
const callWord = (c: Counters, sequence: number, word: number) =>
  c.words[AT.calls + (sequence % CALL_RING.slots) * CALL_RING.size + word]

test('every outcome counts as what the rules say when it is a prediction call', async t => {
  const expected: Record<Outcome, readonly number[]> = {
    ok: [1, 0, 0, 1, 0, 1, 0],
    client_error: [1, 0, 1, 0, 0, 1, 0],
    upstream_error: [1, 1, 0, 0, 0, 1, 0],
    connect: [1, 1, 0, 0, 0, 1, 0],
    timeout: [1, 1, 0, 0, 0, 1, 0],
    reset: [1, 1, 0, 0, 0, 1, 0],
    invalid: [1, 1, 0, 0, 0, 1, 0],
    bad_prediction: [1, 0, 0, 0, 0, 1, 0],
    client_gone: [0, 0, 0, 0, 0, 0, 0],
    shed: [1, 1, 0, 0, 0, 1, 0]
  }
  for (const outcome of OUTCOMES) {
    const c = freshCounters()
    request(c, { outcome })
    t.strictSame(rowAt(c), expected[outcome], outcome)
  }
})

test('a client that leaves counts as a slow answer when it waited longer than the SLA, and as nothing before', async t => {
  const c = freshCounters()
  request(c, { outcome: 'client_gone', slow: false })
  t.strictSame(rowAt(c), [0, 0, 0, 0, 0, 0, 0])
  request(c, { outcome: 'client_gone', slow: true })
  t.strictSame(rowAt(c), [0, 0, 0, 0, 0, 1, 1])
  t.equal(callWord(c, 1, CALL_RING.kinds), FAIL.latency, 'it is no call in the ring')
})

test('a slow answer is no evidence when its address is cold', async t => {
  const c = freshCounters()
  request(c, { timed: false, slow: true })
  t.strictSame(rowAt(c), [1, 0, 0, 1, 0, 0, 0])
})

test('bad predictions are counted by kind and once as evidence when an answer has several', async t => {
  const c = freshCounters()
  request(c, { outcome: 'bad_prediction', judged: true, bad: 0b11, badCounts: true })
  t.strictSame(rowAt(c), [1, 0, 0, 1, 1, 1, 0])
  t.strictSame([...c.words.slice(AT.badKinds, AT.badKinds + BAD_KINDS.length)], [1, 1, 0, 0, 0, 0])
})

test('a call that is no prediction goes to the metrics alone', async t => {
  const c = freshCounters()
  request(c, { prediction: false, outcome: 'upstream_error' })
  t.strictSame(rowAt(c), [0, 0, 0, 0, 0, 0, 0])
  t.equal(c.words[requestCell(0, 1, OUTCOMES.indexOf('upstream_error'), 5)], 1)
  t.equal(failures(c), 0)
})

test('a request goes to the metrics alone when it was assigned before the ranges changed', async t => {
  const c = freshCounters()
  startGeneration(c, 2)
  request(c, { generation: 1, outcome: 'timeout' })
  t.strictSame(rowAt(c, 2), [0, 0, 0, 0, 0, 0, 0])
  t.strictSame(rowAt(c, 1), [0, 0, 0, 0, 0, 0, 0])
  t.equal(failures(c), 0)
  t.equal(c.words[AT.callSequence], 0)
  t.equal(c.words[AT.groups + 7 * ROW.size + ROW.errors], 1, 'bursts of the champion survive')
})

test('the bank of a generation is empty when the generation starts, and the other keeps its counts', async t => {
  const c = freshCounters()
  request(c)
  startGeneration(c, 2)
  request(c, { generation: 2 })
  request(c, { generation: 2 })
  t.equal(rowAt(c, 1)[ROW.calls], 1)
  t.equal(rowAt(c, 2)[ROW.calls], 2)
  startGeneration(c, 3)
  t.equal(rowAt(c, 3)[ROW.calls], 0)
  t.equal(rowAt(c, 2)[ROW.calls], 2)
  startGeneration(c, 3)
  request(c, { generation: 3 })
  startGeneration(c, 3)
  t.equal(rowAt(c, 3)[ROW.calls], 1, 'starting it again clears nothing')
})

test('strata have rows of their own, and the other cohort is in no ring and no group', async t => {
  const c = freshCounters(1)
  request(c, { stratum: 1, cohort: 1, outcome: 'upstream_error' })
  request(c, { stratum: 2, cohort: 2, outcome: 'upstream_error' })
  t.equal(rowAt(c, 1, 0)[ROW.calls], 0)
  t.equal(rowAt(c, 1, 1)[ROW.errors], 1)
  t.equal(rowAt(c, 1, 2)[ROW.errors], 1)
  t.equal(failures(c), 1)
  t.equal(callWord(c, 1, CALL_RING.kinds), FAIL.errors | CALLED | (1 << 8))
})

test('counts go on when a word passes 2^32', async t => {
  const c = freshCounters()
  const at = evidenceRow(0, 1, 0) + ROW.calls
  c.words[at] = 2 ** 32 - 1
  request(c)
  t.equal(c.words[at], 0)
})

test('failures of a unit share an entry when they end in the same tick and it was not read', async t => {
  const c = freshCounters()
  for (let i = 0; i < 3; i++) request(c, { outcome: 'upstream_error', unit: 5 })
  request(c, { outcome: 'upstream_error', unit: 6 })
  request(c, { outcome: 'upstream_error', unit: 5 })
  t.equal(failures(c), 2)
  t.equal(failureWord(c, 1, FAILURE_RING.count), 4)
  c.words[AT.failureRead] = failures(c)
  request(c, { outcome: 'upstream_error', unit: 5 })
  t.equal(failures(c), 3)
  request(c, { outcome: 'upstream_error', unit: 5, endedAt: 1030 + TICK_MS })
  t.equal(failures(c), 4)
})

test('the oldest failure is overwritten when the ring is full', async t => {
  const c = freshCounters()
  const many = FAILURE_RING.slots + 5
  for (let unit = 1; unit <= many; unit++) request(c, { outcome: 'timeout', unit })
  t.equal(failures(c), many)
  t.equal(failureWord(c, many, FAILURE_RING.unit), many)
  t.equal(failureWord(c, 5, FAILURE_RING.sequence), FAILURE_RING.slots + 5, 'slot taken over')
  t.equal(failureWord(c, 6, FAILURE_RING.sequence), 6, 'the oldest that is left')
})

test('the call ring keeps the last 48 calls when there were more', async t => {
  const c = freshCounters()
  for (let unit = 1; unit <= 100; unit++) request(c, { unit, outcome: unit % 2 ? 'ok' : 'reset' })
  t.equal(c.words[AT.callSequence], 100)
  const units = Array.from({ length: 48 }, (_, i) => callWord(c, 53 + i, CALL_RING.unit))
  t.strictSame(
    units,
    Array.from({ length: 48 }, (_, i) => 53 + i)
  )
  t.equal(callWord(c, 100, CALL_RING.kinds), FAIL.errors | CALLED)
  t.equal(callWord(c, 99, CALL_RING.kinds), CALLED)
})

test('requests are counted by the tick in which they were sent, with those answered well per kind', async t => {
  const c = freshCounters()
  request(c)
  request(c, { outcome: 'upstream_error' })
  request(c, { outcome: 'client_error' })
  request(c, { outcome: 'bad_prediction', judged: true, badCounts: true })
  request(c, { slow: true })
  request(c, { outcome: 'client_gone' })
  recordSent(c, 1100, 0, true, 0)
  const at = AT.sends + Math.floor(1000 / TICK_MS) * SEND_RING.size
  t.strictSame(
    [...c.words.slice(at, at + SEND_RING.size)],
    [4, 7, 4, 3, 3, 3, 2, 0],
    'tick, sent, well for errors, 4xx, predictions, latency, and for the first three'
  )
})

test('an answer credits nothing when its send tick was overwritten 64 s ago', async t => {
  const c = freshCounters()
  recordSent(c, 1000, 0, true, 0)
  recordSent(c, 1000 + SEND_RING.slots * TICK_MS, 0, true, 0)
  recordOutcome(c, observation({ sentAt: 1000, endedAt: 65_100 }))
  const at = AT.sends + Math.floor(1000 / TICK_MS) * SEND_RING.size
  t.equal(c.words[at + SEND_RING.tick], 4 + SEND_RING.slots)
  t.equal(c.words[at + SEND_RING.sent], 1)
  t.equal(c.words[at + SEND_RING.well], 0)
})

test('an answer leaves its time, its address and its latency when it begins', async t => {
  const c = freshCounters()
  recordAnswered(c, 1500, 1000, 3)
  recordAnswered(c, 1600, 900, 3)
  t.equal(c.times[TIME_AT.lastAnswer], 1600)
  t.equal(c.times[TIME_AT.lastAnsweredSend], 1000, 'the latest send that was answered')
  t.equal(c.words[AT.addresses + 3 * ADDRESSES.size + ADDRESSES.answered], 2)
  t.equal(c.words[AT.firstBytes + bucketOf(500_000)], 1)
})

test('only answers enter the times of answers when others end, too', async t => {
  const c = freshCounters()
  request(c)
  request(c, { outcome: 'timeout', endedAt: 61_000 })
  t.equal(c.times[TIME_AT.latencySum], 30_000 + 60_000_000)
  const sum = (from: number) => c.words.slice(from, from + 512).reduce((a, b) => a + b, 0)
  t.equal(sum(AT.histogram), 2)
  t.equal(sum(AT.answers), 1)
  request(c, { latencyMs: 20, endedAt: 6000 })
  t.equal(c.words[AT.histogram + bucketOf(20_000)], 1, 'a stream by its first byte')
  t.equal(c.words[AT.answers + bucketOf(5_000_000)], 1, 'and by its end')
})

test('failures are summed by the group of their unit when phi needs them', async t => {
  const c = freshCounters()
  request(c, { bucket: GROUPS + 3, outcome: 'reset' })
  t.equal(c.words[AT.groups + 3 * ROW.size + ROW.calls], 1)
  t.equal(c.words[AT.groups + 3 * ROW.size + ROW.errors], 1)
})

test('adds what an answer says of itself when it is read, and no count that nobody can have', async t => {
  const c = freshCounters()
  const reading = {
    judged: true,
    bad: 0,
    failed: false,
    why: null,
    predictions: 1,
    truncated: false,
    inputTokens: 5,
    outputTokens: null,
    model: null,
    finished: true
  }
  recordReading(c, reading)
  recordReading(c, { ...reading, outputTokens: 9, truncated: true, why: 'depth' })
  recordReading(c, { ...reading, inputTokens: Number.MAX_SAFE_INTEGER })
  t.strictSame([...c.words.slice(AT.tokens, AT.tokens + 2)], [10, 9])
  t.equal(c.words[AT.scanTruncated], 1)
  t.equal(c.words[AT.unreadable + UNREADABLE.indexOf('depth')], 1)
  t.strictSame(rowAt(c), [0, 0, 0, 0, 0, 0, 0], 'nothing of it is evidence by itself')
})

test('keeps the times of tokens apart from those of requests when a stream brings them', async t => {
  const c = freshCounters()
  recordFirstToken(c, 120)
  recordTokenTimes(c, 10, 3)
  recordTokenTimes(c, 0, 2)
  t.equal(c.words[AT.firstTokens + bucketOf(120_000)], 1)
  t.equal(c.words[AT.tokenTimes + bucketOf(10_000)], 3)
  t.equal(c.words[AT.tokenTimes + bucketOf(0)], 2)
  t.equal(c.times[TIME_AT.firstTokenSum], 120_000)
  t.equal(c.times[TIME_AT.tokenTimeSum], 30_000)
  t.equal(c.times[TIME_AT.latencySum], 0)
})
