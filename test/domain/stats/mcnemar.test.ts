import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { mcnemarGreater } from '../../../src/domain/stats/mcnemar.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/stats-pairs.json', import.meta.url), 'utf8')
)

test('p is that of the reference when both kinds of requests occur', async t => {
  const { inputs, expected, tolerance } = cases['mcnemar-exact']
  t.ok(Math.abs(mcnemarGreater(inputs.b, inputs.c) - expected.p_exact_greater) <= tolerance)
  t.ok(Math.abs(2 * mcnemarGreater(inputs.b, inputs.c) - expected.p_exact_two_sided) <= tolerance)
})

test('p is a power of a half when one kind never occurs, and 1 when none does', async t => {
  t.ok(Math.abs(mcnemarGreater(10, 0) - 0.5 ** 10) < 1e-15)
  t.equal(mcnemarGreater(0, 10), 1)
  t.equal(mcnemarGreater(0, 0), 1)
  t.ok(mcnemarGreater(1e6, 9e5) < 1e-9)
})
