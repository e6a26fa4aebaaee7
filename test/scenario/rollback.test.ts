/**
 * The main job with real model servers: a challenger that breaks is taken out by itself, stays out, and comes back
 * only when it is cleared. One router serves all tests, with a route for each.
 */
import t, { type Test } from 'tap'
import type { Sample } from '../../demo/load.ts'
import { type ModelServer, startModelServer } from '../helpers/model-server.ts'
import { type Settings, type Sluice, startSluice, temporaryDirectory } from '../helpers/sluice.ts'
import { rolledBack, routeOf, traffic, versionedRoute, warm } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

const FAULTS = ['errors', 'not-found', 'nan', 'dead'] as const
const ROUTES = [...FAULTS, 'spared', 'cleared', 'alike', 'told'] as const
type Route = (typeof ROUTES)[number]

const [champion, challenger, ...mortal] = await Promise.all(
  ['3', '4', '4', '4'].map(version => startModelServer(t, { version }))
)
if (!champion || !challenger) throw new Error('two model servers')

/** What ends a server needs one that nobody else asks. */
const servers: { readonly [route in Route]?: ModelServer | undefined } = {
  dead: mortal[0],
  spared: mortal[1]
}
const serverOf = (route: Route): ModelServer => servers[route] ?? challenger
const extra: { readonly [route in Route]?: Settings } = { spared: { onUnavailable: 'champion' } }
const config = {
  routes: Object.fromEntries(
    ROUTES.map(name => [
      name,
      versionedRoute(name, champion.url, serverOf(name).url, extra[name] ?? {})
    ])
  )
}
const directory = temporaryDirectory(t)
const router = await startSluice(config, { t, directory })

/** A route with users until the test ends. Whatever broke its challenger is over then. */
function versions(t: Test, name: Route, rps = 100) {
  const samples: Sample[] = []
  traffic(t, router.dataUrl, rps, sample => samples.push(sample), `/${name}/infer`)
  const breakIt = async (fault: Parameters<ModelServer['fault']>[0]) => {
    await serverOf(name).fault(fault)
    if (fault !== 'dead') t.teardown(() => serverOf(name).fault('none'))
  }
  return { samples, route: () => routeOf(router, name), breakIt }
}

for (const fault of FAULTS) {
  t.test(`takes the challenger to 0 by itself when it is broken by ${fault}`, async t => {
    const { samples, route, breakIt } = versions(t, fault)
    await warm({ samples })
    await breakIt(fault)
    const rollback = await rolledBack({ route })
    const now = await route()
    t.strictSame(now.weights, { v3: 100, v4: 0 })
    t.equal(now.phase, 'rolled-back')
    t.equal(now.epoch, 2)
    t.ok(rollback.evidence, 'the evidence is kept')
    t.match(rollback.reason, /\d/, 'the sentence has figures')
    const since = performance.now()
    const after = await until('traffic after the rollback', () => {
      const sent = samples.filter(sample => sample.due > since)
      return sent.length > 50 && sent
    })
    t.ok(
      after.every(sample => sample.variant !== 'v4'),
      'nobody gets the challenger any more'
    )
    t.ok(after.every(sample => sample.status === 200))
  })
}

t.test('fails no request when the challenger dies and the champion answers instead', async t => {
  const { samples, route, breakIt } = versions(t, 'spared')
  await warm({ samples })
  await breakIt('dead')
  const died = performance.now()
  await rolledBack({ route })
  const failed = samples.filter(sample => sample.due > died && sample.status !== 200)
  t.strictSame(failed, [])
})

