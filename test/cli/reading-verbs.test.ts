/** The verbs that change nothing, against the running router: what they print, and their exit codes. */
import t from 'tap'
import { inference } from '../helpers/model-server.ts'
import { freePort } from '../helpers/ports.ts'
import { runSluice, startSluice } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'
import { startVerbRouter, verbRoute, weightsOf } from '../helpers/verb-router.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const NOWHERE = 'http://127.0.0.1:9'

const { model, sluice, asked, ask } = await startVerbRouter(t, ['fraud'])

t.test('what the API says is said, and nothing changes, when a verb only reads', async t => {
  const routes = await asked('routes')
  t.equal(routes.code, 0)
  t.match(routes.stdout, /^fraud +\* \/fraud\/ +v3 +champion +50 % +5000-9999$/m)
  t.match(routes.stdout, /v4 +challenger +50 % +0-4999$/m)

  const status = await asked('status')
  t.equal(status.code, 0)
  t.match(status.stdout, /^fraud {2}steady {2}revision 1-1 {2}on 1 of 1 replica$/m)
  t.notMatch(status.stdout, '\u001b', 'no colour in a pipe')
  const one = await asked('status', 'fraud')
  t.match(one.stdout, /^ {2}v4 +errors +armed +0\.00 +\d+\.\d\d/m)

  const json = await asked('routes', '--json')
  const api: unknown = await (await sluice.admin('/admin/v1/routes')).json()
  t.same(withoutTimes(JSON.parse(json.stdout)), withoutTimes(api))
  t.same(await weightsOf(sluice, 'fraud'), { v3: 50, v4: 50 })
})

t.test('explain says what the router does when a unit is asked about', async t => {
  for (const user of ['user-1', 'user-2', 'Ünï&cödé=', 'user-4']) {
    const explained = await asked('explain', 'fraud', user, '--json')
    t.equal(explained.code, 0)
    const byHeader = await asked('explain', 'fraud', '--header', `X-User-Id=${user}`)
    const { variant, bucket } = JSON.parse(explained.stdout)
    t.match(byHeader.stdout, new RegExp(`^${variant} .*\n.* bucket ${bucket} `))
    if (!/^[\x20-\x7e]+$/.test(user)) continue // fetch sends no such header
    t.equal((await ask('fraud', user)).headers.get('x-sluice-variant'), variant)
  }
  t.match((await asked('explain', 'fraud')).stdout, 'no unit was hashed')
})

t.test('status -w gives a line a second when nobody presses Ctrl-C', async t => {
  let stdout = ''
  const { code } = await runSluice(['status', 'fraud', '-w', '--json'], {
    cwd: sluice.directory,
    env: { SLUICE_ADMIN: sluice.adminUrl },
    onStart(child) {
      child.stdout?.on('data', (text: string) => {
        stdout += text
        if (stdout.split('\n').length > 2) child.kill('SIGINT')
      })
    }
  })
  t.equal(code, 0)
  for (const line of stdout.trim().split('\n')) t.match(JSON.parse(line), { route: 'fraud' })
})

t.test('status -w ends with exit code 0 and no word when its reader is gone', async t => {
  for (const more of [[], ['--json']]) {
    const { code, stderr } = await runSluice(['status', 'fraud', '-w', ...more], {
      cwd: sluice.directory,
      env: { SLUICE_ADMIN: sluice.adminUrl },
      onStart: child => child.stdout?.once('data', () => child.stdout?.destroy())
    })
    t.equal(code, 0)
    t.equal(stderr, '')
  }
})

t.test('status names a variant when it has weight and no healthy address', async t => {
  const health = { path: '/v2/health/ready', interval: '100ms' }
  const variant = (url: string, version: string) => ({
    upstreams: [url],
    model: { name: 'fraud', version },
    health
  })
  const down = `http://127.0.0.1:${await freePort()}`
  const variants = { v3: variant(model.url, '3'), v4: variant(down, '4') }
  const half = await startSluice(twoVersionConfig(model.url, down, 5, { variants }), { t })
  const env = { SLUICE_ADMIN: half.adminUrl, SLUICE_TOKEN: half.token }
  const look = () => runSluice(['status'], { env })
  await until('only v4 to be out', async () => {
    const { stdout } = await look()
    return (
      !/v3: set to/.test(stdout) && /v4: set to 5 % and NO HEALTHY ADDRESS \(0 of 1\)/.test(stdout)
    )
  })
  await runSluice(['weights', 'fraud', 'v4=0'], { env })
  t.notMatch((await look()).stdout, 'NO HEALTHY ADDRESS', 'without weight it is no matter')
})

