/** The switch of a shadow where replicas share a store: one decision for all, whatever the store loses. */
import { test } from 'tap'
import { startRedis } from '../../helpers/redis.ts'
import { inStep, shownBy } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, shadow, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

test('switches a shadow off on every replica, and once when two ask at the same revision', async t => {
  const redis = await startRedis(t)
  const a = await openRedisState(t, redisSettings(redis.port))
  const b = await openRedisState(t, redisSettings(redis.port))
  const [one, other] = await Promise.all([
    a.write('fraud', shadow('1-1', 'try', 'off'), author('ann')),
    b.write('fraud', weights('1-1', { v4: 20 }), author('bob'))
  ])
  t.same([one.status, other.status].sort(), ['changed', 'refused'], 'one of them was late')
  const document = await inStep(redis, a, b)
  if (one.status === 'refused') await a.write('fraud', shadow(document, 'try', 'off'), author())
  await until('the other replica has it', () => shownBy(b).shadows['try']?.on === false)
  const entries = (await b.decisions({ route: 'fraud', limit: 10 })).filter(
    ({ type }) => type === 'shadow'
  )
  t.match(entries, [{ before: { shadows: {} }, after: { shadows: { try: { on: false } } } }])
  t.equal(entries.length, 1)
})

test('keeps a shadow off when the server lost everything or has older data', async t => {
  const redis = await startRedis(t)
  const a = await openRedisState(t, redisSettings(redis.port))
  const dump = await redis.dump()
  await a.write('fraud', shadow('1-1', 'try', 'off'), author())
  for (const lose of [() => redis.cli('FLUSHALL'), () => redis.restart({ dump })]) {
    await lose()
    const document = await inStep(redis, a)
    t.same(document.shadows, { try: { on: false } })
  }
  const late = await openRedisState(t, redisSettings(redis.port))
  t.same(shownBy(late).shadows, { try: { on: false } }, 'whoever comes later has it too')
})
