/** What no router sees soon on its own counters is seen by all together: real routers, a real Redis, real models. */
import { test } from 'tap'
import { putWeights, startFleet } from '../helpers/fleet.ts'
import { until } from '../helpers/until.ts'

test('rolls back by the counts of all when each of four routers has seen little of a mild fault', async t => {
  const { routers, routes, samples, challenger } = await startFleet(t, {
    routers: 4,
    rps: 40,
    // A quarter of failures is 8 of 12 somewhere in a fifth of runs, and that replica may have 30 % of the calls.
    extra: { triggers: { gross: { action: 'notify' } } }
  })
  const [one] = routers
  if (!one) throw new Error('four routers')
  await putWeights(one, { v3: 95, v4: 5 })
  await until('the challenger to answer through all', () =>
    samples.every(seen => seen.filter(({ variant }) => variant === 'v4').length > 5)
  )
  await challenger.fault('errors', { share: 0.25 })
  const rollback = await until(
    'the rollback on all',
    async () => {
      const all = await routes()
      const found = all.map(({ challengers }) => challengers['v4']?.rollback ?? null)
      return found.every(one => one !== null) && found[0]
    },
    { every: 250 }
  )
  t.equal(rollback.trigger, 'errors')
  t.match(rollback.reason, /^Over [234] replicas: Of \d+ requests to v4, \d+ failed/)
  const evidence = JSON.parse(JSON.stringify(rollback.evidence))
  t.equal(evidence.scope, 'fleet')
  const counts: { challenger: { requests: number; failures: number } }[] = Object.values(
    evidence.replicas.counts
  )
  t.ok(counts.length >= 2, 'of several replicas')
  const failures = counts.map(({ challenger }) => challenger.failures)
  t.equal(
    failures.reduce((sum, n) => sum + n, 0),
    evidence.challenger.failures
  )
  const failed = samples.flat().filter(({ variant, status }) => variant === 'v4' && status >= 500)
  t.ok(evidence.challenger.failures <= failed.length, 'no failure was counted twice')
})
