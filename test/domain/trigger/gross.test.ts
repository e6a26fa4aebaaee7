import { test } from 'tap'
import { type Counters, FAIL, type Outcome } from '../../../src/domain/counts.ts'
import { GrossRule, grossLimit, oneUnitIsAll } from '../../../src/domain/trigger/gross.ts'
import { LastCalls } from '../../../src/domain/trigger/last-calls.ts'
import { thresholds } from '../../../src/domain/trigger/thresholds.ts'
import { freshCounters, request } from '../../helpers/observation.ts'

const { perLook } = thresholds(0.001, 1, 4)

/** The calls of one thread, ended in this order; a letter each: e failed, c 4xx, b bad, . good. */
function calls(pattern: string, unit: (i: number) => number = i => i + 1): LastCalls {
  const c: Counters = freshCounters()
  const last = new LastCalls()
  last.read([c], 1, true)
  const outcomes: Record<string, Outcome> = { e: 'connect', c: 'client_error', b: 'bad_prediction' }
  for (let i = 0; i < pattern.length; i++) {
    const outcome = outcomes[pattern[i] ?? '.'] ?? 'ok'
    const bad = outcome === 'bad_prediction'
    request(c, {
      outcome,
      unit: unit(i),
      judged: bad || outcome === 'ok',
      badCounts: bad,
      endedAt: 1030 + i
    })
  }
  last.read([c], 1, false)
  return last
}

const find = (last: LastCalls, share = 0) => {
  const rule = new GrossRule(1, perLook)
  rule.count(last)
  return rule.find(last, () => share)
}

test('the limit is 8 of 12 when the champion rarely fails', async t => {
  t.equal(grossLimit(0, perLook), 8)
  t.equal(grossLimit(0.01, perLook), 8)
})

test('the limit rises with the champion and is out of reach when half of its calls fail', async t => {
  t.ok(grossLimit(0.05, perLook) > 8)
  t.ok(grossLimit(0.2, perLook) >= 12)
  t.equal(grossLimit(0.5, perLook), 13)
  t.equal(grossLimit(1, perLook), 13)
})

test('nine failures of nine units are enough when good calls came before', async t => {
  const good = '.'.repeat(40)
  t.equal(find(calls(`${good}eeeeeeee`)), null)
  const found = find(calls(`${good}eeeeeeeee`))
  t.equal(found?.kind.name, 'errors')
  t.equal(found?.failures, 9)
  t.equal(found?.withoutTop, 8)
  t.equal(found?.firstAt, 1030 + 40)
})

test('calls that were not seen count as good when a challenger just began', async t => {
  t.equal(find(calls('eeeeeeee')), null)
  t.ok(find(calls('eeeeeeeee')))
})

test('4xx and bad predictions are gross failures of their own when all are of one kind', async t => {
  t.equal(find(calls('ccccccccc'))?.kind.name, 'clientErrors')
  t.equal(find(calls('bbbbbbbbb'))?.kind.name, 'badPredictions')
})

test('kinds count together when no single one is enough', async t => {
  t.equal(find(calls('ecbecbecb'))?.kind.name, 'any')
})

test('nothing is found when the champion fails as often in its last minutes', async t => {
  t.equal(find(calls('eeeeeeeeeeee'), 0.4), null)
})

test('one unit is not enough when others get good answers', async t => {
  const failing = calls('e.e.e.e.eee.eeeeeeee', i => (i % 2 === 0 || i > 11 ? 1 : i))
  t.equal(find(failing), null)
  t.notOk(oneUnitIsAll(failing, FAIL.errors, 1))
})

test('two units are not enough when others got good answers before', async t => {
  t.equal(find(calls(`${'.'.repeat(30)}eeeeeeeeeeee`, i => (i < 30 ? 100 + i : i % 2))), null)
})

test('half of the last 20 decide when one account makes nearly all calls', async t => {
  const one = (i: number) => (i === 3 ? 2 : 1)
  t.equal(find(calls(`${'.'.repeat(30)}eeeeeeeee`, one)), null)
  t.ok(find(calls(`${'.'.repeat(30)}eeeeeeeeee`, one)))
})
