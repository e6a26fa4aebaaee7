import { test } from 'tap'
import { weightsOf } from '../../../src/domain/document.ts'
import type { AuditEntry, StateStore } from '../../../src/ports.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { inStep, shownBy, storedIn } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, clear, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

/** What a change came to: `changed`, `refused`, or the code of an error. */
async function outcome(change: Promise<{ readonly status: string }>): Promise<string> {
  return change.then(
    ({ status }) => status,
    (error: { readonly code: string }) => error.code
  )
}

function answering(store: StateStore): Promise<unknown> {
  return until('the store answers', async () => {
    const entries = await store.decisions({ limit: 1_000 })
    return entries
  })
}

test('makes a change once and says what is known when the answer to it is lost, wherever that happens', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  const own: AuditEntry[] = []
  store.onAudit((entry, origin) => {
    if (origin === 'own') own.push(entry)
  })
  const counted = new Map<string, number>()
  const said = new Map<string, string>() // outcome by request
  for (const once of ['forwarded', 'answered'] as const) {
    for (let n = 1; n <= 8; n++) {
      await answering(store)
      const by = author()
      const operation = weights(shownBy(store), { v4: 10 + n + (once === 'answered' ? 0.5 : 0) })
      proxy.cutAfterRequests(n, { only: ['EVALSHA'], once })
      const result = await outcome(store.write('fraud', operation, by))
      counted.set(result, (counted.get(result) ?? 0) + 1)
      said.set(by.requestId, result)
    }
  }
  await proxy.pass()
  const document = await inStep(redis, store)
  const entries = await store.decisions({ route: 'fraud', limit: 1_000 })
  const requests = entries.map(({ requestId }) => requestId)
  t.equal(new Set(requests).size, requests.length, 'no change has two entries')
  t.equal(document.revision, 1 + requests.length, 'no change was made twice')
  for (const [request, result] of said) {
    if (result === 'changed') t.ok(requests.includes(request), 'what was accepted is there')
    else t.match(result, /^SLC_STORE_(UNKNOWN|UNREACHABLE)$/)
    if (result === 'SLC_STORE_UNREACHABLE') t.notOk(requests.includes(request), 'it was not made')
  }
  t.comment([...counted].join('; '))
  t.same(own.map(({ requestId }) => requestId).sort(), requests.toSorted(), 'each was told once')
})

test('says that a change was made when the connection broke after it, and the store can be asked', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  const WRITES = 3 // the scripts of a change and of a poll beside it, so that one cut hits the change itself
  for (let n = 1; n <= WRITES; n++) {
    await answering(store)
    const before = (await storedIn(redis))?.revision ?? 0
    const change = weights(shownBy(store), { v4: 10 + n })
    proxy.cutAfterRequests(n, { only: ['EVALSHA'], once: 'answered' })
    const result = await outcome(store.write('fraud', change, author()))
    const made = (await storedIn(redis))?.revision === before + 1
    t.equal(result === 'changed', made, `${result} when it was ${made ? '' : 'not '}made`)
  }
})

test('applies a change that it called unknown when it turns out to have been made', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  const seen: unknown[] = []
  store.onDocument(document => seen.push(weightsOf(document)['v4']))
  let weight = 10
  await until('a change was made and its answer lost', async () => {
    await answering(store)
    const { revision } = shownBy(store)
    weight++
    const operation = weights(shownBy(store), { v4: weight })
    const { cuts } = proxy.counts()
    proxy.cutAfterRequests(2, { only: ['EVALSHA'], once: 'answered' })
    const away = until('it was cut', () => proxy.counts().cuts > cuts, { every: 1 })
    const result = outcome(store.write('fraud', operation, author()))
    await away.then(() => proxy.cut()) // nobody can be asked what became of it
    const unknown = (await result) === 'SLC_STORE_UNKNOWN'
    await proxy.pass()
    return unknown && (await storedIn(redis))?.revision === revision + 1
  })
  await inStep(redis, store)
  t.same(weightsOf(shownBy(store)), { v3: 100 - weight, v4: weight })
  t.equal(seen.at(-1), weight)
})

test('keeps a rollback when a raise that was sent before it arrives after it', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const late = await openRedisState(t, redisSettings(proxy.port))
  const other = await openRedisState(t, redisSettings(redis.port))
  proxy.stall()
  const raise = outcome(late.write('fraud', weights('1-1', { v4: 60 }), author()))
  await other.write('fraud', rollback('v4'), author())
  t.match(await raise, /^SLC_STORE_/)
  const seen: unknown[] = []
  other.onDocument(document => seen.push(weightsOf(document)['v4']))
  await proxy.pass()
  const document = await inStep(redis, late, other)
  t.match(document, { phase: 'rolled-back', epoch: 2 })
  t.same(seen, [])
})

test('says that it is done and makes nothing twice when an operator repeats an unknown change', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  await store.write('fraud', rollback('v4'), author())
  const operation = clear(shownBy(store), 'v4')
  proxy.swallowReplies()
  t.match(await outcome(store.write('fraud', operation, author())), /^SLC_STORE_/)
  await proxy.pass()
  await answering(store)
  const again = await until('an answer', async () => {
    const result = await outcome(store.write('fraud', operation, author()))
    return !result.startsWith('SLC_STORE') && result
  })
  t.match(again, /^(changed|refused)$/, 'it names a revision that is over, when it was made')
  t.match(await inStep(redis, store), { epoch: 3, revision: 3 })
})
