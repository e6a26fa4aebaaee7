import { test } from 'tap'
import {
  disjoint,
  flatten,
  freeOf,
  grow,
  ownerOf,
  reallocate,
  shrink,
  sizeOf
} from '../../src/domain/ranges.ts'

test('takes the lowest free buckets upward when a challenger grows', async t => {
  const first = reallocate({}, new Map([['v4', 500]]))
  t.match(first, { ok: true, ledger: { v4: [[0, 500]] } })
})

test('keeps every bucket of a challenger when its weight grows from 5 to 20 percent', async t => {
  const grown = reallocate({ v4: [[0, 500]], v5: [[500, 1000]] }, targets({ v4: 2000, v5: 500 }))
  t.same(grown, {
    ok: true,
    ledger: {
      v4: [
        [0, 500],
        [1000, 2500]
      ],
      v5: [[500, 1000]]
    }
  })
})

test('gives the newest buckets back first when a challenger shrinks', async t => {
  const ranges = [
    [4000, 5000],
    [0, 500],
    [1000, 1500]
  ] as const
  t.same(shrink(ranges, 500), [
    [4000, 5000],
    [0, 500]
  ])
  t.same(shrink(ranges, 700), [
    [4000, 5000],
    [0, 300]
  ])
  t.same(shrink(ranges, 2000), [])
})

test('joins an interval to the last one only when that keeps the order of acquisition', async t => {
  t.same(grow([[0, 500]], [[500, 10_000]], 100)?.ranges, [[0, 600]])
  t.same(grow([[500, 600]], [[0, 500]], 500)?.ranges, [
    [500, 600],
    [0, 500]
  ])
})

test('refuses a raise when it would need buckets that another challenger gives up in the same change', async t => {
  const change = reallocate({ v4: [[0, 9000]] }, targets({ v4: 1000, v5: 2000 }))
  t.same(change, { ok: false, variant: 'v5' })
  const second = reallocate({ v4: [[0, 9000]] }, targets({ v4: 1000, v5: 1000 }))
  t.match(second, { ok: true, ledger: { v4: [[0, 1000]], v5: [[9000, 10_000]] } })
})

test('gives a challenger everything at 100 and nothing at 0', async t => {
  const all = reallocate({}, targets({ v4: 10_000 }))
  if (!all.ok) throw new Error('the champion has all')
  t.same(flatten(all.ledger, 'v3'), [{ start: 0, end: 10_000, variant: 'v4' }])
  const none = reallocate(all.ledger, targets({ v4: 0 }))
  if (!none.ok) throw new Error('shrinking needs nothing')
  t.same(flatten(none.ledger, 'v3'), [{ start: 0, end: 10_000, variant: 'v3' }])
})

test('takes a challenger to 0 when the change leaves it out', async t => {
  t.match(reallocate({ v4: [[0, 500]] }, new Map()), { ok: true, ledger: { v4: [] } })
})

test('serves challengers in the order of their names when several grow at once', async t => {
  const one = reallocate({}, targets({ b: 100, a: 100 }))
  const other = reallocate({}, targets({ a: 100, b: 100 }))
  t.same(one, other)
  t.match(one, { ledger: { a: [[0, 100]], b: [[100, 200]] } })
})

test('finds the owner of each bucket when ranges are scattered', async t => {
  const ledger = {
    v4: [
      [100, 200],
      [0, 50]
    ],
    v5: [
      [50, 100],
      [9999, 10_000]
    ]
  } as const
  const table = flatten(ledger, 'v3')
  t.equal(ownerOf(table, 0), 'v4')
  t.equal(ownerOf(table, 49), 'v4')
  t.equal(ownerOf(table, 50), 'v5')
  t.equal(ownerOf(table, 99), 'v5')
  t.equal(ownerOf(table, 100), 'v4')
  t.equal(ownerOf(table, 200), 'v3')
  t.equal(ownerOf(table, 9998), 'v3')
  t.equal(ownerOf(table, 9999), 'v5')
})

test('knows names that every object has as plain names when they are challengers', async t => {
  const change = reallocate({}, targets({ constructor: 100, 'to-string': 200 }))
  if (!change.ok) throw new Error('the champion has enough')
  t.equal(sizeOf(freeOf(change.ledger)), 9700)
})

test('tells ranges that overlap, are empty, are outside or are no integers', async t => {
  t.ok(disjoint({ a: [[0, 10]], b: [[10, 10_000]] }))
  t.notOk(disjoint({ a: [[0, 10]], b: [[9, 20]] }))
  t.notOk(disjoint({ a: [[0, 0]] }))
  t.notOk(disjoint({ a: [[5, 4]] }))
  t.notOk(disjoint({ a: [[-1, 4]] }))
  t.notOk(disjoint({ a: [[0, 10_001]] }))
  t.notOk(disjoint({ a: [[0.5, 4]] }))
  t.notOk(disjoint({ a: [[Number.NaN, 4]] }))
})

function targets(buckets: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(buckets))
}
