import { test } from 'tap'
import { fuzzConfig } from '../helpers/config-fuzz.ts'

test('gives problems or a configuration and never throws when 1,000 mutations of the text of a file are loaded', async t => {
  const result = await fuzzConfig(t, { kind: 'text', seed: 20260101, count: 1_000 })
  t.same(result.wrong, [])
  t.equal(result.accepted + result.refused, 1_000)
  t.ok(result.refused > 200, `${result.refused} were refused`)
  t.ok(result.accepted > 200, `${result.accepted} were accepted`)
})
