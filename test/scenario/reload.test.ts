/**
 * What a new configuration changes, and what it may not. One router in front of two model servers serves all tests
 * but the one of --watch; each test says again what it wants.
 */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { configText, type Settings, startSluice } from '../helpers/sluice.ts'
import { startTwoVersions, traffic, twoVersionConfig } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

const { router, champion, challenger, route } = await startTwoVersions(t, { rps: 0 })
const whole = (extra: Settings = {}) => twoVersionConfig(champion.url, challenger.url, 20, extra)

/** Writes a configuration, asks for a reload, and gives what the log then says of it. */
async function reload(config: string | Settings): Promise<string> {
  const before = router.stderr().length
  await router.rewrite(config)
  router.signal('SIGHUP')
  return until('a word about the reload', () =>
    router
      .stderr()
      .slice(before)
      .split('\n')
      .slice(0, -1) // whole lines
      .find(line => /reload refused|configuration reloaded/.test(line))
  )
}

async function reloadMetric(): Promise<string | undefined> {
  const metrics = await (await router.admin('/metrics')).text()
  return /^sluice_config_last_reload_successful (.*)$/m.exec(metrics)?.[1]
}

t.test('keeps the old configuration running when the new file is bad', async t => {
  const statuses: number[] = []
  traffic(t, router.dataUrl, 50, ({ status }) => statuses.push(status))
  t.match(await reload('routes:\n  fraud: { match: { paths: [nowhere] } }\n'), 'reload refused')
  t.equal(await reloadMetric(), '0')
  const before = statuses.length
  await until('traffic to go on', () => statuses.length > before + 20)
  t.ok(statuses.every(status => status === 200))
  t.match(await reload(whole()), 'configuration reloaded')
  t.equal(await reloadMetric(), '1')
})

t.test('keeps weights and ranges when the configuration is reloaded', async t => {
  const put = await setWeights({ v3: 65.5, v4: 34.5 })
  t.equal(put.status, 200)
  const { ranges } = await route()
  t.ok(ranges)
  t.match(
    await reload(twoVersionConfig(champion.url, challenger.url, 50)),
    'configuration reloaded'
  )
  const after = await route()
  t.strictSame(after.weights, { v3: 65.5, v4: 34.5 })
  t.strictSame(after.ranges, ranges)
  const config = (await (await router.admin('/admin/v1/config')).json()) as {
    drift: { what: string }[]
  }
  t.ok(
    config.drift.some(({ what }) => what === 'weights'),
    'the drift is told'
  )
})

t.test('refuses a reload when it takes away a variant with weight or moves a listener', async t => {
  const { weights } = await route()
  const threads = await reload({ ...whole(), threads: 2 })
  t.match(threads, 'reload refused')
  t.match(threads, 'threads')
  const variant = await reload({
    routes: {
      fraud: {
        match: { paths: ['/v2/models/fraud/'] },
        variants: { v3: { upstreams: [champion.url], model: { name: 'fraud', version: '3' } } },
        champion: 'v3',
        initialWeights: { v3: 100 }
      }
    }
  })
  t.match(variant, 'reload refused')
  t.match(variant, 'v4')
  t.strictSame((await route()).weights, weights)
})

t.test('takes a changed route into force when the file is watched', async t => {
  const watched = await startSluice(whole(), { t, args: ['--watch'] })
  const ask = () =>
    fetch(`${watched.dataUrl}/v2/models/fraud/ready`, { headers: { 'x-user-id': 'u-1' } })
  t.ok((await ask()).headers.has('x-sluice-variant'))
  await writeFile(watched.file, configText(whole({ headers: { variant: false } })))
  await until('the field to be gone', async () => !(await ask()).headers.has('x-sluice-variant'))
})

t.test('takes tokens in and out of force when the configuration is reloaded', async t => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const token = (id: string) => ({ id, role: 'viewer', sha256: sha256(`token-of-${id}`) })
  const asks = async (text: string) =>
    (await router.admin('/admin/v1/routes', { headers: { authorization: `Bearer ${text}` } }))
      .status
  for (const id of ['first', 'second']) {
    t.match(await reload({ ...whole(), admin: { tokens: [token(id)] } }), 'configuration reloaded')
    await until(`the ${id} token to be right`, async () => (await asks(`token-of-${id}`)) === 200)
  }
  t.equal(await asks('token-of-first'), 401)
  t.equal(await asks(router.token), 401, 'the local token is no longer in force')
})

async function setWeights(weights: Readonly<Record<string, number>>): Promise<Response> {
  const { epoch, revision } = await route()
  return router.admin('/admin/v1/routes/fraud', {
    method: 'PUT',
    headers: { 'if-match': `"${epoch}-${revision}"` },
    body: JSON.stringify({ weights })
  })
}
