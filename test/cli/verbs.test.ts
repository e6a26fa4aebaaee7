/** Every verb against the running router: what it prints, what it changes, and its exit code. */
import { spawnSync } from 'node:child_process'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inference, startModelServer } from '../helpers/model-server.ts'
import { freePort } from '../helpers/ports.ts'
import { ROOT, runSluice, startSluice } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const NOWHERE = 'http://127.0.0.1:9'

/** One route for each test that changes something, so that one router serves them all. */
const ROUTES = ['fraud', 'planned', 'meddled', 'held', 'broken', 'versioned', 'scripted'] as const
type Route = (typeof ROUTES)[number]

const model = await startModelServer(t, { version: '3' })
const sluice = await startSluice(
  { routes: Object.fromEntries(ROUTES.map(name => [name, routeConfig(name)])) },
  { t, within: 60_000 }
)

function routeConfig(name: Route) {
  const variant = (version: string) => ({
    upstreams: [model.url],
    model: { name: 'fraud', version },
    rewrite: { path: { from: `/${name}/`, to: '/v2/models/fraud/' } }
  })
  return {
    match: { paths: [`/${name}/`] },
    protocol: 'open-inference',
    hashOn: [{ header: 'x-user-id' }],
    variants: { v3: variant('3'), v4: variant(`4-${name}`) },
    champion: 'v3',
    initialWeights: { v3: 50, v4: 50 }
  }
}

/** Runs a verb against that router, with its own state directory for the token. */
function asked(...words: string[]) {
  return runSluice(words, { cwd: sluice.directory, env: { SLUICE_ADMIN: sluice.adminUrl } })
}

async function ask(route: Route, user: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-user-id': user }
  const response = await fetch(`${sluice.dataUrl}/${route}/infer`, {
    method: 'POST',
    headers,
    body: inference()
  })
  await response.arrayBuffer()
  return response
}

async function weightsOf(route: string, on = sluice): Promise<unknown> {
  const view: unknown = await (await on.admin(`/admin/v1/routes/${route}`)).json()
  return typeof view === 'object' && view !== null && 'weights' in view ? view.weights : null
}

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
  t.same(await weightsOf('fraud'), { v3: 50, v4: 50 })
})

t.test('the champion gets the rest when weights are planned and set', async t => {
  t.match((await asked('weights', 'planned')).stdout, /v4 +challenger +50 %/)

  const plan = await asked('weights', 'planned', 'v4=20', '--dry-run')
  t.equal(plan.code, 0)
  t.match(plan.stdout, '30 % of the units move from v4 to v3')
  t.match(plan.stdout, 'nothing has been changed')
  t.same(await weightsOf('planned'), { v3: 50, v4: 50 })

  const set = await asked('weights', 'planned', 'v4=20.25', '--reason', 'week two')
  t.equal(set.code, 0)
  t.match(set.stdout, 'v4: 50 % -> 20.25 %')
  t.match(set.stdout, 'v3: 50 % -> 79.75 %')
  t.same(await weightsOf('planned'), { v3: 79.75, v4: 20.25 })

  const both = await asked('weights', 'planned', 'v3=90', 'v4=20')
  t.equal(both.code, 2, 'they sum to 110')
  t.match(both.stderr, 'these weights sum to 110 %')
  const decisions = await asked('decisions', 'planned', '--since', '1h')
  const change = 'v3 50 % -> 79.75 %, v4 50 % -> 20.25 %'
  t.match(decisions.stdout, new RegExp(`weights .* operator +1-2 +${change} +week two`))

  const none = await asked('weights', 'planned', 'v3=0', 'v4=100', '--dry-run', '--json')
  t.match(none.stderr, /^sluice: warning: the champion v3 gets no traffic: .*\n$/)
  t.same(JSON.parse(none.stdout).weights, { v3: 0, v4: 100 })
})

