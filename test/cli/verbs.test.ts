/** The verbs that change something, against the running router: what they print and do, and their exit codes. */
import { spawnSync } from 'node:child_process'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../helpers/ports.ts'
import { ROOT, runSluice } from '../helpers/sluice.ts'
import { startVerbRouter, weightsOf } from '../helpers/verb-router.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

/** One route for each test that changes something, so that one router serves them all. */
const ROUTES = ['fraud', 'planned', 'meddled', 'held', 'broken', 'versioned', 'scripted'] as const

const { model, sluice, asked, ask } = await startVerbRouter(t, ROUTES)

t.test('the champion gets the rest when weights are planned and set', async t => {
  t.match((await asked('weights', 'planned')).stdout, /v4 +challenger +50 %/)

  const plan = await asked('weights', 'planned', 'v4=20', '--dry-run')
  t.equal(plan.code, 0)
  t.match(plan.stdout, '30 % of the units move from v4 to v3')
  t.match(plan.stdout, 'nothing has been changed')
  t.same(await weightsOf(sluice, 'planned'), { v3: 50, v4: 50 })

  const set = await asked('weights', 'planned', 'v4=20.25', '--reason', 'week two')
  t.equal(set.code, 0)
  t.match(set.stdout, 'v4: 50 % -> 20.25 %')
  t.match(set.stdout, 'v3: 50 % -> 79.75 %')
  t.same(await weightsOf(sluice, 'planned'), { v3: 79.75, v4: 20.25 })

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
  t.same(await weightsOf(sluice, 'fraud'), { v3: 50, v4: 50 })
})

t.test('a change is refused and not tried again when somebody else was quicker', async t => {
  const other = await meddler(t)
  const args = ['weights', 'meddled', 'v4=60', '--admin', other.url]
  const { code, stderr } = await runSluice(args, { env: { SLUICE_TOKEN: sluice.token } })
  t.equal(code, 1)
  t.match(stderr, /has changed since it was read: it is at 1-2 now.*\(SLC_STALE\)/)
  t.same(await weightsOf(sluice, 'meddled'), { v3: 70, v4: 30 })
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
  t.same(await weightsOf(sluice, 'broken'), { v3: 100, v4: 0 })
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
  t.same(await weightsOf(sluice, 'broken'), { v3: 100, v4: 0 }, 'its weight stays 0')
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
  t.same(await weightsOf(sluice, 'versioned'), { v3: 100, v4: 0 })
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
  t.same(await weightsOf(sluice, 'scripted'), { v3: 50, v4: 50 })

  const done = script(['4-scripted', 'it says "no" \\ always'])
  t.equal(done.status, 0, done.stderr)
  t.match(JSON.parse(done.stdout), [{ route: 'scripted', replicas: { applied: 1, of: 1 } }])
  t.same(await weightsOf(sluice, 'scripted'), { v3: 100, v4: 0 })
  const decisions = await asked('decisions', 'scripted', '--limit', '1')
  t.match(decisions.stdout, 'it says "no" \\ always', 'the reason came through whole')
  t.notMatch(done.stdout + done.stderr, sluice.token)
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
