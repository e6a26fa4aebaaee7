import { test } from 'tap'
import { compileCondition } from '../../src/domain/condition.ts'
import type { Condition } from '../../src/domain/route.ts'
import { requestFacts } from '../helpers/route-snapshot.ts'

const facts = requestFacts({
  rawHeaders: ['X-Country', 'DE', 'X-Tag', 'a', 'x-tag', 'b', 'Cookie', 'beta=1; name=caf\xc3\xa9'],
  query: 'mode=dry%20run&empty='
})

function holds(condition: Condition, unit: string | null = 'u1'): boolean {
  return compileCondition(condition)(facts, unit)
}

test('compares values exactly, by beginning, by list and by presence when it is asked to', t => {
  t.equal(holds({ header: { name: 'x-country', exact: 'DE' } }), true)
  t.equal(holds({ header: { name: 'x-country', exact: 'de' } }), false)
  t.equal(holds({ header: { name: 'x-country', prefix: 'D' } }), true)
  t.equal(holds({ header: { name: 'x-country', in: ['FR', 'DE'] } }), true)
  t.equal(holds({ header: { name: 'x-country', in: ['FR'] } }), false)
  t.equal(holds({ header: { name: 'x-none', present: false } }), true)
  t.equal(holds({ header: { name: 'x-none', prefix: '' } }), false)
  t.equal(holds({ query: { name: 'mode', exact: 'dry run' } }), true)
  t.equal(holds({ query: { name: 'empty', present: true } }), true)
  t.equal(holds({ cookie: { name: 'beta', exact: '1' } }), true)
  t.equal(holds({ cookie: { name: 'name', exact: 'café' } }), true)
  t.end()
})

test('compares the combined value when a field occurs twice', t => {
  t.equal(holds({ header: { name: 'x-tag', exact: 'a' } }), false)
  t.equal(holds({ header: { name: 'x-tag', exact: 'b' } }), false)
  t.equal(holds({ header: { name: 'x-tag', exact: 'a, b' } }), true)
  t.end()
})

test('combines conditions when they are nested', t => {
  const de: Condition = { header: { name: 'x-country', exact: 'DE' } }
  const u2: Condition = { unit: { in: ['u2'] } }
  t.equal(holds({ all: [de, u2] }), false)
  t.equal(holds({ any: [u2, de] }), true)
  t.equal(holds({ all: [de, { not: u2 }] }), true)
  t.equal(holds({ not: { any: [de] } }), false)
  t.end()
})

test('compares a unit by its bytes when it is there and fails when it is missing', t => {
  t.equal(holds({ unit: { exact: 'café' } }, 'caf\xc3\xa9'), true)
  t.equal(holds({ unit: { prefix: 'u' } }, null), false)
  t.equal(holds({ unit: { present: false } }, null), true)
  t.end()
})
