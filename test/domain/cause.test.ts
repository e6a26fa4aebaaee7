/** What failed, from the counters by outcome, in words. */
import { test } from 'tap'
import {
  addTally,
  type Cause,
  causesOf,
  causeText,
  countOf,
  hasFailures,
  isCauseOf,
  TALLY_SIZE
} from '../../src/domain/cause.ts'
import { CODES, COHORTS, type Counters, OUTCOMES } from '../../src/domain/counts.ts'
import { freshCounters, request, type Said } from '../helpers/observation.ts'

function tallyOf(...said: readonly Said[]): Uint32Array {
  const counters = freshCounters()
  for (const each of said) request(counters, each)
  return tally(counters)
}

function tally(...all: readonly Counters[]): Uint32Array {
  const sums = new Uint32Array(TALLY_SIZE)
  for (const counters of all) addTally(sums, counters)
  return sums
}

test('tells failures apart by outcome and class of status when they were counted', t => {
  const sums = tallyOf(
    { outcome: 'ok' },
    { outcome: 'client_error', status: 422 },
    { outcome: 'upstream_error', status: 500 },
    { outcome: 'upstream_error', status: 503 },
    { outcome: 'upstream_error', status: 408 },
    { outcome: 'upstream_error', status: 200 },
    { outcome: 'connect', status: 0 },
    { outcome: 'timeout', status: 0 },
    { outcome: 'reset', status: 200 },
    { outcome: 'invalid', status: 0 },
    { outcome: 'shed', status: 503 },
    { outcome: 'bad_prediction', status: 200, judged: true, bad: 2 },
    { outcome: 'client_gone', status: 0 }
  )
  t.equal(countOf(sums, 'good'), 2, 'a bad prediction is an answer')
  t.same(Object.fromEntries(causesOf(sums, ['hash'])), {
    status_4xx: 1,
    status_5xx: 2,
    status_408: 1,
    error_in_answer: 1,
    connect: 1,
    timeout: 1,
    reset: 1,
    invalid: 1,
    shed: 1,
    prediction_nan: 1
  })
  t.end()
})

test('counts every outcome but a client that left once, whatever cohort, call and status it has', t => {
  const wrong: string[] = []
  for (const outcome of OUTCOMES) {
    for (const code of CODES.keys()) {
      for (const cohort of COHORTS.keys()) {
        for (const prediction of [true, false]) {
          const sums = tallyOf({ outcome, status: code * 100, cohort, prediction })
          const wanted = outcome === 'client_gone' ? 0 : 1
          const counted = sums.reduce((sum, count) => sum + count, 0)
          if (counted !== wanted)
            wrong.push(`${outcome} ${code} ${cohort} ${prediction}: ${counted}`)
        }
      }
    }
  }
  t.same(wrong, [])
  t.end()
})

test('keeps cohorts apart, and calls that are no predictions, when causes are asked for', t => {
  const failed = { outcome: 'connect', status: 0 } as const
  const sums = tallyOf(
    failed,
    { ...failed, cohort: 1 },
    { ...failed, cohort: 1 },
    { ...failed, prediction: false }
  )
  t.equal(countOf(sums, 'connect'), 4)
  t.same(causesOf(sums, ['hash']), new Map([['connect', 1]]))
  t.same(causesOf(sums, ['hash', 'override']), new Map([['connect', 3]]))
  t.same(causesOf(sums, ['other']), new Map())
  t.end()
})

test('adds up when several threads count', t => {
  const [a, b] = [freshCounters(), freshCounters()]
  request(a, { outcome: 'timeout', status: 0 })
  request(b, { outcome: 'timeout', status: 0 })
  t.same(causesOf(tally(a, b), ['hash']), new Map([['timeout', 2]]))
  t.end()
})

test('sees failures only when there are some beside good answers', t => {
  t.notOk(hasFailures(tallyOf({}, { prediction: false }, { cohort: 2 })))
  t.ok(hasFailures(tallyOf({}, { outcome: 'reset', prediction: false })))
  t.ok(hasFailures(tallyOf({ outcome: 'bad_prediction', judged: true, bad: 32 })))
  t.end()
})

test('says what prevails, and what else there was, when it puts causes into words', t => {
  const text = (counts: Partial<Record<Cause, number>>) =>
    causeText(new Map(Object.entries(counts) as [Cause, number][]))
  t.equal(text({}), '')
  t.equal(text({ connect: 3 }), 'no connection')
  t.equal(text({ connect: 2, status_5xx: 39 }), 'mostly status 5xx', 'too few to name')
  t.equal(text({ connect: 9, status_5xx: 31 }), 'mostly status 5xx, also no connection')
  t.equal(
    text({ connect: 10, status_5xx: 10, timeout: 10, reset: 10 }),
    'no connection, also status 5xx and no answer in time'
  )
  t.end()
})

test('names the causes that a trigger counts as failures and no others', t => {
  t.ok(isCauseOf('errors', 'connect'))
  t.notOk(isCauseOf('errors', 'status_4xx'))
  t.notOk(isCauseOf('errors', 'prediction_nan'))
  t.ok(isCauseOf('bad_predictions', 'prediction_nan'))
  t.notOk(isCauseOf('bad_predictions', 'connect'))
  t.notOk(isCauseOf('client_errors', 'status_4xx'), 'its sentence says so already')
  t.ok(isCauseOf('clientErrors', 'status_4xx'), 'the gross rule does not')
  for (const cause of ['connect', 'status_4xx', 'prediction_null'] as const) {
    t.ok(isCauseOf('any', cause))
    t.notOk(isCauseOf('latency', cause))
    t.notOk(isCauseOf('absence', cause))
  }
  t.end()
})
