import { test } from 'tap'
import { UnitTotals } from '../../../src/domain/fleet/unit-totals.ts'

const units = (totals: UnitTotals, now: number) => totals.top(now).map(({ unit }) => unit)

test('the units that fail most now are named when there are more than eight', async t => {
  const totals = new UnitTotals()
  for (let unit = 1; unit <= 20; unit++) totals.add(unit, 1, unit, 0)
  t.strictSame(units(totals, 0), [20, 19, 18, 17, 16, 15, 14, 13])
})

test('the units of a new fault are named when others failed more long before', async t => {
  const totals = new UnitTotals()
  for (let unit = 1; unit <= 10; unit++) totals.add(unit, 1, 30, 0)
  for (let unit = 101; unit <= 104; unit++) totals.add(unit, 1, 2, 119_000)
  t.strictSame(units(totals, 119_000).slice(0, 4), [101, 102, 103, 104])
})

test('a count begins anew under another birth when a unit was quiet for two minutes', async t => {
  const totals = new UnitTotals()
  totals.add(7, 1, 5, 0)
  totals.add(7, 1, 1, 1_000)
  const [first] = totals.top(1_000)
  t.match(first, { unit: 7, kinds: 1, count: 6 })
  t.strictSame(units(totals, 122_000), [])
  totals.add(7, 1, 2, 123_000)
  const [second] = totals.top(123_000)
  t.match(second, { unit: 7, count: 2 })
  t.not(second?.birth, first?.birth)
})

test('kinds of one unit are counted apart when it fails in several ways', async t => {
  const totals = new UnitTotals()
  totals.add(7, 1, 5, 0)
  totals.add(7, 8, 2, 0)
  t.strictSame(
    totals.top(0).map(({ kinds, count }) => [kinds, count]),
    [
      [1, 5],
      [8, 2]
    ]
  )
})

test('the units with most are kept when very many fail', async t => {
  const totals = new UnitTotals()
  totals.add(1, 1, 1_000, 0)
  for (let unit = 2; unit <= 50_000; unit++) totals.add(unit, 1, 1, 0)
  const [top, ...others] = totals.top(0)
  t.match(top, { unit: 1, count: 1_000 })
  t.equal(others.length, 7)
})
