/** `sluice check --online` with state in Redis: what it says of a real server, and what it never shows. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startModelServer } from '../helpers/model-server.ts'
import { freePort } from '../helpers/ports.ts'
import { startRedis } from '../helpers/redis.ts'
import { ROOT, runSluice, temporaryDirectory } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const CANARY = 'canary-of-redis'
const CA = join(ROOT, 'test/fixtures/tls/ca.pem')
const model = await startModelServer(t, { version: '3' })
const directory = temporaryDirectory(t)

/** Runs `check --online` on a configuration whose upstreams are well. */
async function check(redis: Readonly<Record<string, unknown>>, ...words: readonly string[]) {
  const file = join(directory, 'sluice.yaml')
  const state = { driver: 'redis', directory, redis }
  writeFileSync(file, JSON.stringify({ ...twoVersionConfig(model.url, model.url, 5), state }))
  const env = { SLUICE_TEST_REDIS: CANARY, SLUICE_TEST_OTHER: `${CANARY}-of-another` }
  const result = await runSluice(['check', file, '--online', ...words], { env })
  return { code: result.code, shown: `${result.stdout}${result.stderr}`, stdout: result.stdout }
}

t.test('check says nothing of a Redis that is fit to keep state when it is online', async t => {
  const redis = await startRedis(t, { password: CANARY, appendOnly: true, tls: 'server' })
  const { code, shown } = await check({
    url: redis.url,
    password: { env: 'SLUICE_TEST_REDIS' },
    tls: { ca: { file: CA }, serverName: 'model.test' }
  })
  t.equal(code, 0, shown)
  t.match(shown, 'is valid: 1 route')
  t.notMatch(shown, 'redis')
})

t.test('check says what is wrong and never a password when Redis cannot be used', async t => {
  const redis = await startRedis(t, { password: CANARY, appendOnly: true })
  const other = await check({ url: redis.url, password: { env: 'SLUICE_TEST_OTHER' } })
  t.equal(other.code, 1)
  t.match(other.shown, /state\.redis: redis:\/\/127\.0\.0\.1:\d+: it cannot be used \(auth\)/)
  t.notMatch(other.shown, CANARY)

  const down = await check({ url: `redis://127.0.0.1:${await freePort()}` }, '--json')
  t.equal(down.code, 1)
  t.match(JSON.parse(down.stdout), {
    ok: false,
    problems: [],
    unreachable: [
      {
        path: 'state.redis',
        upstream: /^redis:\/\/127\.0\.0\.1:\d+$/,
        address: null,
        message: /it cannot be used \(unreachable\)/
      }
    ]
  })
})

t.test('check says what a Redis would lose when it keeps nothing or evicts', async t => {
  const redis = await startRedis(t, { config: ['maxmemory-policy allkeys-lru'] })
  const { code, shown } = await check({ url: redis.url })
  t.equal(code, 1)
  t.match(shown, /its maxmemory-policy is allkeys-lru/)
  t.match(shown, /it keeps nothing on disk; set appendonly yes/)
})

t.test('check asks Redis nothing when it is not online', async t => {
  const file = join(directory, 'offline.yaml')
  const state = { driver: 'redis', directory, redis: { url: 'redis://127.0.0.1:1' } }
  writeFileSync(file, JSON.stringify({ ...twoVersionConfig(model.url, model.url, 5), state }))
  t.equal((await runSluice(['check', file])).code, 0)
})
