import t, { test } from 'tap'
import { type RouteDocument, revisionOf, weightsOf } from '../../../src/domain/document.ts'
import type { StateStore, WriteResult } from '../../../src/ports.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { inStep, shownBy } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, clear, rollback, rollbackId, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

t.setTimeout(10 * 60_000)

const ROUNDS = Number(process.env['SLUICE_RACE_ROUNDS'] ?? 1_000)

/** Notes each document that gives weight to a run which the store showed as rolled back before. */
function watchRuns(store: StateStore): { readonly undone: string[] } {
  const rolledBack = new Set<string>()
  const undone: string[] = []
  const look = (document: RouteDocument) => {
    for (const { rolloutId, ranges, rollback } of Object.values(document.challengers)) {
      if (rollback !== null) rolledBack.add(rolloutId)
      else if (rolledBack.has(rolloutId)) undone.push(`${revisionOf(document)} ${ranges.length}`)
    }
  }
  look(shownBy(store))
  store.onDocument(look)
  return { undone }
}

function shows(store: StateStore, revision: string): Promise<unknown> {
  return until(`it shows ${revision}`, () => revisionOf(shownBy(store)) === revision, { every: 1 })
}

test(`lets the rollback win in each of ${ROUNDS} rounds when one replica raises and another rolls back`, async t => {
  const redis = await startRedis(t)
  const a = await openRedisState(t, redisSettings(redis.port))
  const b = await openRedisState(t, redisSettings(redis.port))
  const watches = [watchRuns(a), watchRuns(b)]
  const outcomes = new Map<string, number>()
  for (let round = 0; round < ROUNDS; round++) {
    const raise = () => a.write('fraud', weights(shownBy(a), { v4: 40 + (round % 9) }), author())
    const undo = () => b.write('fraud', rollback('v4'), author())
    const [raised, undone] = await (round % 2 === 0
      ? Promise.all([raise(), undo()])
      : Promise.all([undo(), raise()]).then(([one, other]) => [other, one] as const))
    const both = `${raised.status} ${undone.status}`
    outcomes.set(both, (outcomes.get(both) ?? 0) + 1)
    const id = rollbackId(shownBy(b), 'v4')
    if (undone.status !== 'changed' || id === 'none') t.fail(`round ${round}: ${both} ${id}`)
    await b.write('fraud', clear(shownBy(b), 'v4'), author())
    const begun = await b.write('fraud', weights(shownBy(b), { v4: 10 }), author())
    if (begun.status !== 'changed') t.fail(`round ${round}: the next run did not begin`)
    await shows(a, revisionOf(shownBy(b)))
  }
  t.comment([...outcomes].join('; '))
  t.same(watches.flatMap(({ undone }) => undone).slice(0, 5), [])
  await inStep(redis, a, b)
})

test('accepts exactly one of 50 changes when they come over five replicas on one revision', async t => {
  const redis = await startRedis(t)
  const stores = await Promise.all(
    Array.from({ length: 5 }, () => openRedisState(t, redisSettings(redis.port)))
  )
  for (let round = 0; round < 10; round++) {
    const [one] = stores
    const revision = revisionOf(await inStep(redis, ...stores))
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i): Promise<WriteResult> => {
        const store = stores[i % 5] ?? one
        if (store === undefined) throw new Error('no store')
        return store.write('fraud', weights(revision, { v4: 10 + i + (round % 2) / 2 }), author())
      })
    )
    const changed = results.filter(({ status }) => status === 'changed')
    t.equal(changed.length, 1)
    t.ok(results.every(result => result.status === 'changed' || isStale(result)))
    const document = await inStep(redis, ...stores)
    t.same(changed[0]?.document, document)
  }
  const entries = await stores[0]?.decisions({ route: 'fraud', limit: 100 })
  t.equal(entries?.length, 10)
})

test('answers a repeated change by what the store has when the first was made', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const store = await openRedisState(t, redisSettings(proxy.port))
  const change = weights('1-1', { v4: 20 })
  const by = author()
  await store.write('fraud', change, by)
  const again = await store.write('fraud', change, by)
  t.match(again, { status: 'refused', refusal: { code: 'stale' }, document: { revision: 2 } })
  t.same(weightsOf(again.document), { v3: 80, v4: 20 }, 'and the answer shows it')
  const operation = rollback('v4')
  const results = await Promise.all([1, 2, 3].map(() => store.write('fraud', operation, by)))
  t.same(results.map(({ status }) => status).sort(), ['changed', 'same', 'same'])
  t.equal((await store.decisions({ route: 'fraud', limit: 10 })).length, 2)
})

function isStale(result: WriteResult): boolean {
  return result.status === 'refused' && result.refusal.code === 'stale'
}
