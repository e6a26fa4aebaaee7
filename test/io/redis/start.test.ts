import { test } from 'tap'
import { weightsOf } from '../../../src/domain/document.ts'
import type { StateStore } from '../../../src/ports.ts'
import { type FaultProxy, startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis, type Teardown } from '../../helpers/redis.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, clear, first, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

/** A way to a server that is not there yet. */
async function absent(t: Teardown): Promise<FaultProxy> {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  await proxy.cut()
  return proxy
}

const fromStore = (store: StateStore) =>
  until('the store was read', () => store.source('fraud') === 'store')

test('works with its snapshot when Redis is not there at the start, and with Redis when it comes', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const directory = t.testdir()
  const settings = redisSettings(proxy.port)
  const before = await openRedisState(t, settings, { directory })
  await before.write('fraud', weights('1-1', { v4: 20 }), author())
  await before.close()
  await proxy.cut()

  const store = await openRedisState(t, settings, { directory })
  t.equal(store.source('fraud'), 'disk')
  t.same(weightsOf(store.read('fraud') ?? first('none')), { v3: 80, v4: 20 })
  await t.rejects(store.write('fraud', weights('1-2', { v4: 30 }), author()), {
    code: /^SLC_STORE/
  })
  t.same(weightsOf(store.read('fraud') ?? first('none')), { v3: 80, v4: 20 })

  await proxy.pass()
  await fromStore(store)
  const result = await store.write('fraud', weights('1-2', { v4: 30 }), author())
  t.match(result, { status: 'changed', scope: 'fleet' })
})

test('sends nobody to a challenger when neither Redis nor a snapshot is there, until Redis was read', async t => {
  const proxy = await absent(t)
  const store = await openRedisState(t, redisSettings(proxy.port))
  t.equal(store.source('fraud'), 'config')
  t.same(weightsOf(store.read('fraud') ?? first('none')), { v3: 100, v4: 0 })
  const seen: unknown[] = []
  store.onDocument(document => seen.push(weightsOf(document)))
  await proxy.pass()
  await fromStore(store)
  t.same(weightsOf(store.read('fraud') ?? first('none')), { v3: 95, v4: 5 })
  t.same(seen, [{ v3: 95, v4: 5 }])
})

test('keeps a rollback that was made when nothing was known, and Redis turns out empty', async t => {
  const proxy = await absent(t)
  const store = await openRedisState(t, redisSettings(proxy.port))
  const result = await store.write('fraud', rollback('v4'), author('ann'))
  t.match(result, { status: 'changed', scope: 'local' })
  const seen: unknown[] = []
  store.onDocument(document => seen.push(weightsOf(document)['v4']))
  await proxy.pass()
  await until(
    'it is stored',
    () => store.unsettled().length === 0 && store.source('fraud') === 'store'
  )
  t.match(store.read('fraud'), { phase: 'rolled-back', challengers: { v4: { ranges: [] } } })
  t.notOk(
    seen.some(weight => weight !== 0),
    'it had weight at no moment'
  )
  const entries = await store.decisions({ route: 'fraud', limit: 10 })
  t.match(entries, [{ type: 'rollback', by: 'ann' }])
})

test('rolls back the run that Redis has when the rollback was made without a document, once', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const other = await openRedisState(t, redisSettings(redis.port))
  await proxy.cut()
  const directory = t.testdir()
  const cut = await openRedisState(t, redisSettings(proxy.port), { directory })
  await cut.write('fraud', rollback('v4'), author('ann'))
  await cut.close() // and begins again, still without a document
  const store = await openRedisState(t, redisSettings(proxy.port), { directory })
  t.match(store.read('fraud'), { challengers: { v4: { ranges: [] } } })
  await proxy.pass()
  const rolledBack = await until('the other replica shows it', () => {
    const document = other.read('fraud')
    return document?.phase === 'rolled-back' && document
  })
  await other.write('fraud', clear(rolledBack, 'v4'), author())
  const revision = await until('it is cleared', () => {
    const document = store.read('fraud')
    return document?.phase === 'steady' && `${document.epoch}-${document.revision}`
  })
  await other.write('fraud', weights(revision, { v4: 7 }), author())
  await store.close()

  const again = await openRedisState(t, redisSettings(proxy.port), { directory })
  t.same(weightsOf(again.read('fraud') ?? first('none')), { v3: 93, v4: 7 }, 'the next run stays')
})

test('leaves the present run alone when only the journal of an older run can be read', async t => {
  const redis = await startRedis(t)
  const directory = t.testdir()
  const settings = redisSettings(redis.port)
  const store = await openRedisState(t, settings, { directory })
  await store.write('fraud', rollback('v4'), author())
  const rolledBack = store.read('fraud') ?? first('none')
  await store.write('fraud', clear(rolledBack, 'v4'), author())
  await store.write('fraud', weights('3-3', { v4: 7 }), author())
  await store.close()
  const { rm } = await import('node:fs/promises')
  for (const name of ['fraud.json', 'fraud.json.1', 'fraud.json.2']) {
    await rm(`${directory}/${name}`, { force: true })
  }
  const again = await openRedisState(t, settings, { directory })
  t.same(weightsOf(again.read('fraud') ?? first('none')), { v3: 93, v4: 7 })
})
