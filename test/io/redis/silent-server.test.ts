import { test } from 'tap'
import { revisionOf, weightsOf } from '../../../src/domain/document.ts'
import { openLink, type RedisLink } from '../../../src/io/redis/link.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { inStep, shownBy, storedIn } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, rollback, weights } from '../../helpers/state-documents.ts'
import { silentLog } from '../../helpers/state-process.ts'
import { until } from '../../helpers/until.ts'

/** A link that knows how many calls are open, and the most that ever were. */
function counted(link: RedisLink): RedisLink & { readonly open: () => number; most: number } {
  let open = 0
  const count = async <Value>(call: Promise<Value>): Promise<Value> => {
    open++
    self.most = Math.max(self.most, open)
    try {
      return await call
    } finally {
      open--
    }
  }
  const self = {
    ...link,
    most: 0,
    open: () => open,
    run: (...args: Parameters<RedisLink['run']>) => count(link.run(...args)),
    command: (...args: Parameters<RedisLink['command']>) => count(link.command(...args))
  }
  return self
}

test('refuses changes with few calls open when the server stops, and goes on when it continues', async t => {
  const redis = await startRedis(t)
  const settings = redisSettings(redis.port)
  const link = counted(openLink(settings, silentLog))
  t.teardown(() => link.close())
  const store = await openRedisState(t, settings, { link })
  redis.pause()
  t.teardown(() => redis.resume())
  const asked = Array.from({ length: 500 }, (_, i) =>
    store.write('fraud', weights('1-1', { v4: 10 + i / 10 }), author()).then(
      result => result.status,
      (error: { readonly code: string }) => error.code
    )
  )
  const rolledBack = await store.write('fraud', rollback('v4'), author())
  t.match(rolledBack, { status: 'changed', scope: 'local' }, 'a rollback does not wait for it')
  t.match(weightsOf(shownBy(store)), { v4: 0 })
  const answers = new Set(await Promise.all(asked))
  t.ok(
    [...answers].every(answer => answer.startsWith('SLC_STORE_')),
    [...answers].join()
  )
  t.ok(link.most <= 10, `${link.most} calls were open at once`)

  redis.resume()
  const document = await until('the rollback is stored', async () => {
    const found = await inStep(redis, store)
    return found.phase === 'rolled-back' && found
  })
  t.equal(revisionOf(document).startsWith('2-'), true)
  const before = await storedIn(redis)
  await store.write('fraud', weights(shownBy(store), { v5: 3 }), author())
  t.notSame(await storedIn(redis), before, 'it takes changes again')
  await until('no call is open', () => link.open() === 0)
})

test('looks once when a thousand hints come and the server is slow', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const settings = redisSettings(proxy.port)
  const link = counted(openLink(settings, silentLog))
  t.teardown(() => link.close())
  const store = await openRedisState(t, settings, { link })
  const other = await openRedisState(t, redisSettings(redis.port))
  proxy.delay(300)
  for (let i = 2; i < 1_000; i++) await redis.cli('PUBLISH', 'sluice:chg', `fraud 9-${i}`)
  const before = proxy.counts().requests
  await other.write('fraud', weights('1-1', { v4: 7 }), author())
  await until('the change is shown', () => weightsOf(shownBy(store))['v4'] === 7)
  t.ok(proxy.counts().requests - before < 50, `${proxy.counts().requests - before} requests`)
  t.ok(link.most <= 6, `${link.most} calls were open at once`)
})

for (const [fault, begin] of [
  ['sends one byte at a time', (proxy: Proxy) => proxy.trickle(5)],
  ['answers nonsense', (proxy: Proxy) => proxy.nonsense()],
  ['answers after 5 s', (proxy: Proxy) => proxy.delay(5_000)],
  ['swallows requests', (proxy: Proxy) => proxy.swallowRequests()]
] as const) {
  test(`keeps what it knows and rolls back when the server ${fault}, and recovers`, async t => {
    const redis = await startRedis(t)
    const proxy = await startFaultProxy(t, { to: redis.port })
    const settings = redisSettings(proxy.port)
    const link = counted(openLink(settings, silentLog))
    t.teardown(() => link.close())
    const store = await openRedisState(t, settings, { link })
    const known = shownBy(store)
    begin(proxy)
    await until('a call failed', () => Object.keys(store.errors()).length > 2)
    t.same(shownBy(store), known)
    const refused = await store.write('fraud', weights('1-1', { v4: 9 }), author()).then(
      () => 'accepted',
      (error: { readonly code: string }) => error.code
    )
    t.match(refused, /^SLC_STORE_/)
    await store.write('fraud', rollback('v4'), author())
    t.match(weightsOf(shownBy(store)), { v4: 0 })
    t.ok(link.most <= 10, `${link.most} calls were open at once`)
    await proxy.pass()
    const document = await inStep(redis, store)
    t.match(document, { phase: 'rolled-back' })
  })
}

type Proxy = Awaited<ReturnType<typeof startFaultProxy>>
