/** The demo's Redis is killed and comes back empty; else what routers put back would prove nothing. */
import { readdirSync } from 'node:fs'
import { Redis } from 'ioredis'
import t from 'tap'
import { startStore } from '../../demo/store.ts'
import { temporaryDirectory } from '../helpers/sluice.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test('nothing is left of what it had when it was killed and starts again', async t => {
  const directory = temporaryDirectory(t)
  const store = await startStore(directory)
  t.teardown(store.stop)
  t.equal(await store.document(), null)
  t.same(await store.replicas(), [])
  const client = new Redis(store.url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  await client.connect()
  await client.set('sluice:{fraud}:doc', '{"epoch":2}')
  await client.hset('sluice:{fraud}:seen', 'host-aa', '{}')
  t.same(await store.document(), { epoch: 2 })
  t.same(await store.replicas(), ['host-aa'])

  await store.kill()
  await t.rejects(store.document(), 'it is gone')
  await store.kill()
  await store.start()
  t.equal(await store.document(), null)
  t.same(await store.replicas(), [])
  t.same(readdirSync(directory), [], 'nothing is on disk')
})

t.test('it is told when it ends without being asked, and never when it was', async t => {
  const store = await startStore(temporaryDirectory(t))
  t.teardown(store.stop)
  let told = ''
  void store.gone.then(why => {
    told = why
  })
  await store.kill()
  await store.start()
  t.equal(told, '')
  const client = new Redis(store.url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  await client.connect()
  await client.call('SHUTDOWN', 'NOSAVE').catch(() => undefined)
  t.match(await store.gone, /ended by itself/)
})

t.test('it stays away when it is stopped while it still starts', async t => {
  const store = await startStore(temporaryDirectory(t))
  t.teardown(store.stop)
  await store.kill()
  const refused = t.rejects(store.start(), /stopped for good/)
  await store.stop()
  await refused
  await t.rejects(store.start(), /stopped for good/)
  await t.rejects(store.document())
})
