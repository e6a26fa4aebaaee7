/**
 * When a bench says that something became worse: beyond the spread of both runs, or beyond its bound.
 */
import t from 'tap'
import { judge } from '../../bench/compare.ts'
import { figure, type Ratio, ratio } from '../../bench/harness.ts'

const at = (median: number, low: number, high: number, limit: number | null = null): Ratio => ({
  name: 'cost',
  limit,
  median,
  low,
  high,
  n: 5
})

t.test('says worse when a ratio rose by more than the spread of both runs', async t => {
  t.equal(judge(at(1.3, 1.25, 1.35), at(1, 0.95, 1.05)).worse, true)
})

t.test('says nothing when a ratio rose within the spread of both runs', async t => {
  t.equal(judge(at(1.08, 1, 1.15), at(1, 0.95, 1.05)).worse, false)
})

t.test('says nothing when a ratio fell', async t => {
  t.equal(judge(at(0.5, 0.49, 0.51), at(1, 0.99, 1.01)).worse, false)
})

t.test('says worse when three quarters of the rounds are beyond the bound', async t => {
  t.equal(judge(at(1.2, 1.1, 1.3, 1), undefined).worse, true)
  t.equal(judge(at(1.02, 0.97, 1.05, 1), undefined).worse, false)
})

t.test('says nothing when there is no baseline and no bound', async t => {
  t.equal(judge(at(7, 6, 8), undefined).worse, false)
})

t.test('takes a ratio round by round when both were measured in turns', async t => {
  const { median, low, high, n } = ratio('cost', [10, 20, 40], [10, 10, 10])
  t.same({ median, low, high, n }, { median: 2, low: 1.5, high: 3, n: 3 })
})

t.test('gives the middle and the quartiles when it sums up samples', async t => {
  t.same(figure([5, 1, 4, 2, 3]), { median: 3, low: 2, high: 4, n: 5 })
})