t.test('the nearest right name is told when a route or variant does not exist', async t => {
  const route = await asked('rollback', 'frad')
  t.equal(route.code, 2)
  t.match(route.stderr, 'there is no route "frad", did you mean "fraud"')
  const variant = await asked('weights', 'fraud', 'v44=1')
  t.equal(variant.code, 2)
  t.match(variant.stderr, 'no variant "v44", did you mean "v4"')
  t.same(await weightsOf('fraud'), { v3: 50, v4: 50 })
})

t.test('a change is refused and not tried again when somebody else was quicker', async t => {
  const other = await meddler(t)
  const args = ['weights', 'meddled', 'v4=60', '--admin', other.url]
  const { code, stderr } = await runSluice(args, { env: { SLUICE_TOKEN: sluice.token } })
  t.equal(code, 1)
  t.match(stderr, /has changed since it was read: it is at 1-2 now.*\(SLC_STALE\)/)
  t.same(await weightsOf('meddled'), { v3: 70, v4: 30 })
})

t.test('a challenger cannot be raised when it is paused, until it is resumed', async t => {
  t.equal((await asked('pause', 'held', '--reason', 'freeze')).code, 0)
  const raise = await asked('weights', 'held', 'v4=60')
  t.equal(raise.code, 1)
  t.match(raise.stderr, 'sluice resume held v4 (SLC_PAUSED)')
  t.match((await asked('status')).stdout, /v4 paused .* by operator: freeze/)
  t.equal((await asked('resume', 'held')).code, 0)
  t.equal((await asked('weights', 'held', 'v4=60')).code, 0)
})

t.test('a rollback latches when it is made, until it is cleared by its id', async t => {
  for (let i = 0; i < 20; i++) await ask('broken', `user-${i}`)

  const done = await asked('rollback', 'broken')
  t.equal(done.code, 0)
  const [, id = ''] = /^broken: v4 is at 0 % \(rollback (\S+)\)$/m.exec(done.stdout) ?? []
  t.match(done.stdout, /^last challenger request: \d{4}-\d\d-\d\dT[\d:.]+Z \(.* ago\)$/m)
  t.match(done.stdout, /^applied on 1 of 1 replicas$/m)
  t.same(await weightsOf('broken'), { v3: 100, v4: 0 })
  t.match((await asked('rollback', 'broken')).stdout, id, 'a repeat is the same')

  const status = await asked('status')
  t.equal(status.code, 1, 'rolled back')
  t.match(status.stdout, `to end it: sluice clear broken ${id}`)
  const raise = await asked('weights', 'broken', 'v4=5')
  t.equal(raise.code, 1)
  t.match(raise.stderr, `sluice clear broken ${id} (SLC_ROLLED_BACK)`)

  const unnamed = await asked('clear', 'broken')
  t.equal(unnamed.code, 2)
  t.match(unnamed.stderr, `${id} of v4`)
  t.equal((await asked('clear', 'broken', 'rb-none')).code, 1)
  t.equal((await asked('clear', 'broken', id)).code, 0)
  const { stdout: decisions } = await asked('decisions', 'broken')
  t.match(decisions, new RegExp(`clear .* ${id}$`, 'm'))
  t.match(decisions, new RegExp(`rollback .* ${id}, v3 50 % -> 100 %, v4 50 % -> 0 %$`, 'm'))
  t.same(await weightsOf('broken'), { v3: 100, v4: 0 }, 'its weight stays 0')
  t.equal((await asked('weights', 'broken', 'v4=5')).code, 0)
})

t.test('the routes of a model version are found when it is rolled back', async t => {
  const wrong = await asked('rollback', '--model-version', '9')
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, /^sluice: no route gives traffic to model version 9\./)
  const champion = await asked('rollback', '--model-version', '3')
  t.equal(champion.code, 1)
  t.match(
    champion.stderr,
    /^sluice: model version 3 is the champion of .*versioned.*nothing to fall back to/
  )
  const right = await asked('rollback', '--model-version', '4-versioned', '--json')
  t.equal(right.code, 0)
  t.match(JSON.parse(right.stdout), [{ route: 'versioned', rollbacks: [{ variant: 'v4' }] }])
  t.same(await weightsOf('versioned'), { v3: 100, v4: 0 })
})

