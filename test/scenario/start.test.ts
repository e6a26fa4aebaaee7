/** What a start refuses, with a sentence, and what it makes of the state that it finds. */
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { configText, runSluice, startSluice, temporaryDirectory } from '../helpers/sluice.ts'
import { routeOf, twoVersionConfig } from '../helpers/two-versions.ts'

const NOWHERE = 'http://127.0.0.1:9'
const settings = twoVersionConfig(NOWHERE, NOWHERE, 5)
const config = (extra: object = {}) => configText({ ...settings, ...extra })

/** A router that several tests look at; it found a state directory that others may read. */
const directory = temporaryDirectory(t)
mkdirSync(join(directory, 'state'))
chmodSync(join(directory, 'state'), 0o755)
const router = await startSluice(settings, { t, directory })

function written(t: Test, text: string) {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'sluice.yaml')
  writeFileSync(file, text)
  return { directory, file }
}

t.test('says all that is wrong and starts nothing when the configuration is bad', async t => {
  const bad = config()
    .replace('"open-inference"', '"open-infernce"')
    .replace('"v3": 95', '"v5": 95')
  const { directory, file } = written(t, bad)
  const { code, stdout, stderr } = await runSluice(['serve', file], { cwd: directory })
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /sluice\.yaml:\d+:\d+ routes\.fraud\.protocol: .*open-inference/)
  t.match(stderr, /sluice\.yaml:\d+:\d+ routes\.fraud\.initialWeights/)
  t.strictSame(readdirSync(directory), ['sluice.yaml'])
})

for (const key of ['listen', 'admin'] as const) {
  t.test(`exits 2 with a sentence when the port of ${key} is in use`, async t => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const at = server.address()
    const place = `127.0.0.1:${typeof at === 'object' && at ? at.port : 0}`
    const extra = key === 'listen' ? { listen: place } : { admin: { listen: place } }
    const { directory, file } = written(t, config(extra))
    const { code, stdout, stderr } = await runSluice(['serve', file], { cwd: directory })
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, new RegExp(`${place} is already in use`))
  })
}

t.test('exits 2 with a sentence when another router has the port', async t => {
  const route = { match: { paths: ['/'] }, variants: { v3: { upstreams: ['http://127.0.0.1:9'] } } }
  const first = await startSluice({ routes: { only: route } }, { t })
  const { host } = new URL(first.dataUrl)
  await t.rejects(
    startSluice({ listen: host, routes: { only: route } }, { t }),
    /already in use/,
    'and does not share it'
  )
})

t.test('exits 2 with a sentence when the state directory cannot be one', async t => {
  const { directory, file } = written(t, config())
  writeFileSync(join(directory, 'state'), 'a file in its place')
  const { code, stderr } = await runSluice(['serve', file], { cwd: directory })
  t.equal(code, 2)
  t.match(stderr, /state directory .* cannot be used/)
})

t.test('exits 2 when another process has the state directory', async t => {
  const { code, stderr } = await runSluice(['serve', router.file], { cwd: directory })
  t.equal(code, 2)
  t.match(stderr, /state directory/)
})

t.test('never opens the admin API when no token is configured', async t => {
  const open = await fetch(`${router.adminUrl}/admin/v1/routes`)
  t.equal(open.status, 401)
  t.equal((await router.admin('/admin/v1/routes')).status, 200)
})

t.test('keeps the token file from other users when a first start writes it', async t => {
  t.equal(statSync(join(directory, 'state', 'operator.token')).mode & 0o777, 0o600)
})

t.test('goes back to an older generation, loudly, when the state file is corrupt', async t => {
  for (const [etag, v4] of [
    ['"1-1"', 7],
    ['"1-2"', 9]
  ] as const) {
    const put = await router.admin('/admin/v1/routes/fraud', {
      method: 'PUT',
      headers: { 'if-match': etag },
      body: JSON.stringify({ weights: { v3: 100 - v4, v4 } })
    })
    t.equal(put.status, 200)
  }
  await router.stop()
  writeFileSync(join(directory, 'state', 'fraud.json'), '{"schema":1,"rou')
  const second = await startSluice(settings, { t, directory })
  t.strictSame((await routeOf(second)).weights, { v3: 93, v4: 7 })
  t.match(second.stderr(), /"level":(40|50).*fraud/)
})
