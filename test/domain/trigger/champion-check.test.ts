import { test } from 'tap'
import { type Counters, TICK_MS } from '../../../src/domain/counts.ts'
import { recordSent } from '../../../src/domain/record.ts'
import { AnswerTimes } from '../../../src/domain/trigger/answer-times.ts'
import { checkChampion } from '../../../src/domain/trigger/champion-check.ts'
import { freshCounters, request } from '../../helpers/observation.ts'

const NOW = 100_000

/** A champion whose answers take 20 ms. */
function scene() {
  const [champion, challenger] = [freshCounters(), freshCounters()]
  const past = freshCounters()
  const times = new AnswerTimes('answers')
  times.close([past])
  for (let i = 0; i < 1000; i++) request(past, { sentAt: 1000, endedAt: 1020 })
  times.close([past])
  const check = (
    over: { from?: number; waited?: number; sla?: number | null; kind?: 0 | 3 } = {}
  ) =>
    checkChampion(
      [champion],
      [challenger],
      over.kind ?? 0,
      over.from ?? NOW - 10_000,
      NOW,
      times,
      over.sla ?? null,
      over.waited ?? 0
    )
  return { champion, challenger, check }
}

const send = (c: Counters, n: number, good: boolean, ago = 2000) => {
  for (let i = 0; i < n; i++) {
    request(c, {
      outcome: good ? 'ok' : 'connect',
      sentAt: NOW - ago - i,
      endedAt: NOW - ago - i + 20
    })
  }
}

test('five good answers are enough when all of the challenger fail', async t => {
  const { champion, challenger, check } = scene()
  send(challenger, 12, false)
  send(champion, 4, true)
  t.equal(check().state, 'wait')
  send(champion, 1, true)
  t.match(check(), { state: 'well', championSent: 5, championMissed: 0, challengerMissed: 1 })
})

test('more are waited for when the challenger fails mildly, and a minute is enough waiting', async t => {
  const { champion, challenger, check } = scene()
  send(challenger, 10, false)
  send(challenger, 90, true)
  send(champion, 20, true)
  t.equal(check().state, 'wait')
  t.equal(check({ waited: 60_000 }).state, 'well')
  send(champion, 80, true)
  t.equal(check().state, 'well')
})

test('the champion is unwell when it misses more than half of what the challenger misses', async t => {
  const { champion, challenger, check } = scene()
  send(challenger, 10, false)
  send(champion, 30, true)
  send(champion, 40, false)
  t.equal(check().state, 'unwell')
})

test('the champion is unwell when its requests hang and its answers are usually fast', async t => {
  const { champion, challenger, check } = scene()
  send(challenger, 10, false)
  for (let i = 0; i < 10; i++) recordSent(champion, NOW - 2000, 0, true, 0)
  t.match(check(), { state: 'unwell', championMissed: 1 })
})

test('a burst that cannot be answered yet makes nobody unwell when it was sent just now', async t => {
  const { champion, challenger, check } = scene()
  send(challenger, 10, false)
  send(champion, 20, true)
  for (let i = 0; i < 40; i++) recordSent(champion, NOW - 5, 0, true, 0)
  t.equal(check().state, 'wait')
})

test('an answer later than the SLA is missed when the question is latency', async t => {
  const { champion, challenger, check } = scene()
  for (const c of [champion, challenger]) {
    for (let i = 0; i < 40; i++) request(c, { slow: true, sentAt: NOW - 4000, endedAt: NOW - 3000 })
  }
  t.equal(check({ kind: 3, sla: 250 }).state, 'unwell')
  t.equal(check().championMissed, 0, 'as errors they are good')
})

test('the champion is unknown when it got nothing in ten seconds', async t => {
  const { champion, challenger, check } = scene()
  send(challenger, 12, false)
  t.equal(check().state, 'unknown')
  send(champion, 1, true, 9_000)
  t.equal(check().state, 'wait')
})

test('only what was sent since the first failure counts, a minute at most', async t => {
  const { champion, challenger, check } = scene()
  send(challenger, 10, false)
  send(champion, 50, true)
  send(champion, 500, false, 20_000)
  t.equal(check({ from: NOW - 5_000 }).state, 'well')
  t.equal(check({ from: NOW - 40_000 }).state, 'unwell')
  const old = scene()
  send(old.challenger, 10, false)
  send(old.champion, 50, true)
  send(old.champion, 500, false, 60_000 + 2 * TICK_MS)
  t.equal(old.check({ from: 0 }).state, 'well')
})

test('a time before the process began is no slot of the ring', async t => {
  const [champion, challenger] = [freshCounters(), freshCounters()]
  const check = checkChampion(
    [champion],
    [challenger],
    0,
    -500,
    300,
    new AnswerTimes('answers'),
    null,
    0
  )
  t.equal(check.state, 'unknown')
  t.equal(check.championSent, 0)
})