t.test('bin/rollback.sh does the same when the host has no Node', async t => {
  const script = (words: string[], env: Record<string, string> = {}) =>
    spawnSync('/bin/sh', [join(ROOT, 'bin/rollback.sh'), ...words], {
      encoding: 'utf8',
      cwd: sluice.directory,
      env: { PATH: '/usr/bin:/bin', SLUICE_ADMIN: sluice.adminUrl, ...env }
    })
  t.equal(script([]).status, 2)
  t.equal(script(['--now']).status, 2)
  const help = script(['--help'])
  t.equal(help.status, 0)
  t.match(help.stdout, /^bin\/rollback\.sh MODEL_VERSION/)
  const wrong = script(['9'])
  t.equal(wrong.status, 1)
  t.match(wrong.stderr, 'no route gives traffic to model version 9')
  const champion = script(['3'])
  t.equal(champion.status, 1)
  const names = [...ROUTES].sort().join(' ')
  t.match(champion.stderr, `model version 3 is the champion of ${names}, and there is nothing`)
  const unknown = script(['4-scripted'], { SLUICE_TOKEN: 'wrong' })
  t.equal(unknown.status, 4)
  t.match(unknown.stderr, /^rollback\.sh: A valid token is needed.* \(SLC_ADMIN_TOKEN\)\n$/)
  for (const url of [sluice.dataUrl, model.url]) {
    const stranger = script(['4-scripted'], { SLUICE_ADMIN: url })
    t.equal(stranger.status, 4)
    t.equal(stranger.stdout, '')
    t.match(stranger.stderr, `what listens at ${url} is not an admin API of sluice`)
  }
  t.equal(script(['4-scripted'], { SLUICE_STATE: '/nowhere' }).status, 4)
  t.equal(
    script(['4-scripted'], { SLUICE_ADMIN: `http://127.0.0.1:${await freePort()}` }).status,
    4
  )
  t.same(await weightsOf('scripted'), { v3: 50, v4: 50 })

  const done = script(['4-scripted', 'it says "no" \\ always'])
  t.equal(done.status, 0, done.stderr)
  t.match(JSON.parse(done.stdout), [{ route: 'scripted', replicas: { applied: 1, of: 1 } }])
  t.same(await weightsOf('scripted'), { v3: 100, v4: 0 })
  const decisions = await asked('decisions', 'scripted', '--limit', '1')
  t.match(decisions.stdout, 'it says "no" \\ always', 'the reason came through whole')
  t.notMatch(done.stdout + done.stderr, sluice.token)
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
  t.same(await weightsOf('fraud', guarded), { v3: 50, v4: 50 })
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
    found: { ...routeConfig('fraud'), match: { paths: ['/fraud/'] } },
    lost: { ...routeConfig('fraud'), match: { paths: ['/lost/'] }, hashOn: [{ json: '/nobody' }] },
    alone: {
      match: { paths: ['/alone/'] },
      hashOn: [{ header: 'x' }],
      variants: { v3: { upstreams: [model.url] } }
    },
    each: {
      ...routeConfig('fraud'),
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

/** The admin behind a proxy that changes the route right after it was read. */
async function meddler(t: Test): Promise<{ readonly url: string }> {
  const to = new URL(sluice.adminUrl)
  const server = net.createServer(socket => {
    socket.once('data', async first => {
      const head = first.toString('latin1').replace(/^host: .*$/im, `Host: ${to.host}`)
      if (head.startsWith('PUT ')) {
        await sluice.admin('/admin/v1/routes/meddled', {
          method: 'PUT',
          headers: { 'if-match': '"1-1"' },
          body: JSON.stringify({ weights: { v3: 70, v4: 30 } })
        })
      }
      const upstream = net.connect(Number(to.port), to.hostname)
      upstream.write(head, 'latin1')
      socket.pipe(upstream).pipe(socket)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** What differs between two looks at the same state. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, member) =>
      key === 'since' || key === 'actualWeights' ? 0 : member
    )
  )
}