t.test('lets the challenger grow again when the rollback was cleared by its id', async t => {
  const { samples, route, breakIt } = versions(t, 'cleared')
  await warm({ samples })
  await breakIt('errors')
  const { id } = await rolledBack({ route })
  await breakIt('none')
  await recorded('cleared', id)
  const etag = async () => {
    const { epoch, revision } = await route()
    return `"${epoch}-${revision}"`
  }
  const cleared = await router.admin('/admin/v1/routes/cleared/clear', {
    method: 'POST',
    headers: { 'if-match': await etag() },
    body: JSON.stringify({ rollback: id })
  })
  t.equal(cleared.status, 200)
  t.strictSame((await route()).weights, { v3: 100, v4: 0 }, 'the weight stays 0')
  t.equal((await raise(router, 'cleared', await etag())).status, 200)
  const since = samples.length
  await until('the challenger to answer again', () =>
    samples.slice(since).some(sample => sample.variant === 'v4')
  )
})

t.test('takes nothing out when both versions fail at once and recover', async t => {
  const { samples, route } = versions(t, 'alike')
  await warm({ samples })
  const both = [champion, challenger]
  t.teardown(() => Promise.all(both.map(server => server.fault('none'))))
  const failed = () => samples.filter(({ status }) => status === 500)
  await Promise.all(both.map(server => server.fault('errors')))
  await until('many failures of both', () =>
    ['v3', 'v4'].every(v => failed().filter(({ variant }) => variant === v).length > 60)
  )
  await Promise.all(both.map(server => server.fault('none')))
  const since = performance.now()
  await until('both to answer well for a while', () =>
    ['v3', 'v4'].every(
      v => samples.filter(s => s.due > since && s.variant === v && s.status === 200).length > 60
    )
  )
  const now = await route()
  t.equal(now.challengers['v4']?.rollback, null)
  t.strictSame(now.weights, { v3: 80, v4: 20 })
})

t.test('rolls back at once when an operator says so, and again is no error', async t => {
  const { samples, route } = versions(t, 'told', 50)
  await warm({ samples }, 3)
  const ask = () => router.admin('/admin/v1/routes/told/rollback', { method: 'POST', body: '{}' })
  const first = await ask()
  t.ok([200, 202].includes(first.status), `${first.status}: 202 while the disk has it not yet`)
  t.strictSame((await route()).weights, { v3: 100, v4: 0 }, 'whatever the disk does')
  const second = await until('the disk to have it', async () => {
    const answer = await ask()
    return answer.status === 200 && answer
  })
  t.strictSame(
    ((await second.json()) as { rollbacks: unknown }).rollbacks,
    ((await first.json()) as { rollbacks: unknown }).rollbacks,
    'the repeat names the rollback that is in force'
  )
})

t.test('keeps every rollback when the router is killed and started again', async t => {
  const standing = await Promise.all(
    ROUTES.map(async name => ({ name, before: await routeOf(router, name) }))
  )
  for (const { name, before } of standing) {
    const { rollback = null } = before.challengers['v4'] ?? {}
    if (rollback !== null) await recorded(name, rollback.id)
  }
  await router.kill()
  const again = await startSluice(config, { t, directory })
  for (const { name, before } of standing) {
    const after = await routeOf(again, name)
    t.strictSame(after.weights, before.weights, name)
    t.equal(after.challengers['v4']?.rollback?.id, before.challengers['v4']?.rollback?.id, name)
    if (before.phase !== 'rolled-back') continue
    const answer = await raise(again, name, `"${after.epoch}-${after.revision}"`)
    t.equal(answer.status, 409)
    t.match(await answer.json(), { code: 'SLC_ROLLED_BACK' })
  }
  t.same(
    standing.filter(({ before }) => before.phase === 'rolled-back').map(({ name }) => name),
    [...FAULTS, 'spared', 'told']
  )
})

function raise(router: Sluice, name: Route, etag: string): Promise<Response> {
  return router.admin(`/admin/v1/routes/${name}`, {
    method: 'PUT',
    headers: { 'if-match': etag },
    body: JSON.stringify({ weights: { v3: 80, v4: 20 } })
  })
}

/** Waits until the log of decisions has a rollback: from then on it is durable. */
async function recorded(name: Route, id: string): Promise<void> {
  await until('the rollback to be in the log of decisions', async () => {
    const answer = await router.admin(`/admin/v1/routes/${name}/decisions`)
    return (await answer.text()).includes(id)
  })
}
