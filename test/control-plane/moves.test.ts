import { test } from 'tap'
import { movesBetween } from '../../src/control-plane/moves.ts'
import { applyOperation, firstDocument } from '../../src/domain/operations.ts'

const first = firstDocument({
  route: 'fraud',
  salt: 'fraud.0',
  champion: 'v3',
  weights: { v3: 90, v4: 10, v5: 0 },
  by: 'config',
  at: '2026-01-01T00:00:00.000Z',
  newId: () => 'ro-1'
})
const author = { by: 'ops', at: '2026-01-01T00:00:01.000Z', reason: '', requestId: 'r' }
const means = { sha256: () => '', newId: () => 'ro-2' }

function after(weights: Record<string, number>) {
  const applied = applyOperation(first, { kind: 'weights', expect: '1-1', weights }, author, means)
  if (applied.status !== 'changed') throw new Error(applied.status)
  return applied.document
}

test('says nobody moves when the weights stay', async t => {
  t.strictSame(movesBetween(first, first), [])
})

test('moves users from the champion only when a challenger grows', async t => {
  const moves = movesBetween(first, after({ v3: 79.75, v4: 20.25 }))
  t.strictSame(moves, [{ from: 'v3', to: 'v4', percent: 10.25 }])
})

test('moves users by way of the champion only when one challenger shrinks and another grows', async t => {
  const moves = movesBetween(first, after({ v3: 90, v4: 5, v5: 5 }))
  t.strictSame(
    new Set(moves.map(({ from, to, percent }) => `${from} ${to} ${percent}`)),
    new Set(['v4 v3 5', 'v3 v5 5'])
  )
})
