import { test } from 'tap'
import { AT, type Counters, TIME_AT } from '../../../src/domain/counts.ts'
import { recordAnswered } from '../../../src/domain/record.ts'
import { absenceLimit, judgeAbsence } from '../../../src/domain/trigger/absence.ts'
import { AnswerTimes } from '../../../src/domain/trigger/answer-times.ts'
import { freshCounters } from '../../helpers/observation.ts'

const AUTO = { action: 'rollback', dryRun: false, after: 'auto', startup: 300_000 } as const
const NOW = 100_000
const LIMIT = 10_000

const pending = (c: Counters, count: number, units: number, oldest: number) => {
  c.words[AT.pending] = count
  c.words[AT.pending + 1] = units
  c.times[TIME_AT.oldestPending] = oldest
}
const arm = (...counters: Counters[]) => ({ counters, addresses: [], weight: 1000 })

function scene() {
  const [champion, challenger] = [freshCounters(), freshCounters()]
  champion.times[TIME_AT.lastSent] = NOW - 100
  champion.times[TIME_AT.lastAnsweredSend] = NOW - 200
  challenger.times[TIME_AT.lastAnswer] = NOW - 10_600
  const judge = (healthy = true) =>
    judgeAbsence(arm(challenger), arm(champion), healthy, NOW, LIMIT)
  return { champion, challenger, judge }
}

test('a challenger is absent when five requests of two units wait for longer than the limit', async t => {
  const { challenger, judge } = scene()
  pending(challenger, 5, 2, NOW - 10_500)
  t.match(judge(), { verdict: 'absent', pending: 5, waitedMs: 10_500, limitMs: LIMIT })
})

test('a challenger is present when fewer wait, of one unit, not so long, or it answered since', async t => {
  const { challenger, judge } = scene()
  pending(challenger, 4, 2, NOW - 10_500)
  t.equal(judge().verdict, 'present')
  pending(challenger, 5, 1, NOW - 10_500)
  t.equal(judge().verdict, 'present')
  pending(challenger, 5, 2, NOW - 10_000)
  t.equal(judge().verdict, 'present')
  pending(challenger, 5, 2, NOW - 10_500)
  challenger.times[TIME_AT.lastAnswer] = NOW - 9_000
  t.equal(judge().verdict, 'present')
  pending(challenger, 0, 0, 0)
  t.match(judge(), { verdict: 'present', waitedMs: 0 })
})

test('both are silent when the champion answered nothing that was sent later', async t => {
  const { champion, challenger, judge } = scene()
  pending(challenger, 9, 2, NOW - 10_500)
  champion.times[TIME_AT.lastAnsweredSend] = NOW - 11_000
  t.equal(judge().verdict, 'both-silent')
})

test('health checks decide when the champion gets no requests', async t => {
  const { champion, challenger, judge } = scene()
  pending(challenger, 9, 2, NOW - 10_500)
  champion.times[TIME_AT.lastAnsweredSend] = 0
  champion.times[TIME_AT.lastSent] = 0
  t.equal(judge(true).verdict, 'absent')
  t.equal(judge(false).verdict, 'both-silent')
})

test('threads are seen together when requests wait on several', async t => {
  const [champion, one, two] = [freshCounters(), freshCounters(), freshCounters()]
  champion.times[TIME_AT.lastAnsweredSend] = NOW - 200
  pending(one, 3, 2, NOW - 10_500)
  pending(two, 3, 2, NOW - 12_000)
  const judge = () => judgeAbsence(arm(one, two), arm(champion), true, NOW, LIMIT)
  t.match(judge(), { verdict: 'absent', pending: 6, waitedMs: 12_000 })
  two.times[TIME_AT.lastAnswer] = NOW - 50
  t.equal(judge().verdict, 'present')
})

test('the limit is thrice the slowest answers of the champion, ten seconds at least', async t => {
  const c = freshCounters()
  const times = new AnswerTimes('firstBytes')
  times.close([c])
  t.equal(absenceLimit(AUTO, times), 30_000, 'while nothing is known')
  recordAnswered(c, 1100, 1000, 0)
  times.close([c])
  t.equal(absenceLimit(AUTO, times), 10_000)
  for (let i = 0; i < 10; i++) recordAnswered(c, 21_000, 1000, 0)
  times.close([c])
  const limit = absenceLimit(AUTO, times)
  t.ok(limit >= 60_000 && limit < 64_000, `${limit} ms`)
  t.equal(absenceLimit({ ...AUTO, after: 2_000 }, times), 2_000)
})
