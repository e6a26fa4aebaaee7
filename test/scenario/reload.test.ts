import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { test } from 'tap'
import { configText } from '../helpers/sluice.ts'
import { startTwoVersions, twoVersionConfig } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

test('keeps the old configuration running when the new file is bad', async t => {
  const { router, champion, challenger, samples } = await startTwoVersions(t, { rps: 50 })
  await writeFile(router.file, 'routes:\n  fraud: { match: { paths: [nowhere] } }\n')
  router.signal('SIGHUP')
  await until('the refusal in the log', () => router.stderr().includes('reload refused'))
  const metrics = await (await router.admin('/metrics')).text()
  t.match(metrics, /^sluice_config_last_reload_successful 0$/m)
  const before = samples.length
  await until('traffic to go on', () => samples.length > before + 20)
  t.ok(samples.every(sample => sample.status === 200))
  await router.rewrite(twoVersionConfig(champion.url, challenger.url, 20))
  router.signal('SIGHUP')
  await until('the next reload to succeed', async () =>
    /^sluice_config_last_reload_successful 1$/m.test(await (await router.admin('/metrics')).text())
  )
})

test('takes a changed route into force when the file is watched', async t => {
  const { router, champion, challenger } = await startTwoVersions(t, {
    rps: 0,
    start: { args: ['--watch'] }
  })
  const ask = () =>
    fetch(`${router.dataUrl}/v2/models/fraud/ready`, { headers: { 'x-user-id': 'u-1' } })
  t.ok((await ask()).headers.has('x-sluice-variant'))
  const config = twoVersionConfig(champion.url, challenger.url, 20, {
    headers: { variant: false }
  })
  await writeFile(router.file, configText(config))
  await until('the field to be gone', async () => !(await ask()).headers.has('x-sluice-variant'))
})

test('keeps weights and ranges when the configuration is reloaded', async t => {
  const { router, champion, challenger, route } = await startTwoVersions(t, { rps: 0 })
  const put = await router.admin('/admin/v1/routes/fraud', {
    method: 'PUT',
    headers: { 'if-match': '"1-1"' },
    body: JSON.stringify({ weights: { v3: 65.5, v4: 34.5 } })
  })
  t.equal(put.status, 200)
  await router.rewrite(twoVersionConfig(champion.url, challenger.url, 50))
  router.signal('SIGHUP')
  await until('the reload', () => router.stderr().includes('configuration reloaded'))
  t.strictSame((await route()).weights, { v3: 65.5, v4: 34.5 })
  const config = (await (await router.admin('/admin/v1/config')).json()) as {
    drift: { what: string }[]
  }
  t.ok(
    config.drift.some(({ what }) => what === 'weights'),
    'the drift is told'
  )
})

test('refuses a reload when it takes away a variant with weight or moves a listener', async t => {
  const { router, champion, challenger, route } = await startTwoVersions(t, { rps: 0 })
  const whole = twoVersionConfig(champion.url, challenger.url, 20)
  await router.rewrite({ ...whole, threads: 2 })
  router.signal('SIGHUP')
  await until('the refusal of other threads', () => /threads/.test(lastRefusal(router.stderr())))
  await router.rewrite({
    routes: {
      fraud: {
        match: { paths: ['/v2/models/fraud/'] },
        variants: { v3: { upstreams: [champion.url], model: { name: 'fraud', version: '3' } } },
        champion: 'v3',
        initialWeights: { v3: 100 }
      }
    }
  })
  router.signal('SIGHUP')
  await until('the refusal of a missing variant', () => /v4/.test(lastRefusal(router.stderr())))
  t.strictSame((await route()).weights, { v3: 80, v4: 20 })
})

function lastRefusal(stderr: string): string {
  const lines = stderr.split('\n').filter(line => line.includes('reload refused'))
  return lines.at(-1) ?? ''
}

test('takes tokens in and out of force when the configuration is reloaded', async t => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const token = (id: string) => ({ id, role: 'viewer', sha256: sha256(`token-of-${id}`) })
  const { router, champion, challenger } = await startTwoVersions(t, { rps: 0 })
  const whole = twoVersionConfig(champion.url, challenger.url, 20)
  const asks = async (text: string) =>
    (await router.admin('/admin/v1/routes', { headers: { authorization: `Bearer ${text}` } }))
      .status
  for (const id of ['first', 'second']) {
    await router.rewrite({ ...whole, admin: { tokens: [token(id)] } })
    router.signal('SIGHUP')
    await until(`the ${id} token to be right`, async () => (await asks(`token-of-${id}`)) === 200)
  }
  t.equal(await asks('token-of-first'), 401)
  t.equal(await asks(router.token), 401, 'the local token is no longer in force')
})
