import { test } from 'tap'
import { rangeLabel } from '../../../src/domain/fleet/range-label.ts'

test('labels are equal only when the keys are', async t => {
  const labels = new Set<string>()
  for (let i = 0; i < 20_000; i++) labels.add(rangeLabel(`key ${i}`))
  t.equal(labels.size, 20_000)
  t.equal(rangeLabel('a route'), rangeLabel('a route'))
  t.match(rangeLabel('ü'), /^[0-9a-z]+-[0-9a-z]+$/)
})
