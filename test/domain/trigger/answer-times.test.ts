import { test } from 'tap'
import { AT, bucketOf, type Counters } from '../../../src/domain/counts.ts'
import { AnswerTimes } from '../../../src/domain/trigger/answer-times.ts'
import { freshCounters, request } from '../../helpers/observation.ts'

const answer = (c: Counters, ms: number, n = 1) => {
  for (let i = 0; i < n; i++) request(c, { sentAt: 1000, endedAt: 1000 + ms })
}

test('an answer is due after ten seconds when nothing is known', async t => {
  const times = new AnswerTimes('answers')
  t.equal(times.size, 0)
  t.equal(times.within(9_999), 0)
  t.equal(times.within(10_000), 1)
  t.equal(times.quantile(0.999), 0)
})

test('the share within a time is that of the last answers when there are some', async t => {
  const c = freshCounters()
  const times = new AnswerTimes('answers')
  answer(c, 5000, 50)
  times.close([c])
  t.equal(times.size, 0, 'what was before is not known')
  answer(c, 20, 90)
  answer(c, 300, 10)
  times.close([c])
  t.equal(times.size, 100)
  t.equal(times.within(0), 0)
  t.equal(times.within(10), 0)
  t.equal(times.within(100), 0.9)
  t.equal(times.within(400), 1)
  const p99 = times.quantile(0.99)
  t.ok(p99 >= 300 && p99 <= 300 * 1.07, `${p99} ms`)
  t.ok(times.quantile(0.5) >= 20 && times.quantile(0.5) <= 21.4)
})

test('answers are forgotten after two periods, but not while there are none', async t => {
  const c = freshCounters()
  const times = new AnswerTimes('answers')
  times.close([c])
  answer(c, 5000)
  times.close([c])
  for (let block = 0; block < 500; block++) times.close([c])
  t.equal(times.within(1000), 0, 'kept without traffic')
  for (let block = 0; block < 62; block++) {
    answer(c, 20)
    times.close([c])
  }
  t.equal(times.within(1000), 1)
})

test('learning between blocks ends no period', async t => {
  const c = freshCounters()
  const times = new AnswerTimes('answers')
  times.close([c])
  for (let i = 0; i < 200; i++) {
    answer(c, 20)
    times.learn([c])
  }
  t.equal(times.size, 200)
})

test('another champion has another history', async t => {
  const [one, other] = [freshCounters(), freshCounters()]
  const times = new AnswerTimes('answers')
  times.close([one])
  answer(other, 5000, 9)
  times.close([other])
  answer(other, 20)
  times.close([other])
  t.equal(times.size, 1)
})

test('a count goes on when its word passes 2^32', async t => {
  const c = freshCounters()
  c.words[AT.answers + bucketOf(20_000)] = 2 ** 32 - 1
  const times = new AnswerTimes('answers')
  times.close([c])
  answer(c, 20, 3)
  times.close([c])
  t.equal(times.size, 3)
})
