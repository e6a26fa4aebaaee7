/** What a running router with events in Kafka shows of its password, and what a reload of it may change. */
import t from 'tap'
import { startModelServer } from '../helpers/model-server.ts'
import { freePort } from '../helpers/ports.ts'
import { type Settings, type Sluice, startSluice } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const CANARY = 'canary-of-kafka'
const model = await startModelServer(t, { version: '3' })
const brokers = [`127.0.0.1:${await freePort()}`] // nobody is there, which stops nothing
const env = { SLUICE_TEST_KAFKA: CANARY, SLUICE_TEST_OTHER: `${CANARY}-of-another` }
const PAGES = ['/admin/v1/config', '/admin/v1/routes/fraud', '/metrics', '/readyz']

const config = (password: string, kafka: Settings = {}) => ({
  ...twoVersionConfig(model.url, model.url, 0),
  events: {
    driver: 'kafka',
    kafka: {
      brokers,
      sasl: { mechanism: 'plain', username: 'sluice', password: { env: password } },
      ...kafka
    }
  }
})

/** Everything that the router says, in answers and in its output. */
async function shownBy(router: Sluice): Promise<string> {
  const pages = await Promise.all(PAGES.map(async path => (await router.admin(path)).text()))
  return [...pages, router.stdout(), router.stderr()].join('\n')
}

t.test(
  'serves without its brokers, and shows no password, also when a reload brings another',
  async t => {
    const router = await startSluice(config('SLUICE_TEST_KAFKA'), { t, env })
    t.match(await (await router.admin('/admin/v1/config')).json(), {
      config: {
        events: {
          driver: 'kafka',
          kafka: { brokers, tls: null, sasl: { username: 'sluice', password: '[redacted]' } }
        }
      }
    })
    await router.rewrite(config('SLUICE_TEST_OTHER', { clientId: 'other' }))
    router.signal('SIGHUP')
    await until(
      'the reload is refused',
      () =>
        /events\.kafka\.clientId cannot change while/.test(router.stderr()) &&
        /events\.kafka\.sasl\.password cannot change while/.test(router.stderr())
    )
    t.notMatch(await shownBy(router), CANARY)
    t.equal((await router.stop()).code, 0, 'nobody waits for the brokers for ever')
  }
)
