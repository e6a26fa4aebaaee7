/** The real redis-server of the tests: what its faults do, and that nothing of it is left behind. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startRedis } from '../helpers/redis.ts'
import { sharedRedis } from '../helpers/redis-shared.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test(
  'what was written is gone when a server without a log is killed and starts again',
  async t => {
    const redis = await startRedis(t)
    t.equal(await redis.cli('SET', 'key', 'value'), 'OK')
    t.equal(await redis.cli('GET', 'key'), 'value')
    const before = redis.pid()
    await redis.kill9()
    await t.rejects(redis.cli('GET', 'key'), /ECONNREFUSED/)
    await redis.restart()
    t.not(redis.pid(), before)
    t.equal(await redis.cli('GET', 'key'), null)
  }
)

t.test(
  'what was written stays when a server with a log is killed, unless it restarts empty',
  async t => {
    const redis = await startRedis(t, { appendOnly: true })
    await redis.cli('SET', 'key', 'value')
    await redis.kill9()
    await redis.restart()
    t.equal(await redis.cli('GET', 'key'), 'value')
    await redis.restart({ empty: true })
    t.equal(await redis.cli('GET', 'key'), null)
    await t.rejects(redis.restart({ dump: Buffer.alloc(1) }), /reads its log/)
  }
)

t.test('older data are back when a server restarts with a dump', async t => {
  const redis = await startRedis(t)
  await redis.cli('SET', 'key', 'old')
  const dump = await redis.dump()
  await redis.cli('SET', 'key', 'new')
  await redis.restart({ dump })
  t.equal(await redis.cli('GET', 'key'), 'old')
  await redis.restart({ empty: true })
  t.equal(await redis.cli('GET', 'key'), null)
})

t.test('a paused server accepts and answers only when it is resumed', async t => {
  const redis = await startRedis(t)
  await redis.cli('SET', 'key', 'value')
  const connection = await redis.connect()
  redis.pause()
  const late = connection.call('INCR', 'count')
  const another = await redis.connect()
  const first = await Promise.race([late, another.call('PING'), sleep(200, 'nothing')])
  t.equal(first, 'nothing')
  redis.resume()
  t.equal(await late, 1, 'and a command sent meanwhile is still executed')
})

t.test('a call fails at its limit when no reply comes', async t => {
  const redis = await startRedis(t)
  const connection = await redis.connect({ within: 100 })
  redis.pause()
  await t.rejects(connection.call('PING'), /no reply to PING in 100 ms/)
  redis.resume()
  t.ok(connection.closed())
})

t.test('a user can do what its ACL says when there is a password for everybody else', async t => {
  const users = 'user sluice on >other resetchannels ~sluice:* &sluice:* +get +publish\n'
  const redis = await startRedis(t, { password: 'secret of default', users })
  t.equal(await redis.cli('SET', 'sluice:key', 'value'), 'OK')
  t.notMatch(redis.url, /secret/)
  await t.rejects(redis.connect({ password: 'wrong' }), /WRONGPASS/)
  const user = await redis.connect({ username: 'sluice', password: 'other' })
  t.equal(await user.call('GET', 'sluice:key'), 'value')
  await t.rejects(user.call('GET', 'another'), /NOPERM/)
  await t.rejects(user.call('SET', 'sluice:key', 'x'), /NOPERM/)
  await t.rejects(user.call('PUBLISH', 'another', 'x'), /NOPERM/)
})

t.test('TLS is spoken, and a client without a certificate refused when it is mutual', async t => {
  const redis = await startRedis(t, { tls: 'mutual' })
  t.match(redis.url, /^rediss:\/\/127\.0\.0\.1:\d+$/)
  t.equal(await redis.cli('PING'), 'PONG')
  const ca = await readFile(join(import.meta.dirname, '../fixtures/tls/ca.pem'), 'utf8')
  const refused = async () => (await redis.connect({ tls: { ca } })).call('PING')
  await t.rejects(refused(), 'the certificate is missing')
  const wide = await startRedis(t, { tls: 'server' })
  t.equal(await (await wide.connect({ tls: { ca } })).call('PING'), 'PONG')
  const other = await readFile(join(import.meta.dirname, '../fixtures/tls/other.pem'), 'utf8')
  await t.rejects(wide.connect({ tls: { ca: other } }), /certificate/)
})

t.test('a subscriber keeps what it is sent unasked when somebody publishes', async t => {
  const redis = await startRedis(t)
  const subscriber = await redis.connect()
  t.same(await subscriber.call('SUBSCRIBE', 'channel'), ['subscribe', 'channel', 1])
  t.equal(await redis.cli('PUBLISH', 'channel', 'hello'), 1)
  await until('the message', () => subscriber.unasked.length > 0)
  t.same(subscriber.unasked, [['message', 'channel', 'hello']])
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until('the end of the connection', () => subscriber.closed())
})

t.test(
  'a server says why when its configuration is wrong, and leaves nothing when its test ends',
  async t => {
    await t.rejects(
      startRedis(t, { config: ['no-such-thing yes'] }),
      /did not start[\s\S]*no-such-thing/
    )
    let directory = ''
    let pid = 0
    await t.test('inside', async t => {
      const redis = await startRedis(t)
      directory = redis.directory
      pid = redis.pid()
      redis.pause() // it cannot end by itself
      t.ok(existsSync(directory))
    })
    t.notOk(existsSync(directory))
    t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  }
)

t.test('a shared server keeps what others have in it when a test that used it ends', async t => {
  const redis = await startRedis(t, { password: 'p:@/ä' })
  await redis.cli('SET', 'of:another', 'value')
  const address = `127.0.0.1:${redis.port}`
  const env = { REDIS_URL: `redis://default:${encodeURIComponent('p:@/ä')}@${address}/0` }
  await t.test('a test that used it', async t => {
    const shared = await sharedRedis(t, {}, env)
    t.match(shared, { url: `redis://${address}/0`, username: 'default', password: 'p:@/ä' })
    const { call } = await shared.connect()
    const keys = Array.from({ length: 3_000 }, (_, i) => `${shared.prefix}:${i}`)
    await Promise.all(keys.map(key => call('SET', key, 'value')))
    t.not((await sharedRedis(t, {}, env)).prefix, shared.prefix)
    t.equal(await redis.cli('DBSIZE'), 3001)
  })
  t.same(await redis.cli('KEYS', '*'), ['of:another'])
})

t.test('a test gets a server of its own when there is no shared one', async t => {
  const shared = await sharedRedis(t, { appendOnly: true }, {})
  const { call } = await shared.connect()
  t.same(await call('CONFIG', 'GET', 'appendonly'), ['appendonly', 'yes'])
})
