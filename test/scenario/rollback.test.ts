import { test } from 'tap'
import { startSluice } from '../helpers/sluice.ts'
import {
  rolledBack,
  routeOf,
  startTwoVersions,
  twoVersionConfig,
  warm
} from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

for (const fault of ['errors', 'not-found', 'nan', 'dead'] as const) {
  test(`takes the challenger to 0 by itself when it is broken by ${fault}`, async t => {
    const versions = await startTwoVersions(t)
    await warm(versions)
    await versions.challenger.fault(fault)
    const rollback = await rolledBack(versions)
    const route = await versions.route()
    t.strictSame(route.weights, { v3: 100, v4: 0 })
    t.equal(route.phase, 'rolled-back')
    t.equal(route.epoch, 2)
    t.ok(rollback.evidence, 'the evidence is kept')
    t.match(rollback.reason, /\d/, 'the sentence has figures')
    const since = performance.now()
    const after = await until('traffic after the rollback', () => {
      const sent = versions.samples.filter(sample => sample.due > since)
      return sent.length > 50 && sent
    })
    t.ok(
      after.every(sample => sample.variant !== 'v4'),
      'nobody gets the challenger any more'
    )
    t.ok(after.every(sample => sample.status === 200))
  })
}

test('fails no request when the challenger dies and the champion answers instead', async t => {
  const versions = await startTwoVersions(t, { extra: { onUnavailable: 'champion' } })
  await warm(versions)
  await versions.challenger.fault('dead')
  const died = performance.now()
  await rolledBack(versions)
  const failed = versions.samples.filter(sample => sample.due > died && sample.status !== 200)
  t.strictSame(failed, [])
})

test('keeps a rollback when the router is killed and started again', async t => {
  const versions = await startTwoVersions(t)
  await warm(versions)
  await versions.challenger.fault('errors')
  const { id } = await rolledBack(versions)
  await until('the rollback to be in the log of decisions', async () => {
    const answer = await versions.router.admin('/admin/v1/routes/fraud/decisions')
    return (await answer.text()).includes(id)
  })
  await versions.challenger.fault('none')
  await versions.router.kill()
  const { champion, challenger, router } = versions
  const again = await startSluice(twoVersionConfig(champion.url, challenger.url, 20), {
    t,
    directory: router.directory
  })
  const route = await routeOf(again)
  t.equal(route.challengers['v4']?.rollback?.id, id)
  t.strictSame(route.weights, { v3: 100, v4: 0 })
  const raise = await again.admin('/admin/v1/routes/fraud', {
    method: 'PUT',
    headers: { 'if-match': `"${route.epoch}-${route.revision}"` },
    body: JSON.stringify({ weights: { v3: 80, v4: 20 } })
  })
  t.equal(raise.status, 409)
  t.match(await raise.json(), { code: 'SLC_ROLLED_BACK' })
})

test('lets the challenger grow again when the rollback was cleared by its id', async t => {
  const versions = await startTwoVersions(t)
  await warm(versions)
  await versions.challenger.fault('errors')
  const { id } = await rolledBack(versions)
  await versions.challenger.fault('none')
  const { router } = versions
  const etag = async () => {
    const { epoch, revision } = await versions.route()
    return `"${epoch}-${revision}"`
  }
  const cleared = await router.admin('/admin/v1/routes/fraud/clear', {
    method: 'POST',
    headers: { 'if-match': await etag() },
    body: JSON.stringify({ rollback: id })
  })
  t.equal(cleared.status, 200)
  t.strictSame((await versions.route()).weights, { v3: 100, v4: 0 }, 'the weight stays 0')
  const raised = await router.admin('/admin/v1/routes/fraud', {
    method: 'PUT',
    headers: { 'if-match': await etag() },
    body: JSON.stringify({ weights: { v3: 80, v4: 20 } })
  })
  t.equal(raised.status, 200)
  const since = versions.samples.length
  await until('the challenger to answer again', () =>
    versions.samples.slice(since).some(sample => sample.variant === 'v4')
  )
})

test('takes nothing out when both versions fail at once and recover', async t => {
  const versions = await startTwoVersions(t)
  await warm(versions)
  const both = [versions.champion, versions.challenger]
  const failed = () => versions.samples.filter(({ status }) => status === 500)
  await Promise.all(both.map(server => server.fault('errors')))
  await until('many failures of both', () =>
    ['v3', 'v4'].every(v => failed().filter(({ variant }) => variant === v).length > 60)
  )
  await Promise.all(both.map(server => server.fault('none')))
  const since = performance.now()
  await until('both to answer well for a while', () =>
    ['v3', 'v4'].every(
      v =>
        versions.samples.filter(s => s.due > since && s.variant === v && s.status === 200).length >
        60
    )
  )
  const route = await versions.route()
  t.equal(route.challengers['v4']?.rollback, null)
  t.strictSame(route.weights, { v3: 80, v4: 20 })
})

test('rolls back at once when an operator says so, and again is no error', async t => {
  const versions = await startTwoVersions(t, { rps: 50 })
  await warm(versions, 3)
  const { router } = versions
  const first = await router.admin('/admin/v1/routes/fraud/rollback', {
    method: 'POST',
    body: '{}'
  })
  t.equal(first.status, 200)
  t.strictSame((await versions.route()).weights, { v3: 100, v4: 0 })
  const second = await router.admin('/admin/v1/routes/fraud/rollback', {
    method: 'POST',
    body: '{}'
  })
  t.equal(second.status, 200)
  t.strictSame(
    ((await second.json()) as { rollbacks: unknown }).rollbacks,
    ((await first.json()) as { rollbacks: unknown }).rollbacks,
    'the repeat names the rollback that is in force'
  )
})
