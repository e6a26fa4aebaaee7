import { test } from 'tap'
import { type RouteDocument, revisionOf, weightsOf } from '../../src/domain/document.ts'
import { applyOperation, type Operation } from '../../src/domain/operations.ts'
import {
  type Happened,
  parseRevision,
  recover,
  redo,
  summaryOf
} from '../../src/domain/recovery.ts'
import {
  author,
  clear,
  first,
  means,
  rollback,
  rollbackId,
  shadow,
  weights
} from '../helpers/state-documents.ts'

test('carries a rollback over when the document that had it is lost', async t => {
  const old = first('fraud')
  const lost = follow(
    old,
    on => weights(on, { v4: 20 }),
    () => rollback('v4')
  )
  const recovered = recover(old, lost.happened, author('sluice'), means)
  t.match(recovered, { phase: 'rolled-back', by: 'sluice' })
  t.equal(rollbackId(recovered, 'v4'), rollbackId(lost.document, 'v4'))
  t.same(weightsOf(recovered), { v3: 100, v4: 0 })
})

test('outranks everything that was known when a document is recovered', async t => {
  const old = first('fraud')
  const lost = follow(
    old,
    () => rollback('v4'),
    on => clear(on, 'v4'),
    () => rollback('v4')
  )
  t.equal(revisionOf(lost.document), '4-4')
  t.equal(revisionOf(recover(old, lost.happened, author(), means)), '5-5')
  t.equal(revisionOf(recover(old, [], author(), means)), '2-2')
})

test('carries lower weights over and no raise when a document is recovered', async t => {
  const old = first('fraud', { v3: 50, v4: 40, v5: 10 })
  const lost = follow(
    old,
    on => weights(on, { v4: 5, v5: 10 }),
    on => weights(on, { v4: 5, v5: 60 })
  )
  const recovered = recover(old, lost.happened, author(), means)
  t.same(weightsOf(recovered), { v3: 85, v4: 5, v5: 10 })
})

test('ends a rollback when the log has that it was cleared', async t => {
  const old = first('fraud')
  const lost = follow(
    old,
    () => rollback('v4'),
    on => clear(on, 'v4'),
    on => weights(on, { v4: 50 })
  )
  const recovered = recover(old, lost.happened, author(), means)
  t.equal(recovered.phase, 'steady')
  t.same(weightsOf(recovered), { v3: 100, v4: 0 })
})

test('carries pauses over when a document is recovered, and their end', async t => {
  const old = first('fraud', { v3: 80, v4: 10, v5: 10 })
  const lost = follow(
    old,
    () => ({ kind: 'pause', variants: ['v4', 'v5'], reason: 'wait' }),
    () => ({ kind: 'resume', variants: ['v5'], reason: 'go' })
  )
  const recovered = recover(old, lost.happened, author(), means)
  t.match(recovered.challengers, { v4: { paused: { by: 'ops' } }, v5: { paused: null } })
})

test('carries the switches of shadows over when a document is recovered, the last of each', async t => {
  const old = first('fraud')
  const lost = follow(
    old,
    on => shadow(on, 'a', 'off'),
    on => shadow(on, 'constructor', 'off'),
    on => weights(on, { v4: 50 }),
    on => shadow(on, 'a', 'on')
  )
  const recovered = recover(old, lost.happened, author(), means)
  t.same(recovered.shadows, { a: { on: true }, constructor: { on: false } })
  t.same(weightsOf(recovered), { v3: 95, v4: 5 })
})

test('takes an entry that says nothing of shadows when it is of before there were any', async t => {
  const old = first('fraud')
  const lost = follow(old, () => rollback('v4'))
  const happened = lost.happened.map(({ before, after, ...rest }) => {
    const { shadows: _before, ...then } = before
    const { shadows: _after, ...now } = after
    return { ...rest, before: then, after: now }
  })
  t.match(recover(old, happened, author(), means), { phase: 'rolled-back', shadows: {} })
})

test('carries out a rollback again when it is in the log and not in the document', async t => {
  const old = first('fraud', { v3: 80, v4: 10, v5: 10 })
  for (const variants of [['v4'], ['v4', 'v5']]) {
    const lost = follow(old, () => rollback(...variants))
    const [change] = lost.happened
    if (change === undefined) throw new Error('there is one')
    t.same(redo(old, change, means), lost.document)
  }
})

test('does not carry out again what is not a rollback', async t => {
  const lost = follow(first('fraud'), on => weights(on, { v4: 20 }))
  const [change] = lost.happened
  if (change === undefined) throw new Error('there is one')
  t.equal(redo(first('fraud'), change, means), null)
})

test('reads a revision only when it is one', async t => {
  t.same(parseRevision('12-3'), { epoch: 12, revision: 3 })
  for (const text of ['', '1', '1-2-3', 'a-b', '1-', '1.5-2'])
    t.equal(parseRevision(text), null, text)
})

type Step = (on: RouteDocument) => Operation

/** Carries out steps and keeps what a log would have of them. */
function follow(start: RouteDocument, ...steps: readonly Step[]) {
  const happened: Happened[] = []
  let document = start
  for (const step of steps) {
    const by = author()
    const operation = step(document)
    const applied = applyOperation(document, operation, by, means)
    if (applied.status !== 'changed') throw new Error(JSON.stringify(applied))
    const reason = operation.kind === 'rollback' ? operation.reason : by.reason
    happened.push({
      ...by,
      reason,
      evidence: null,
      revision: revisionOf(applied.document),
      before: summaryOf(document),
      after: summaryOf(applied.document)
    })
    document = applied.document
  }
  return { document, happened }
}
