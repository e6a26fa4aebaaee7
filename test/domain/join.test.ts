import { test } from 'tap'
import { type RouteDocument, weightsOf } from '../../src/domain/document.ts'
import { join } from '../../src/domain/join.ts'
import { applyOperation, type Operation } from '../../src/domain/operations.ts'
import { author, first, means, rollback, shadow, weights } from '../helpers/state-documents.ts'

const start = first('fraud', { v3: 70, v4: 10, v5: 20 })

function after(document: RouteDocument, ...operations: readonly Operation[]): RouteDocument {
  return operations.reduce((present, operation) => {
    const applied = applyOperation(present, operation, author(), means)
    if (applied.status !== 'changed') throw new Error(`${operation.kind}: ${applied.status}`)
    return applied.document
  }, document)
}

test('takes the later document when one is', async t => {
  const later = after(start, weights(start, { v4: 50 }))
  const rolledBack = after(start, rollback('v4'))
  t.same(join(later, start, means), { holds: 'ours' })
  t.same(join(start, later, means), { holds: 'theirs' })
  t.same(join(later, rolledBack, means), { holds: 'theirs' }, 'an epoch outranks revisions')
  t.same(join(start, structuredClone(start), means), { holds: 'same' })
})

test('keeps a rollback that only the older document has when the later one replaces it', async t => {
  const older = after(start, rollback('v5'))
  const later = after(start, rollback('v4'), weights('2-2', { v5: 30 }))
  const joined = join(later, older, means)
  if (joined.holds !== 'neither') throw new Error(joined.holds)
  t.same(weightsOf(joined.document), { v3: 100, v4: 0, v5: 0 })
  t.match(joined.document, { epoch: 3, challengers: { v5: older.challengers['v5'] ?? {} } })
})

test('leaves a run alone when the older document rolled back the one before', async t => {
  const older = after(start, rollback('v5'))
  const id = older.challengers['v5']?.rollback?.id ?? ''
  const later = after(older, { kind: 'clear', expect: '2-2', rollback: id, rolloutId: 'next' })
  t.same(join(later, older, means), { holds: 'ours' })
})

test('gives every replica the same document when two of one revision differ', async t => {
  const one = after(start, rollback('v4'))
  const other = after(start, rollback('v5'))
  const joined = join(one, other, means)
  t.same(join(other, one, means), joined)
  if (joined.holds !== 'neither') throw new Error(joined.holds)
  t.same(weightsOf(joined.document), { v3: 100, v4: 0, v5: 0 }, 'with the rollbacks of both')
})

test('takes what gives challengers less when two of one revision differ in weights', async t => {
  const more = after(start, weights(start, { v4: 50, v5: 20 }))
  const less = after(start, weights(start, { v4: 15, v5: 20 }))
  for (const joined of [join(more, less, means), join(less, more, means)]) {
    if (joined.holds !== 'neither') throw new Error(joined.holds)
    t.match(joined.document, { epoch: 1, revision: 3 })
    t.match(weightsOf(joined.document), { v4: 15 })
  }
})

test('keeps a shadow off that either switched off when two of one revision differ', async t => {
  const both = after(start, shadow(start, 'a', 'off'), shadow('1-2', 'b', 'off'))
  const one = after(both, shadow(both, 'a', 'on'))
  const other = after(both, shadow(both, 'c', 'off'))
  const joined = join(one, other, means)
  t.same(join(other, one, means), joined)
  if (joined.holds !== 'neither') throw new Error(joined.holds)
  t.same(joined.document.shadows, { a: { on: false }, b: { on: false }, c: { on: false } })
})

test('takes the switches of the later document when one is', async t => {
  const off = after(start, shadow(start, 'a', 'off'))
  const on = after(off, shadow(off, 'a', 'on'))
  t.same(join(off, on, means), { holds: 'theirs' })
  t.same(join(on, off, means), { holds: 'ours' })
})
