import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { holm } from '../../../src/domain/stats/holm.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/stats-pairs.json', import.meta.url), 'utf8')
)

test('adjusted p-values are those of the reference when tests come in any order', async t => {
  const { inputs, expected, tolerance } = cases.holm
  holm(inputs.p).forEach((p, i) => {
    t.ok(Math.abs(p - expected.adjusted[i]) <= tolerance, `${p}`)
  })
})

test('a p-value stays as it is when it is alone, and there are none of none', async t => {
  t.strictSame(holm([0.04]), [0.04])
  t.strictSame(holm([]), [])
  t.strictSame(holm([1, 1, 0.5]), [1, 1, 1])
})
