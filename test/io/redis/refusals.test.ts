import { test } from 'tap'
import { weightsOf } from '../../../src/domain/document.ts'
import type { StateStore } from '../../../src/ports.ts'
import { type FaultProxy, startFaultProxy } from '../../helpers/fault-proxy.ts'
import { type Redis, startRedis } from '../../helpers/redis.ts'
import { inStep, KEYS, shownBy } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

type Refusal = {
  readonly name: string
  readonly reason: string // in the metric
  readonly begin: (redis: Redis, proxy: FaultProxy) => Promise<unknown> | unknown
  readonly end: (redis: Redis, proxy: FaultProxy) => Promise<unknown> | unknown
}

/** The server gives this to every script. */
function answers(reason: string, reply: string): Refusal {
  return {
    name: `answers ${reply.split(/\s/)[0]}`,
    reason,
    begin: (_, proxy) => proxy.answer(`${reply}\r\n`, ['EVALSHA', 'EVAL']),
    end: (_, proxy) => proxy.pass()
  }
}

/** A key has another type than ours. */
function wrongType(key: string, command: readonly string[]): Refusal {
  return {
    name: `has something else in ${key}`,
    reason: 'wrong_type',
    async begin(redis) {
      await redis.cli('RENAME', key, `${key}-before`)
      await redis.cli(...command)
    },
    end: redis => redis.cli('RENAME', `${key}-before`, key)
  }
}

const REFUSALS: readonly Refusal[] = [
  {
    name: 'became a replica',
    reason: 'read_only',
    begin: redis => redis.cli('REPLICAOF', '127.0.0.1', '1'),
    end: redis => redis.cli('REPLICAOF', 'NO', 'ONE')
  },
  {
    name: 'has no memory left',
    reason: 'out_of_memory',
    begin: redis => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
    end: redis => redis.cli('CONFIG', 'SET', 'maxmemory', '0')
  },
  {
    name: 'took a right away',
    reason: 'forbidden',
    begin: redis => redis.cli('ACL', 'SETUSER', 'default', '-xadd'),
    end: redis => redis.cli('ACL', 'SETUSER', 'default', '+xadd')
  },
  {
    name: 'took every right away',
    reason: 'forbidden',
    begin: redis => redis.cli('ACL', 'SETUSER', 'default', '-evalsha', '-eval'),
    end: redis => redis.cli('ACL', 'SETUSER', 'default', '+evalsha', '+eval')
  },
  wrongType(KEYS.doc, ['RPUSH', KEYS.doc, 'x']),
  wrongType(KEYS.log, ['SET', KEYS.log, 'x']),
  wrongType(KEYS.seen, ['SET', KEYS.seen, 'x']),
  answers('loading', '-LOADING Redis is loading the dataset in memory'),
  answers('cluster', '-MOVED 866 127.0.0.1:1'),
  answers('cluster', '-CLUSTERDOWN Hash slot not served'),
  answers('unavailable', '-MISCONF Redis is configured to save RDB snapshots'),
  answers('unavailable', '-BUSY Redis is busy running a script'),
  answers('auth', '-NOAUTH Authentication required.'),
  answers('refused', '-ERR something that nobody expects'),
  answers('protocol', '*0'),
  answers('protocol', '+ok'),
  answers('protocol', '*7\r\n:1\r\n:2\r\n$-1\r\n:4\r\n$-1\r\n:6\r\n*0')
]

async function refusedAs(store: StateStore, revision: string): Promise<string> {
  return store.write('fraud', weights(revision, { v4: 30 }), author()).then(
    ({ status }) => status,
    (error: { readonly code: string }) => error.code
  )
}

for (const { name, reason, begin, end } of REFUSALS) {
  test(`keeps its state, counts "${reason}" and holds a rollback when the server ${name}`, async t => {
    const redis = await startRedis(t)
    const proxy = await startFaultProxy(t, { to: redis.port })
    const store = await openRedisState(t, redisSettings(proxy.port))
    await store.write('fraud', weights('1-1', { v4: 20 }), author()) // every key is there
    const known = shownBy(store)
    await begin(redis, proxy)
    t.match(await refusedAs(store, '1-2'), /^SLC_STORE_(UNREACHABLE|UNKNOWN)$/)
    t.same(shownBy(store), known)
    t.ok(store.errors()[reason], JSON.stringify(store.errors()))
    const result = await store.write('fraud', rollback('v4'), author())
    t.match(result, { status: 'changed', scope: 'local' })
    t.match(weightsOf(shownBy(store)), { v4: 0 })

    await end(redis, proxy)
    const document = await inStep(redis, store)
    t.match(document, { phase: 'rolled-back', epoch: 2 })
    const entries = await store.decisions({ route: 'fraud', limit: 10 })
    t.equal(entries.filter(({ type }) => type === 'rollback').length, 1)
  })
}

test('goes on as if nothing was when the server forgot the scripts', async t => {
  const redis = await startRedis(t)
  const store = await openRedisState(t, redisSettings(redis.port))
  for (let weight = 10; weight < 15; weight++) {
    await redis.cli('SCRIPT', 'FLUSH')
    t.equal(await refusedAs(store, 'none'), 'refused')
    const result = await store.write('fraud', weights(shownBy(store), { v4: weight }), author())
    t.equal(result.status, 'changed')
  }
  t.same(store.errors(), { snapshot: 0, journal: 0 })
})

for (const [name, password] of [
  ['none', null],
  ['a wrong one', 'a guess']
] as const) {
  test(`works without the store when it asks for a password and is given ${name}, until it is right`, async t => {
    const redis = await startRedis(t, { password: 'secret' })
    const store = await openRedisState(t, redisSettings(redis.port, { password }))
    t.equal(store.source('fraud'), 'config')
    t.ok(store.errors()['auth'], JSON.stringify(store.errors()))
    t.match(await refusedAs(store, '1-1'), /^SLC_STORE_/)
    await redis.cli('ACL', 'SETUSER', 'default', 'nopass')
    await until('the store was read', () => store.source('fraud') === 'store')
  })
}
