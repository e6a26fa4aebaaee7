/**
 * The short run of both fuzzers; the long ones are `node test/fuzz/requests.ts` and `responses.ts`.
 */
import { test } from 'tap'
import { fuzzRequests } from './requests.ts'
import { fuzzResponses } from './responses.ts'

test('never crashes, hangs, smuggles or mixes up answers when 5,000 mutated requests come', async t => {
  const { sent, answered, accepted, violations } = await fuzzRequests({ count: 5000, seed: 11 })
  t.same(violations, [])
  t.equal(sent, 5000)
  t.ok(accepted > 500 && answered - accepted > 500, `accepted ${accepted}, answered ${answered}`)
})

test('never crashes, hangs, fakes an end or mixes up answers when 1,000 mutated answers come', async t => {
  const { sent, answered, accepted, violations } = await fuzzResponses({ count: 1000, seed: 12 })
  t.same(violations, [])
  t.equal(sent, 1000)
  t.ok(accepted > 100 && answered > accepted, `accepted ${accepted}, answered ${answered}`)
})
