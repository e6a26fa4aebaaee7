import { test } from 'tap'
import { type RouteDocument, weightsOf } from '../../src/domain/document.ts'
import { applyOperation, type Operation } from '../../src/domain/operations.ts'
import {
  bind,
  firstMissing,
  isKnown,
  isSpent,
  type Tombstone,
  tombstoneOf,
  tombstonesOf,
  unboundTombstone,
  withoutBoundTwins,
  withTombstones
} from '../../src/domain/tombstones.ts'
import { author, clear, first, means, rollback, weights } from '../helpers/state-documents.ts'

const DAY_MS = 86_400_000
const start = first('fraud', { v3: 70, v4: 10, v5: 20 })

function after(document: RouteDocument, operation: Operation): RouteDocument {
  const applied = applyOperation(document, operation, author(), means)
  if (applied.status !== 'changed') throw new Error(`${operation.kind}: ${applied.status}`)
  return applied.document
}

function rollbackOf(...variants: readonly string[]): Tombstone['operation'] {
  const operation = rollback(...variants)
  if (operation.kind !== 'rollback') throw new Error(operation.kind)
  return operation
}

test('takes a challenger out of every document of its run, and of no other run', async t => {
  const tombstone = tombstoneOf(start, rollbackOf('v4'), author())
  t.match(weightsOf(withTombstones(start, [tombstone], means)), { v4: 0, v5: 20 })
  const rolledBack = after(start, rollback('v4'))
  const next = after(rolledBack, clear(rolledBack, 'v4'))
  t.equal(withTombstones(next, [tombstone], means), next)
  t.equal(firstMissing(next, [tombstone], means), null)
  t.equal(firstMissing(start, [tombstone], means), tombstone)
})

test('is about the runs that the rollback names when the document has others by then', async t => {
  const operation = { ...rollbackOf('v4', 'v5'), runs: { v4: 'an older run' } }
  const tombstone = tombstoneOf(start, operation, author())
  t.match(tombstone.operation.runs, {
    v4: 'an older run',
    v5: start.challengers['v5']?.rolloutId ?? ''
  })
  t.match(weightsOf(withTombstones(start, [tombstone], means)), { v4: 10, v5: 0 })
})

test('is about whatever run turns out to be there when none was known, and about no later one', async t => {
  const operation = { ...rollbackOf('v4', 'v9'), runs: { v4: 'of nobody' } }
  const known = unboundTombstone(operation, author())
  const rolledBack = withTombstones(start, [known], means)
  t.match(rolledBack, { challengers: { v4: { ranges: [] }, v9: { ranges: [] } } })
  const bound = bind(known, start, means)
  t.same(bind(bound, first('fraud'), means), bound, 'it is bound once')
  t.equal(firstMissing(rolledBack, [bound], means), null)
  for (const variant of ['v4', 'v9']) {
    const next = after(rolledBack, clear(rolledBack, variant))
    t.equal(firstMissing(next, [bound], means), null, `${variant} was cleared`)
  }
  t.same(withoutBoundTwins([known, bound]), [bound])
  t.same(withoutBoundTwins([known]), [known])
})

test('is about a later run when the variant was no challenger where it was rolled back', async t => {
  const tombstone = tombstoneOf(start, rollbackOf('v9'), author())
  t.match(withTombstones(start, [tombstone], means), { phase: 'rolled-back' })
  const raised = after(start, weights(start, { v4: 10, v5: 20, v9: 5 }))
  t.match(weightsOf(withTombstones(raised, [tombstone], means)), { v9: 0 })
})

test('is known when each of its runs is, whoever rolled it back', async t => {
  const both = tombstoneOf(start, rollbackOf('v4', 'v5'), author())
  const [one] = tombstonesOf(after(start, rollback('v4')))
  if (one === undefined) throw new Error('no tombstone')
  t.equal(isKnown(one, [both]), true)
  t.equal(isKnown(both, [one]), false)
  const later = tombstoneOf(first('fraud'), rollbackOf('v4'), author())
  t.equal(isKnown(later, [both]), false, 'another run')
})

test('ends a day after the rollback when its run is over, and never while it lasts', async t => {
  const at = '2026-01-01T00:00:00.000Z'
  const tombstone = tombstoneOf(start, rollbackOf('v4'), { ...author(), at })
  const rolledBack = after(start, rollback('v4'))
  const next = after(rolledBack, clear(rolledBack, 'v4'))
  t.equal(isSpent(tombstone, next, Date.parse(at) + DAY_MS), true)
  t.equal(isSpent(tombstone, next, Date.parse(at) + DAY_MS - 1), false)
  t.equal(isSpent(tombstone, rolledBack, Date.parse(at) + 365 * DAY_MS), false)
})
