/**
 * Stopping copies while the shared store is away: the switch is refused, since it is one decision for all replicas, and
 * says how it is done here; a configuration without the shadow stops them at once, and its switch stays as it was.
 */
import t from 'tap'
import { startAnswering } from '../helpers/answering.ts'
import { startRedis } from '../helpers/redis.ts'
import { askAs, shadowedRoute, shadowOf } from '../helpers/shadowed.ts'
import { runSluice, type Settings, startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const redis = await startRedis(t)
const champion = await startAnswering(t, () => ({ body: '{"predictions":[1]}' }))
const challenger = await startAnswering(t, () => ({ body: '{"predictions":[2]}' }))
const withShadow = shadowedRoute('fraud', champion.url, challenger.url)
const { shadows: _, ...without } = withShadow
const configOf = (route: Settings): Settings => ({
  state: { driver: 'redis', redis: { url: redis.url } },
  routes: { fraud: route }
})
const router = await startSluice(configOf(withShadow), { t })

/** Sends a request to the champion; gives its status. */
const ask = () => askAs(router, 'fraud', 'ann')

async function reload(route: Settings): Promise<void> {
  const reloads = () => router.logs().filter(({ msg }) => msg === 'configuration reloaded').length
  const before = reloads()
  await router.rewrite(configOf(route))
  router.signal('SIGHUP')
  await until('the reload', () => reloads() > before)
}

const cli = (...words: string[]) =>
  runSluice(words, { cwd: router.directory, env: { SLUICE_ADMIN: router.adminUrl } })

t.test(
  'stops copies by a reload, and tells how, when the switch is refused for want of the store',
  async t => {
    await ask()
    await until('a copy', () => challenger.requests().length > 0)
    await redis.kill9()

    const refused = await cli('shadow', 'off', 'fraud', 'try')
    t.equal(refused.code, 1)
    t.match(refused.stderr, /The shared store (cannot be used|did not say).*SLC_STORE_UN/)
    t.match(
      refused.stderr,
      'To stop its copies meanwhile, take the shadow out of the file of each router and reload'
    )
    t.notMatch((await cli('shadow', 'on', 'fraud', 'try')).stderr, 'To stop its copies')

    await reload(without)
    const statuses: number[] = []
    await until('the end of copies', async () => {
      const copied = challenger.requests().length
      for (let i = 0; i < 100; i++) statuses.push(await ask())
      return challenger.requests().length === copied
    })
    t.strictSame(new Set(statuses), new Set([200]), 'requests are served on')

    await redis.restart()
    await reload(withShadow)
    const off = async () => (await cli('shadow', 'off', 'fraud', 'try')).code === 0
    await until('the switch to be taken', off)
    t.equal((await shadowOf(router, 'fraud')).state, 'off')
  }
)
