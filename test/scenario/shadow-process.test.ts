/** The process of shadows and events beside the router: its death, signals to it, and the death of the router. */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import t from 'tap'
import { leash } from '../../demo/leash.ts'
import { startAnswering } from '../helpers/answering.ts'
import { childrenOf, isAlive } from '../helpers/process-tree.ts'
import { askAs, copiesEnded, pairsIn, shadowedRoute, shadowOf, sum } from '../helpers/shadowed.ts'
import { type Sluice, startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(200_000) // ends a hung run; nothing is measured by it

const champion = await startAnswering(t, () => ({ body: '{"predictions":[1]}' }))
const challenger = await startAnswering(t, () => ({ body: '{"predictions":[2]}', delayMs: 20 }))

const started = (): Promise<Sluice> => startWith(challenger.url)

function startWith(shadow: string): Promise<Sluice> {
  return startSluice(
    {
      events: { driver: 'file', directory: 'events' },
      routes: { fraud: shadowedRoute('fraud', champion.url, shadow) }
    },
    { t }
  )
}

const ask = (router: Sluice, user: number) => askAs(router, 'fraud', `user-${user}`)

const onlyChildOf = (router: Sluice): number => {
  const [pid, ...more] = childrenOf(router.pid)
  if (pid === undefined || more.length > 0) throw new Error('a router has one process beside it')
  return pid
}

t.test('is replaced when it is killed under load, and no client feels it', async t => {
  const router = await started()
  const statuses = new Map<number, number>()
  let going = true
  const client = async (user: number) => {
    while (going) {
      const status = await ask(router, user)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const clients = [1, 2, 3, 4].map(client)
  const outcomes = async () => sum((await shadowOf(router, 'fraud')).outcomes)
  await until('copies', async () => (await outcomes()) > 50)
  const first = onlyChildOf(router)
  process.kill(first, 'SIGKILL')
  await until('another process', () => childrenOf(router.pid).some(pid => pid !== first))
  const before = await outcomes()
  await until('its copies', async () => (await outcomes()) > before + 50)
  going = false
  await Promise.all(clients)
  t.same([...statuses.keys()], [200])
  const { considered, dropped } = await copiesEnded(router, 'fraud')
  t.equal(considered, statuses.get(200))
  t.ok((dropped['lost'] ?? 0) > 0, `${dropped['lost']} lost`)
  t.ok(router.logs().some(({ msg }) => /SIGKILL.*another one starts/.test(String(msg))))
})

t.test('ends its copies also where no core has nothing to do', async t => {
  const router = await started()
  for (let i = 0; i < 2 * availableParallelism(); i++) {
    const busy = spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' })
    leash(busy)
    t.teardown(() => busy.kill('SIGKILL'))
  }
  for (let user = 0; user < 500; user++) await ask(router, user)
  t.equal(sum((await copiesEnded(router, 'fraud')).outcomes), 500, 'some of them by their timeout')
})

t.test('goes on when signals reach it, and ends with the router', async t => {
  const router = await started()
  const pid = onlyChildOf(router)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal)
  for (let user = 0; user < 10; user++) t.equal(await ask(router, user), 200)
  t.equal(sum((await copiesEnded(router, 'fraud')).outcomes), 10)
  t.equal(onlyChildOf(router), pid, 'the same process')
  await router.stop()
  t.notOk(isAlive(pid))
  t.equal((await pairsIn(router.directory)).length, 10)
})

t.test('writes what it was sent and ends when the router is killed', async t => {
  let letGo = (): void => {}
  const after = new Promise<void>(resolve => {
    letGo = resolve
  })
  const slow = await startAnswering(t, () => ({ body: '{"predictions":[2]}', after }))
  const router = await startWith(slow.url)
  const pid = onlyChildOf(router)
  for (let user = 0; user < 30; user++) t.equal(await ask(router, user), 200)
  await ask(router, 30) // its copy is behind all others and their champion's answers
  await until('all copies', () => slow.requests().length === 31)
  const killed = router.kill() // ends with the last process that has its output
  await until('the end of the router', () => !isAlive(router.pid))
  letGo()
  await killed
  await until('its end', () => !isAlive(pid))
  const pairs = await pairsIn(router.directory)
  t.equal(pairs.filter(({ shadow }) => shadow.outcome === 'ok').length, 31)
})
