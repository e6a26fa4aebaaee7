import { test } from 'tap'
import { type RouteDocument, revisionOf, weightsOf } from '../../../src/domain/document.ts'
import type { Log } from '../../../src/ports.ts'
import { startRedis } from '../../helpers/redis.ts'
import { inStep, KEYS, reassertions, shownBy, storedIn } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, first, rollback, weights } from '../../helpers/state-documents.ts'
import { silentLog } from '../../helpers/state-process.ts'
import { until } from '../../helpers/until.ts'

const FULL = first('fraud', { v3: 0, v4: 100 })
const LATER: RouteDocument = { ...FULL, epoch: 99, revision: 99 }

function withChallenger(name: string, more: object = {}): string {
  const challenger = {
    rolloutId: 'x',
    ranges: [[0, 10_000]],
    paused: null,
    rollback: null,
    ...more
  }
  // A computed name, because `__proto__:` in a literal is no member.
  return JSON.stringify({ ...LATER, challengers: { [name]: challenger } })
}

const HOSTILE: readonly (readonly [string, string])[] = [
  ['50 MB', JSON.stringify({ ...LATER, by: 'x'.repeat(50_000_000) })],
  ['no JSON', '{"schema":1,'],
  ['null', 'null'],
  ['a list', '[]'],
  ['nested 100,000 deep', '['.repeat(100_000)],
  ['bytes that are no text', 'binary'],
  ['the document of another route', JSON.stringify({ ...LATER, route: 'spam' })],
  ['ranges below 0', withChallenger('v4', { ranges: [[-1, 5_000]] })],
  ['ranges above 10,000', withChallenger('v4', { ranges: [[0, 10_001]] })],
  [
    'ranges that overlap',
    withChallenger('v4', {
      ranges: [
        [0, 50],
        [40, 60]
      ]
    })
  ],
  ['weight for what is rolled back', withChallenger('v4', { rollback: rollbackRecord() })],
  ['a challenger that is the champion', withChallenger('v3')],
  ['a name that is no name', withChallenger('../../etc')],
  ['the name __proto__', withChallenger('__proto__')],
  ['the name constructor with more members', withChallenger('constructor', { more: 1 })],
  ['no challengers', JSON.stringify({ ...LATER, challengers: undefined })],
  ['an epoch that is a text', JSON.stringify({ ...LATER, epoch: '99' })],
  ['an epoch of 1e300', JSON.stringify({ ...LATER, epoch: 1e300 })],
  ['one member more', JSON.stringify({ ...LATER, more: true })],
  ['schema 0', JSON.stringify({ ...LATER, schema: 0 })]
]

function rollbackRecord() {
  return { id: 'x', trigger: 'operator', by: 'x', at: 'x', reason: 'x', evidence: null }
}

test('applies nothing that is no document and puts its own back when the store has such content', async t => {
  const redis = await startRedis(t)
  const told: string[] = []
  const log: Log = { ...silentLog, error: (_, message) => told.push(message) }
  const store = await openRedisState(t, redisSettings(redis.port), { log })
  await store.write('fraud', rollback('v4'), author())
  const known = shownBy(store)
  const seen: unknown[] = []
  store.onDocument(document => seen.push(document))
  for (const [name, content] of HOSTILE) {
    const before = { told: told.length, errors: store.errors()['protocol'] ?? 0 }
    const bytes = name.startsWith('bytes') ? Buffer.from([0xff, 0x00, 0xfe, 0x80]) : content
    await redis.cli('SET', KEYS.doc, bytes)
    await redis.cli('PUBLISH', 'sluice:chg', 'fraud 99-99')
    const document = await inStep(redis, store)
    t.same(document, known, name)
    t.ok(told.length > before.told, `${name} is logged`)
    t.ok((store.errors()['protocol'] ?? 0) > before.errors, `${name} is counted`)
  }
  t.same(seen, [], 'nothing else was shown at any moment')
  const found = await reassertions(store)
  t.equal(found.length, HOSTILE.length)
  t.match(found[0], { before: null, reason: /cannot be used/ })
})

