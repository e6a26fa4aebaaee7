/** Routers that share a Redis act as one, and no fault of Redis stops traffic or undoes a rollback. */
import { test } from 'tap'
import { startFaultProxy } from '../helpers/fault-proxy.ts'
import { putWeights, startFleet } from '../helpers/fleet.ts'
import { routeOf, traffic } from '../helpers/two-versions.ts'
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
  await until('both to agree again', async () => {
    const raised = await putWeights(other, { v3: 100, v4: 0 }).then(
      () => true,
      () => false
    )
    return raised && (await routes()).every(({ epoch }) => epoch === before?.epoch)
  })
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

test('rolls back on all routers when the triggers of two of them see the same', async t => {
  const { routers, routes, samples, challenger } = await startFleet(t, { rps: 60 })
  const [one] = routers
  if (!one) throw new Error('two routers')
  await putWeights(one, { v3: 70, v4: 30 })
  await until('the challenger to answer through both', () =>
    samples.every(seen => seen.filter(({ variant }) => variant === 'v4').length > 30)
  )
  await challenger.fault('errors')
  await until('the rollback on both', async () =>
    (await routes()).every(({ phase }) => phase === 'rolled-back')
  )
  const [view] = await routes()
  t.not(view?.challengers['v4']?.rollback?.trigger, 'operator')
  t.match(view?.weights, { v3: 100, v4: 0 })
})

test('takes the challenger out on one router alone when only its network is bad', async t => {
  const proxies: { port: number; cut: () => Promise<void>; pass: () => Promise<void> }[] = []
  const fleet = await startFleet(t, {
    rps: 30,
    challengerUrl: (router, url) => (router === 1 ? `http://127.0.0.1:${proxies[0]?.port}` : url),
    before: async url => {
      proxies.push(await startFaultProxy(t, { to: Number(new URL(url).port) }))
    }
  })
  const { routers, routes, samples } = fleet
  const [well, bad] = routers
  const [proxy] = proxies
  if (!well || !bad || !proxy) throw new Error('two routers and a proxy')
  // The larger part of the challenger's traffic is on the router that is well.
  const extra = traffic(t, well.dataUrl, 120, () => undefined)
  await putWeights(well, { v3: 70, v4: 30 })
  await until('the challenger to answer through both', () =>
    samples.every(seen => seen.filter(({ variant }) => variant === 'v4').length > 40)
  )
  await proxy.cut()
  const quarantined = async () => {
    const { quarantined } = (await routeOf(bad)) as { quarantined?: Record<string, unknown> }
    return Object.hasOwn(quarantined ?? {}, 'v4')
  }
  await until('the quarantine', quarantined)
  t.match(await (await bad.admin('/metrics')).text(), /sluice_quarantined\{[^}]*v4[^}]*\} 1/)
  const seen = samples[0]?.length ?? 0
  await until('the other router to go on with the challenger', () =>
    (samples[0] ?? []).slice(seen).some(({ variant }) => variant === 'v4')
  )
  for (const { phase, weights } of await routes()) {
    t.equal(phase, 'steady')
    t.match(weights, { v3: 70, v4: 30 })
  }

  await proxy.pass()
  const resumed = await bad.admin('/admin/v1/routes/fraud/resume', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ variant: 'v4', reason: 'the cable is back' })
  })
  t.equal(resumed.status, 200)
  const later = samples[1]?.length ?? 0
  await until('the challenger to answer again through the router that was cut off', () =>
    (samples[1] ?? [])
      .slice(later)
      .some(({ variant, status }) => variant === 'v4' && status === 200)
  )
  t.notOk(await quarantined())
  await extra.stop()
})
