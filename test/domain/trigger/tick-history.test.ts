import { test } from 'tap'
import { ROW } from '../../../src/domain/counts.ts'
import { TickHistory } from '../../../src/domain/trigger/tick-history.ts'

const row = (calls: number, errors: number) => {
  const words = new Float64Array(ROW.size)
  words[ROW.calls] = calls
  words[ROW.errors] = errors
  return words
}

test('ticks since a tick are replayed in order when there are older ones', async t => {
  const history = new TickHistory()
  for (let tick = 1; tick <= 300; tick++) history.push(tick, 0, row(tick, 1), row(10 * tick, 2), 0)
  const seen: number[][] = []
  history.replay(298, c => {
    seen.push([c.tick, c.challenger(ROW.calls), c.challenger(ROW.errors), c.champion(ROW.calls)])
  })
  t.strictSame(seen, [
    [298, 298, 1, 2980],
    [299, 299, 1, 2990],
    [300, 300, 1, 3000]
  ])
})

test('an hour is kept when it goes on for longer', async t => {
  const history = new TickHistory()
  for (let tick = 1; tick <= 20_000; tick++) history.push(tick, 0, row(1, 0), row(1, 0), 0)
  let n = 0
  let first = 0
  history.replay(0, ({ tick }) => {
    if (n++ === 0) first = tick
  })
  t.equal(n, 14_400)
  t.equal(first, 20_000 - 14_400 + 1)
})

test('nothing is left when it was cleared', async t => {
  const history = new TickHistory()
  history.push(1, 0, row(1, 0), row(1, 0), 0)
  history.clear()
  history.replay(0, () => t.fail('an entry is left'))
  t.pass('empty')
})

test('all words of wider rows are kept when it is made for them', async t => {
  const history = new TickHistory(ROW.size)
  const words = Float64Array.from({ length: ROW.size }, (_, i) => i + 1)
  for (let tick = 1; tick <= 100; tick++) history.push(tick, 3, words, words, 0)
  history.replay(100, c => {
    t.strictSame([c.tick, c.stratum], [100, 3])
    for (let i = 0; i < ROW.size; i++)
      t.strictSame([c.challenger(i), c.champion(i)], [i + 1, i + 1])
  })
})