test('takes names that every object has, as a document may have them', async t => {
  const redis = await startRedis(t)
  const store = await openRedisState(t, redisSettings(redis.port))
  await redis.cli('SET', KEYS.doc, withChallenger('constructor'))
  await until('it is shown', () => revisionOf(shownBy(store)) === '99-99')
  t.same(weightsOf(shownBy(store)), { v3: 0, constructor: 100 })
  await store.write('fraud', rollback('constructor', 'tostring'), author())
  t.match(await storedIn(redis), { epoch: 100, phase: 'rolled-back' })
})

test('neither applies nor overwrites a document of a later schema, and rolls back all the same', async t => {
  const redis = await startRedis(t)
  const store = await openRedisState(t, redisSettings(redis.port))
  await store.write('fraud', weights('1-1', { v4: 20 }), author())
  const known = shownBy(store)
  const later = JSON.stringify({ schema: 2, of: 'a later version' })
  await redis.cli('SET', KEYS.doc, later)
  await t.rejects(store.write('fraud', weights('1-2', { v4: 30 }), author()), {
    code: 'SLC_STORE_UNREACHABLE',
    message: /schema 2, of a later version/
  })
  t.same(shownBy(store), known)
  t.match(await store.write('fraud', rollback('v4'), author()), { scope: 'local' })
  t.match(weightsOf(shownBy(store)), { v4: 0 })
  await until('it looked once more', () => (store.errors()['protocol'] ?? 0) > 0)
  t.equal(await redis.cli('GET', KEYS.doc), later)

  const fresh = await openRedisState(t, redisSettings(redis.port))
  t.equal(fresh.source('fraud'), 'config')
  t.same(weightsOf(shownBy(fresh)), { v3: 100, v4: 0 })
  t.equal(await redis.cli('GET', KEYS.doc), later)
})

test('overwrites nothing when it cannot use what is there and has nothing of its own', async t => {
  const redis = await startRedis(t)
  await redis.cli('SET', KEYS.doc, 'no document')
  const store = await openRedisState(t, redisSettings(redis.port))
  t.equal(store.source('fraud'), 'config')
  t.same(weightsOf(shownBy(store)), { v3: 100, v4: 0 })
  await t.rejects(store.write('fraud', weights('1-1', { v4: 30 }), author()), {
    code: 'SLC_STORE_UNREACHABLE'
  })
  t.equal(await redis.cli('GET', KEYS.doc), 'no document')
})

test('goes on behind entries that others put into its log', async t => {
  const redis = await startRedis(t)
  const store = await openRedisState(t, redisSettings(redis.port))
  await store.write('fraud', weights('1-1', { v4: 20 }), author())
  for (const fields of [
    ['x', 'y'],
    ['sha256', 'f'.repeat(64), 'entry', '{"sequence":1}'],
    ['entry', 'x'.repeat(1_000_000)]
  ]) {
    await redis.cli('XADD', KEYS.log, '*', ...fields)
    const weight = weightsOf(shownBy(store))['v4'] ?? 0
    const change = weights(shownBy(store), { v4: weight + 1 })
    t.match(await store.write('fraud', change, author()), { status: 'changed' })
  }
  t.equal((await store.decisions({ route: 'fraud', limit: 10 })).length, 4)
})

test('sees no replica in what others wrote where replicas tell of themselves', async t => {
  const redis = await startRedis(t)
  const store = await openRedisState(t, redisSettings(redis.port))
  const now = String(Date.now() * 1_000)
  for (const [id, text] of [
    ['a', ''],
    ['b', 'x'],
    ['c', `${now} {`],
    ['d', `${now} {"revision":"1-1"}`],
    ['e', `${now} {"revision":"__proto__","calls":{},"out":{}}`],
    ['__proto__', `${now} {"revision":"1-1","calls":{"v4":-1},"out":{}}`]
  ] as const) {
    await redis.cli('HSET', KEYS.seen, id, text)
  }
  await store.write('fraud', weights('1-1', { v4: 20 }), author())
  t.equal(store.replicas('fraud').length, 1)
})
