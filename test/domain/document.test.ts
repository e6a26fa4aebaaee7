import { test } from 'tap'
import { canonicalJson } from '../../src/domain/canonical-json.ts'
import {
  bucketsOf,
  challengerOf,
  isLater,
  phaseOf,
  rangesOf,
  rangeTable,
  registeredOf,
  revisionOf,
  weightsOf
} from '../../src/domain/document.ts'
import { first } from '../helpers/state-documents.ts'

test('derives weights, ranges and the lookup table when a route has several challengers', async t => {
  const document = first('fraud', { v3: 84.5, v4: 10.25, v5: 5.25 })
  t.same(weightsOf(document), { v3: 84.5, v4: 10.25, v5: 5.25 })
  t.same(rangesOf(document), { v3: [[1550, 10_000]], v4: [[0, 1025]], v5: [[1025, 1550]] })
  t.same(rangeTable(document), [
    { start: 0, end: 1025, variant: 'v4' },
    { start: 1025, end: 1550, variant: 'v5' },
    { start: 1550, end: 10_000, variant: 'v3' }
  ])
})

test('reads every weight of two decimals exactly when it is a percentage', async t => {
  const wrong: number[] = []
  for (let buckets = 0; buckets <= 10_000; buckets++) {
    if (bucketsOf(Number((buckets / 100).toFixed(2))) !== buckets) wrong.push(buckets)
  }
  t.same(wrong, [])
  for (const percent of [-0.01, 100.01, 0.005, 1e-9, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.equal(bucketsOf(percent), null, String(percent))
  }
  t.ok(Object.is(bucketsOf(-0), 0))
})

test('names the gravest phase when challengers differ', async t => {
  const { v4, v5 } = first('fraud', { v3: 100, v4: 0, v5: 0 }).challengers
  if (v4 === undefined || v5 === undefined) throw new Error('both are there')
  const paused = { ...v4, paused: { by: 'ops', at: '', reason: '' } }
  const rollback = { id: 'r', trigger: 'errors', by: '', at: '', reason: '', evidence: null }
  t.equal(phaseOf({}), 'steady')
  t.equal(phaseOf({ v4, v5 }), 'steady')
  t.equal(phaseOf({ v4: paused, v5 }), 'paused')
  t.equal(phaseOf({ v4: paused, v5: { ...v5, rollback } }), 'rolled-back')
})

test('orders documents by epoch and then by revision when they differ', async t => {
  t.ok(isLater({ epoch: 2, revision: 1 }, { epoch: 1, revision: 9 }))
  t.ok(isLater({ epoch: 1, revision: 10 }, { epoch: 1, revision: 9 }))
  t.notOk(isLater({ epoch: 1, revision: 9 }, { epoch: 1, revision: 9 }))
  t.equal(revisionOf({ epoch: 12, revision: 345 }), '12-345')
})

test('finds nothing when a name is a member of every object', async t => {
  const document = first('fraud')
  t.equal(challengerOf(document, 'constructor'), null)
  t.equal(registeredOf(document, 'constructor'), null)
})

test('writes one text for one value when members stand in another order', async t => {
  const one = { b: [1, { d: null, c: 'ä"' }], a: undefined, e: Number.POSITIVE_INFINITY }
  const other = { e: null, b: [1, { c: 'ä"', d: null }] }
  t.equal(canonicalJson(one), canonicalJson(other))
  t.equal(canonicalJson(other), '{"b":[1,{"c":"ä\\"","d":null}],"e":null}')
  t.same(JSON.parse(canonicalJson(other)), other)
})
