import { test } from 'tap'
import { createShareWindow } from '../../src/domain/share.ts'

const totals = (v3: number, v4: number) =>
  new Map([
    ['v3', v3],
    ['v4', v4]
  ])

test('is empty when nothing came in the window', async t => {
  const window = createShareWindow()
  window.sample(0, totals(0, 0))
  window.sample(1_000, totals(0, 0))
  t.strictSame(window.percent(), {})
})

test('says each share in percent when requests came', async t => {
  const window = createShareWindow()
  window.sample(0, totals(100, 100))
  window.sample(1_000, totals(100 + 667, 100 + 333))
  t.strictSame(window.percent(), { v3: 66.7, v4: 33.3 })
})

test('forgets what is older than a minute when samples go on', async t => {
  const window = createShareWindow()
  for (let second = 0; second <= 60; second++) window.sample(second * 1_000, totals(second, 0))
  for (let second = 61; second <= 121; second++) window.sample(second * 1_000, totals(60, second))
  t.strictSame(window.percent(), { v3: 0, v4: 100 })
})

test('counts on when a total wraps at 2^32', async t => {
  const window = createShareWindow()
  window.sample(0, totals(2 ** 32 - 10, 0))
  window.sample(1_000, totals(40, 50))
  t.strictSame(window.percent(), { v3: 50, v4: 50 })
})

test('ignores a sample when less than a second passed', async t => {
  const window = createShareWindow()
  window.sample(0, totals(0, 0))
  window.sample(999, totals(10, 0))
  t.strictSame(window.percent(), {})
})
