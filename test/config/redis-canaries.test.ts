/** What a running router with state in Redis shows of its passwords: nothing, wherever one looks. */
import t from 'tap'
import { startModelServer } from '../helpers/model-server.ts'
import { startRedis } from '../helpers/redis.ts'
import { type Sluice, startSluice } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const CANARY = 'canary-of-redis'
const model = await startModelServer(t, { version: '3' })

const config = (url: string, password: string) => ({
  ...twoVersionConfig(model.url, model.url, 5),
  state: { driver: 'redis', redis: { url, password: { env: password } } }
})
const env = { SLUICE_TEST_REDIS: CANARY, SLUICE_TEST_OTHER: `${CANARY}-of-another` }
const PAGES = ['/admin/v1/config', '/admin/v1/routes/fraud', '/metrics', '/readyz']

/** Everything that the router says, in answers and in its output. */
async function shownBy(router: Sluice): Promise<string> {
  const pages = await Promise.all(PAGES.map(async path => (await router.admin(path)).text()))
  return [...pages, router.stdout(), router.stderr()].join('\n')
}

t.test(
  'shows no password when the store works, when a reload brings another, and when the store is gone',
  async t => {
    const redis = await startRedis(t, { password: CANARY, appendOnly: true })
    const router = await startSluice(config(redis.url, 'SLUICE_TEST_REDIS'), { t, env })
    t.match(await (await router.admin('/admin/v1/config')).json(), {
      config: {
        state: { driver: 'redis', firstStart: 'champion', redis: { password: '[redacted]' } }
      }
    })

    await router.rewrite(config(redis.url, 'SLUICE_TEST_OTHER'))
    router.signal('SIGHUP')
    await until('the reload is refused', () =>
      /state\.redis\.password cannot change while the process runs/.test(router.stderr())
    )
    await redis.kill9()
    await until('the loss is told', () => /shared store cannot be used/.test(router.stderr()))
    t.notMatch(await shownBy(router), CANARY)
  }
)

t.test('shows no password when the store refuses it', async t => {
  const redis = await startRedis(t, { password: CANARY })
  const router = await startSluice(config(redis.url, 'SLUICE_TEST_OTHER'), { t, env })
  await until('the refusal is told', () => /"reason":"auth"/.test(router.stderr()))
  t.notMatch(await shownBy(router), CANARY)
})
