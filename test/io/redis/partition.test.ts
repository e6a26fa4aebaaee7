import { test } from 'tap'
import { revisionOf, weightsOf } from '../../../src/domain/document.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { inStep, shownBy } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, clear, first, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

test('holds what it knew when it is cut off, and takes what came meanwhile when it is back', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  const other = await openRedisState(t, redisSettings(redis.port))
  await other.write('fraud', weights('1-1', { v4: 20 }), author())
  await inStep(redis, store, other)
  proxy.blackHole()
  const known = shownBy(store)
  for (let weight = 21; weight <= 60; weight++) {
    await other.write('fraud', weights(shownBy(other), { v4: weight }), author())
  }
  await until('it knows that it is cut off', () => store.ageMs('fraud') > 2_000)
  t.same(shownBy(store), known)
  t.equal(store.source('fraud'), 'store')
  await proxy.pass()
  await inStep(redis, store, other)
  t.same(weightsOf(shownBy(store)), { v3: 40, v4: 60 })
  t.ok(store.ageMs('fraud') < 2_000)
})

test('brings its own rollbacks along when the others went on without it, and leaves later runs alone', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const challengers = (route: string) => first(route, { v3: 70, v4: 10, v5: 20 })
  const store = await openRedisState(t, redisSettings(proxy.port), { first: challengers })
  const other = await openRedisState(t, redisSettings(redis.port), { first: challengers })
  await inStep(redis, store, other)
  await proxy.cut()
  await other.write('fraud', rollback('v4'), author())
  await other.write('fraud', clear(shownBy(other), 'v4'), author())
  await other.write('fraud', weights(shownBy(other), { v4: 15, v5: 30 }), author())
  // Of v4 it knows a run that is over.
  for (const variant of ['v4', 'v5']) {
    const result = await store.write('fraud', rollback(variant), author())
    t.match(result, { status: 'changed', scope: 'local' })
  }
  await proxy.pass()
  const document = await until('v5 is rolled back', async () => {
    const found = await inStep(redis, store, other)
    return found.phase === 'rolled-back' && found
  })
  t.same(weightsOf(document), { v3: 85, v4: 15, v5: 0 })
  const entries = await until('each decision is in the log', async () => {
    const all = await store.decisions({ route: 'fraud', limit: 20 })
    const rollbacks = all.filter(({ type }) => type === 'rollback')
    return rollbacks.length === 3 && rollbacks
  })
  t.same(entries.map(({ variant }) => variant).sort(), ['v4', 'v4', 'v5'])
})

test('learns of a change by its next look when every hint is lost', async t => {
  const redis = await startRedis(t)
  const a = await openRedisState(t, redisSettings(redis.port))
  const b = await openRedisState(t, redisSettings(redis.port))
  for (let weight = 11; weight < 14; weight++) {
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await a.write('fraud', weights(shownBy(a), { v4: weight }), author())
    await until('the other shows it', () => weightsOf(shownBy(b))['v4'] === weight)
  }
  await redis.cli('ACL', 'SETUSER', 'default', 'resetchannels') // nobody hears or says anything
  await a.write('fraud', weights(shownBy(a), { v4: 50 }), author())
  await until('the other shows it', () => revisionOf(shownBy(b)) === revisionOf(shownBy(a)))
})
