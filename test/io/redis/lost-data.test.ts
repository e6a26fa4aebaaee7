import { test } from 'tap'
import { revisionOf, weightsOf } from '../../../src/domain/document.ts'
import { chainEntry } from '../../../src/io/audit-entry.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { inStep, KEYS, reassertions, shownBy, storedIn } from '../../helpers/redis-documents.ts'
import { startRedisPair } from '../../helpers/redis-pair.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, clear, first, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

const challengers = (route: string) => first(route, { v3: 70, v4: 10, v5: 20 })

test('puts the document back when the server lost everything, and says so in the log', async t => {
  const redis = await startRedis(t)
  const [a, b] = [
    await openRedisState(t, redisSettings(redis.port)),
    await openRedisState(t, redisSettings(redis.port))
  ]
  await a.write('fraud', rollback('v4'), author())
  const before = await inStep(redis, a, b)
  for (const lose of [() => redis.cli('FLUSHALL'), () => redis.restart({ empty: true })]) {
    await lose()
    await until('a document is there', async () => (await storedIn(redis)) !== null)
    t.same(await inStep(redis, a, b), before)
    const entries = await until('an entry', async () => {
      const found = await reassertions(a)
      return found.length > 0 && found
    })
    t.match(entries, [{ type: 'config', before: null, revision: '2-2', by: 'replica' }])
  }
})

test('puts the later document back when the server returns with older data', async t => {
  const redis = await startRedis(t)
  const a = await openRedisState(t, redisSettings(redis.port))
  await a.write('fraud', weights('1-1', { v4: 20 }), author())
  const dump = await redis.dump()
  await a.write('fraud', rollback('v4'), author())
  const shown: unknown[] = []
  a.onDocument(document => shown.push(weightsOf(document)['v4']))
  await redis.restart({ dump })
  const document = await until('it is put back', async () => {
    const found = await storedIn(redis)
    return found?.phase === 'rolled-back' && found
  })
  t.same(document, shownBy(a))
  t.same(shown, [], 'the replica showed nothing else')
  t.match(await reassertions(a), [
    { before: { weights: { v4: 20 } }, after: { weights: { v4: 0 } } }
  ])
})

test('keeps a rollback that only the older of two documents has when its replica is gone', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const a = await openRedisState(t, redisSettings(proxy.port), { first: challengers })
  const b = await openRedisState(t, redisSettings(redis.port), { first: challengers })
  const dump = await redis.dump()
  await a.write('fraud', rollback('v4'), author())
  await a.write('fraud', weights('2-2', { v5: 30 }), author())
  await proxy.cut()
  await b.close()
  await redis.restart({ dump })
  const directory = t.testdir()
  const last = await openRedisState(t, redisSettings(redis.port), { directory })
  await last.write('fraud', rollback('v5'), author())
  await last.close()

  await proxy.pass()
  const document = await until('one document has both', async () => {
    const found = await inStep(redis, a)
    return weightsOf(found)['v5'] === 0 && found
  })
  t.same(weightsOf(document), { v3: 100, v4: 0, v5: 0 })
  t.equal(revisionOf(document), '3-4')
})

test('loses no rollback of either side when a lagging replica is promoted and both masters are written', async t => {
  const pair = await startRedisPair(t)
  const [left, right] = [
    await startFaultProxy(t, { to: pair.master().port }),
    await startFaultProxy(t, { to: pair.master().port })
  ]
  const a = await openRedisState(t, redisSettings(left.port), { first: challengers })
  const b = await openRedisState(t, redisSettings(right.port), { first: challengers })
  await inStep(pair.master(), a, b)
  await pair.caughtUp()
  pair.lag()
  await a.write('fraud', weights('1-1', { v4: 11, v5: 21 }), author()) // and the replica has it not
  await pair.failover()
  right.retarget(pair.master().port)
  right.resetAll()
  await until('b works with the new master', async () => {
    const result = await b.write('fraud', rollback('v5'), author())
    return result.status !== 'refused' && result.scope === 'fleet'
  })
  const old = await a.write('fraud', rollback('v4'), author())
  t.match(old, { status: 'changed', scope: 'fleet' }, 'the old master took it')

  left.retarget(pair.master().port)
  left.resetAll()
  await pair.rejoin()
  const document = await until('both rollbacks are there', async () => {
    const found = await inStep(pair.master(), a, b)
    return Object.values(found.challengers).every(({ rollback }) => rollback !== null) && found
  })
  t.same(weightsOf(document), { v3: 100, v4: 0, v5: 0 })
})

test('keeps a clearing when the store returns with the document from before it', async t => {
  const redis = await startRedis(t)
  const a = await openRedisState(t, redisSettings(redis.port))
  await a.write('fraud', rollback('v4'), author())
  const dump = await redis.dump()
  await a.write('fraud', clear(shownBy(a), 'v4'), author())
  await a.write('fraud', weights(shownBy(a), { v4: 7 }), author())
  await redis.restart({ dump })
  const document = await until('it is put back', async () => {
    const found = await storedIn(redis)
    return found?.phase === 'steady' && found
  })
  t.same(weightsOf(document), { v3: 93, v4: 7 })
})

test('tells what others do when the log begins anew at an earlier time', async t => {
  const redis = await startRedis(t)
  const a = await openRedisState(t, redisSettings(redis.port))
  const b = await openRedisState(t, redisSettings(redis.port))
  await a.write('fraud', weights('1-1', { v4: 20 }), author())
  const [last = null] = await a.decisions({ route: 'fraud', limit: 1 })
  if (last === null) throw new Error('no entry')
  const { sha256: _, ...rest } = { ...last, requestId: 'ahead' }
  const later = chainEntry(rest, last, last.sequence + 3_600_000_000)
  const fields = ['sha256', later.sha256, 'entry', JSON.stringify(later)]
  await redis.cli('XADD', KEYS.log, `${later.sequence}-0`, ...fields)
  const told: string[] = []
  b.onAudit((entry, origin) => told.push(`${entry.requestId} ${origin}`))
  await until('the entry of a clock ahead is told', () => told.includes('ahead fleet'))
  await redis.cli('DEL', KEYS.log)
  const requests: string[] = []
  await until('changes are told again', async () => {
    const by = author()
    await a.write('fraud', weights(shownBy(a), { v4: (shownBy(a).revision % 40) + 1 }), by)
    requests.push(by.requestId)
    return requests.some(request => told.includes(`${request} fleet`))
  })
  t.equal(new Set(told).size, told.length, 'and nothing twice')
})
