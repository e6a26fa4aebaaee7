/** Routers that share a Redis act as one, and no fault of Redis stops traffic or undoes a rollback. */
import { test } from 'tap'
import { putWeights, startFleet } from '../helpers/fleet.ts'
import { until } from '../helpers/until.ts'

test('applies on every router what one was told, and nothing is lost when Redis is killed and comes back empty', async t => {
  const { redis, routers, routes, samples } = await startFleet(t, { rps: 30 })
  const [one, other] = routers
  if (!one || !other) throw new Error('two routers')
  await putWeights(one, { v3: 60, v4: 40 })
  await until('the weights on both', async () =>
    (await routes()).every(({ weights }) => weights['v4'] === 40)
  )
  await until('the challenger to answer through both', () =>
    samples.every(seen => seen.some(({ variant }) => variant === 'v4'))
  )

  const answer = await other.admin('/admin/v1/routes/fraud/rollback', {
    method: 'POST',
    body: '{}'
  })
  t.equal(answer.status, 200)
  t.match(await answer.json(), { scope: 'fleet', replicas: { applied: 2, of: 2 } })
  await until('the rollback on both', async () =>
    (await routes()).every(({ phase }) => phase === 'rolled-back')
  )
  const before = (await routes())[0]

  await redis.kill9()
  const raise = await putWeights(one, { v3: 99, v4: 1 }).then(
    () => 'accepted',
    (error: unknown) => String(error)
  )
  t.match(raise, /SLC_ROLLED_BACK|SLC_STORE_UNREACHABLE/)
  const answered = samples.map(seen => seen.length)
  await until('traffic to go on without Redis', () =>
    samples.every((seen, i) => seen.length > (answered[i] ?? 0) + 60)
  )
  t.ok(
    (await Promise.all(routers.map(router => router.admin('/readyz')))).every(({ ok }) => ok),
    'routers stay ready'
  )

  await redis.restart({ empty: true })
  await until('what was known to be put back', async () => (await redis.cli('DBSIZE')) !== 0)
  await until(
    'both to agree again',
    async () => {
      const raised = await putWeights(other, { v3: 100, v4: 0 }).then(
        () => true,
        () => false
      )
      return raised && (await routes()).every(({ epoch }) => epoch === before?.epoch)
    },
    { within: 20_000 }
  )
  for (const route of await routes()) {
    t.equal(route.phase, 'rolled-back')
    t.match(route.weights, { v3: 100, v4: 0 })
  }
  t.same(
    samples.flat().filter(({ status }) => status !== 200),
    [],
    'no request failed'
  )
})
