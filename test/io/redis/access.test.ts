import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { test } from 'tap'
import { startRedis } from '../../helpers/redis.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { ROOT } from '../../helpers/sluice.ts'
import { stateConformance } from '../../helpers/state-conformance.ts'
import { author, rollback } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

const PASSWORD = 'of the router alone'
const digest = createHash('sha256').update(PASSWORD).digest('hex')
const user = readFileSync(join(ROOT, 'config/redis/users.acl'), 'utf8')
  .split('\n')
  .filter(line => line.startsWith('user sluice '))
  .map(line => line.replace('PASSWORD_SHA256', digest))

const redis = await startRedis(t, { tls: 'mutual', users: `${user.join('\n')}\n` })

function pem(name: string): string {
  return readFileSync(join(ROOT, 'test/fixtures/tls', name), 'utf8')
}

function settings(prefix: string, password = PASSWORD) {
  const tls = {
    ca: pem('ca.pem'),
    cert: pem('client.pem'),
    key: pem('client-key.pem'),
    serverName: null
  }
  return redisSettings(redis.port, { username: 'sluice', password, tls, prefix })
}

let stores = 0

stateConformance(
  'Redis driver with TLS and the rights of config/redis',
  { first: 'store', again: 'store' },
  async t => {
    const directory = t.testdir()
    const mine = settings(`sluice:conformance-${++stores}`)
    return { open: routes => openRedisState(t, mine, { directory, routes }) }
  }
)

test('is refused nothing when it works, goes through an outage and leaves', async t => {
  t.same(await redis.cli('ACL', 'LOG'), [])
  const directory = t.testdir()
  const store = await openRedisState(t, settings('sluice:outage'), { directory })
  await redis.restart({ empty: true })
  await store.write('fraud', rollback('v4'), author())
  await until('it is stored again', () => store.unsettled().length === 0)
  await store.close()
  t.same(await redis.cli('ACL', 'LOG'), [])
  t.same(
    Object.keys(store.errors()).filter(reason => ['auth', 'forbidden'].includes(reason)),
    []
  )
})

test('reaches nothing outside its prefix', async t => {
  const store = await openRedisState(t, settings('other'))
  t.equal(store.source('fraud'), 'config')
  t.ok(store.errors()['forbidden'], JSON.stringify(store.errors()))
  t.equal(await redis.cli('EXISTS', 'other:{fraud}:doc'), 0)
})

test('does not connect when the server shows a certificate of another authority', async t => {
  const { tls, ...rest } = settings('sluice:strange')
  if (tls === null) throw new Error('no TLS')
  const strange = { ...rest, tls: { ...tls, ca: pem('client.pem') } }
  const store = await openRedisState(t, strange)
  t.equal(store.source('fraud'), 'config')
  t.ok(store.errors()['unreachable'], JSON.stringify(store.errors()))
})