t.test('status says so when many requests of a route with challengers have no unit', async t => {
  const routes = {
    found: { ...verbRoute('fraud', model.url), match: { paths: ['/fraud/'] } },
    lost: {
      ...verbRoute('fraud', model.url),
      match: { paths: ['/lost/'] },
      hashOn: [{ json: '/nobody' }]
    },
    alone: {
      match: { paths: ['/alone/'] },
      hashOn: [{ header: 'x' }],
      variants: { v3: { upstreams: [model.url] } }
    },
    each: {
      ...verbRoute('fraud', model.url),
      match: { paths: ['/each/'] },
      hashOn: [{ header: 'x-other' }, { request: 'random' }]
    }
  }
  const other = await startSluice({ routes }, { t })
  const send = async (path: string) => {
    const headers = { 'content-type': 'application/json', 'x-user-id': 'user-1' }
    const init = { method: 'POST', headers, body: inference() }
    await (await fetch(`${other.dataUrl}/${path}/infer`, init)).arrayBuffer()
  }
  const env = { SLUICE_ADMIN: other.adminUrl, SLUICE_TOKEN: other.token }
  const look = async () => (await runSluice(['status'], { env })).stdout
  const paths = ['fraud', 'lost', 'alone', 'each']
  for (let i = 0; i < 19; i++) await Promise.all(paths.map(send))
  t.notMatch(await look(), 'HAD NO UNIT', 'few requests say nothing')
  await Promise.all(paths.map(send))
  let status = ''
  await until('the requests to be counted', async () => {
    status = await look()
    return status.includes('HAD NO UNIT')
  })
  t.match(
    status,
    /^lost {2}.*\n(?: {2}.*\n)* {2}20 of 20 requests \(100 %\) HAD NO UNIT and got the champion: see hashOn$/m
  )
  t.equal(status.split('HAD NO UNIT').length, 2, 'no other route has too many')
})

t.test('healthcheck tells alive from ready when the router drains', async t => {
  const drain = { delay: '30s', grace: '1s' }
  const draining = await startSluice({ ...twoVersionConfig(NOWHERE, NOWHERE, 50), drain }, { t })
  const healthy = async (...words: string[]) =>
    (await runSluice(['healthcheck', '--admin', draining.adminUrl, ...words])).code
  t.equal(await healthy('--ready'), 0)
  draining.signal('SIGTERM')
  await until('not ready', async () => (await healthy('--ready')) === 1)
  t.equal(await healthy(), 0)
  let ended = false
  const exited = draining.exited.finally(() => {
    ended = true
  })
  await until('the end by a second signal, long before the delay is over', () => {
    draining.signal('SIGTERM') // for a second they count as the first one
    return ended
  })
  t.same(await exited, { code: 1, signal: null })
  t.equal(await healthy(), 1)
})

t.test('the exit code is 4 when the data listener is asked as if it were the admin', async t => {
  for (const words of [['status'], ['status', 'fraud'], ['rollback', 'fraud']]) {
    const { code, stderr } = await asked(...words, '--admin', sluice.dataUrl)
    t.equal(code, 4)
    t.match(stderr, 'is not an admin API of sluice')
  }
})

t.test('the exit code is 4 when the token is wrong or its role may not', async t => {
  const tokens = [
    { id: 'board', role: 'viewer', env: 'BOARD' },
    { id: 'ops', role: 'operator', env: 'OPS' }
  ]
  const guarded = await startSluice(
    { ...twoVersionConfig(NOWHERE, NOWHERE, 50), admin: { tokens } },
    {
      t,
      env: { BOARD: 'board-token-0123456789', OPS: 'ops-token-0123456789' },
      token: 'ops-token-0123456789'
    }
  )
  const as = (token: string, ...words: string[]) =>
    runSluice(words, { env: { SLUICE_ADMIN: guarded.adminUrl, SLUICE_TOKEN: token } })
  const wrong = await as('wrong-token-0123456789', 'status')
  t.equal(wrong.code, 4)
  t.match(wrong.stderr, 'SLC_ADMIN_TOKEN')
  t.equal((await as('board-token-0123456789', 'status')).code, 0)
  const role = await as('board-token-0123456789', 'rollback', 'fraud')
  t.equal(role.code, 4)
  t.match(role.stderr, 'SLC_ADMIN_ROLE')
  t.same(await weightsOf(guarded, 'fraud'), { v3: 50, v4: 50 })
})

/** What differs between two looks at the same state. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, member) =>
      key === 'since' || key === 'actualWeights' ? 0 : member
    )
  )
}
