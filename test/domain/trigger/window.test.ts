import { test } from 'tap'
import { RowWindow } from '../../../src/domain/trigger/window.ts'

const rows = (...values: number[]) => Float64Array.from(values)

test('five minutes and an hour are summed when blocks of 10 s go by', async t => {
  const window = new RowWindow(2)
  for (let block = 0; block < 400; block++) {
    window.add(rows(1, block))
    window.add(rows(1, 0))
    window.roll()
  }
  t.equal(window.recent[0], 2 * 29, 'with the running block, which is empty')
  t.equal(window.hour[0], 2 * 359)
  let last = 0
  for (let block = 400 - 359; block < 400; block++) last += block
  t.equal(window.hour[1], last)
})

test('the running block counts at once', async t => {
  const window = new RowWindow(1)
  window.add(rows(3))
  t.equal(window.recent[0], 3)
  t.equal(window.hour[0], 3)
})

test('all is forgotten when nothing came for an hour', async t => {
  const window = new RowWindow(1)
  window.add(rows(3))
  for (let block = 0; block < 30; block++) window.roll()
  t.equal(window.recent[0], 0)
  t.equal(window.hour[0], 3)
  for (let block = 0; block < 330; block++) window.roll()
  t.equal(window.hour[0], 0)
  window.add(rows(5))
  t.equal(window.hour[0], 5)
})
