import { test } from 'tap'
import { createJournal } from '../../../src/io/journal.ts'
import type { DatedDraft } from '../../../src/io/redis/audit-log.ts'
import { createUnsent } from '../../../src/io/redis/unsent.ts'
import { createReserve } from '../../../src/io/reserve.ts'
import type { AuditDraft, AuditEntry } from '../../../src/ports.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

function note(requestId: string, route: string | null = 'fraud'): AuditDraft {
  const nothing = { variant: null, before: null, after: null, evidence: null, revision: null }
  return { type: 'config', route, by: 'ops', reason: 'note', requestId, ...nothing }
}

function dated(requestId: string): DatedDraft {
  return { ...note(requestId), at: '2026-01-01T00:00:00.000Z' }
}

test('writes each entry once and in order when Redis was away as they were made', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const directory = t.testdir()
  const settings = redisSettings(proxy.port)
  const store = await openRedisState(t, settings, { directory })
  const told: string[] = []
  store.onAudit((entry, origin) => told.push(`${entry.requestId} ${origin}`))
  await proxy.cut()
  const names = ['r1', 'r2', 'r3', 'r4', 'r5']
  for (const name of names) await store.audit(note(name))
  await store.audit(note('of no route', null))
  t.same(told, [], 'told when the log has them')
  await proxy.pass()
  const all = await until('they are written', async () => {
    const entries = await store.decisions({ limit: 100 })
    return entries.length >= 6 && entries
  })
  const ofRoute = all.filter(({ route }) => route === 'fraud').map(({ requestId }) => requestId)
  t.same(ofRoute.toReversed(), names)
  await store.close()

  const again = await openRedisState(t, settings, { directory })
  await again.audit(note('r6'))
  const entries = await again.decisions({ limit: 100 })
  t.equal(entries.length, 7, 'and nothing is left to be written')
  t.same(
    told,
    [...names, 'of no route'].map(name => `${name} own`)
  )
})

test('writes an entry once when the answer to it is lost, wherever that happens', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  const own = new Map<string, number>()
  store.onAudit((entry, origin) => {
    if (origin === 'own') own.set(entry.requestId, (own.get(entry.requestId) ?? 0) + 1)
  })
  const names: string[] = []
  for (const once of ['forwarded', 'answered'] as const) {
    for (let n = 1; n <= 6; n++) {
      const name = `${once} ${n}`
      names.push(name)
      await until('the store answers', async () => {
        await store.decisions({ limit: 1 })
        return true
      })
      proxy.cutAfterRequests(n, { only: ['EVALSHA'], once })
      await store.audit(note(name))
    }
  }
  await proxy.pass()
  await until('all are written', async () => {
    const entries = await store.decisions({ route: 'fraud', limit: 100 })
    return names.every(name => entries.some(({ requestId }) => requestId === name))
  })
  const entries = await store.decisions({ route: 'fraud', limit: 100 })
  t.same(entries.map(({ requestId }) => requestId).sort(), names.toSorted())
  await until('all are told', () => names.every(name => own.get(name)))
  t.same(
    [...own.values()],
    names.map(() => 1)
  )
})

test('goes on with what is left when a process ends, and looks up what may be there', async t => {
  const directory = t.testdir()
  const journal = createJournal(directory, 'unsent.ndjson', createReserve(directory))
  const unsent = createUnsent(journal, [])
  await Promise.all(['r1', 'r2', 'r3'].map(name => unsent.add(dated(name))))
  const log: string[] = []
  const there = { ...dated('r1') } as AuditEntry // the fields that are compared
  const ready = () => true
  const refusing = {
    ready,
    recent: async () => [there],
    append: async ({ requestId }: DatedDraft) => {
      if (requestId === 'r3') throw new Error('away')
      log.push(requestId)
    }
  }
  await t.rejects(unsent.send(refusing), { message: 'away' })
  t.same(log, ['r2'])

  const { records } = await journal.read()
  const again = createUnsent(journal, records as readonly DatedDraft[]) // what was added
  const now = [there, { ...dated('r2') } as AuditEntry]
  const taking = {
    ready,
    recent: async () => now,
    append: async ({ requestId }: DatedDraft) => log.push(requestId)
  }
  await Promise.all([again.send(taking), again.send(taking), again.add(dated('r4'))])
  await again.send(taking)
  t.same(log, ['r2', 'r3', 'r4'])
  t.same((await journal.read()).records, [])
})

test('lets the entries of a route wait alone when its log is not ready or does not answer', async t => {
  const directory = t.testdir()
  const journal = createJournal(directory, 'unsent.ndjson', createReserve(directory))
  const unsent = createUnsent(journal, [])
  for (const route of ['a', 'b', 'c']) {
    for (const n of [1, 2]) await unsent.add({ ...dated(`${route}${n}`), route })
  }
  const log: string[] = []
  const append = async ({ requestId, route }: DatedDraft) => {
    if (route === 'b') throw new Error('away')
    log.push(requestId)
  }
  const ready = (route: string | null) => route !== 'a'
  await t.rejects(unsent.send({ ready, recent: async () => [], append }), { message: 'away' })
  t.same(log, ['c1', 'c2'])
  t.match((await journal.read()).records, [{ route: 'a' }, {}, { route: 'b' }, {}])
})

test('has one entry for each rollback when two replicas made one of the same run, and neither heard of the other', async t => {
  const redis = await startRedis(t)
  const ways = [
    await startFaultProxy(t, { to: redis.port }),
    await startFaultProxy(t, { to: redis.port })
  ]
  const stores = [
    await openRedisState(t, redisSettings(ways[0]?.port ?? 0)),
    await openRedisState(t, redisSettings(ways[1]?.port ?? 0))
  ]
  for (const way of ways) await way.cut()
  for (const [i, store] of stores.entries()) {
    const result = await store.write('fraud', rollback('v4'), author(`replica-${i}`))
    t.match(result, { status: 'changed', scope: 'local' })
  }
  for (const way of ways) await way.pass()
  const entries = await until('both are told', async () => {
    const found = await stores[0]?.decisions({ route: 'fraud', limit: 10 })
    return found?.length === 2 && found
  })
  t.match(entries, [{ type: 'rollback' }, { type: 'rollback' }])
  t.same(entries.map(({ by }) => by).sort(), ['replica-0', 'replica-1'])
  for (const store of stores) {
    await until(
      'both show one',
      () => store.read('fraud')?.epoch === 2 && store.unsettled().length === 0
    )
  }
})

test('chains a change behind the entries that were kept when both come after an outage', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  await proxy.cut()
  await store.audit(note('r1'))
  await proxy.pass()
  await until('the change is made', async () => {
    const result = await store.write('fraud', weights('1-1', { v4: 20 }), author())
    return result.status === 'changed'
  })
  const entries = await until('both are there', async () => {
    const found = await store.decisions({ route: 'fraud', limit: 10 })
    return found.length === 2 && found
  })
  t.equal(entries[0]?.previous, entries[1]?.sha256)
})
