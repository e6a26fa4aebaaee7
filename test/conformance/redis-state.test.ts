import t from 'tap'
import { startRedis } from '../helpers/redis.ts'
import { openRedisState, redisSettings } from '../helpers/redis-state.ts'
import { stateConformance } from '../helpers/state-conformance.ts'

const redis = await startRedis(t)
let stores = 0

stateConformance('Redis driver', { first: 'store', again: 'store' }, async t => {
  const directory = t.testdir()
  const settings = redisSettings(redis.port, { prefix: `conformance-${++stores}` })
  return { open: routes => openRedisState(t, settings, { directory, routes }) }
})
