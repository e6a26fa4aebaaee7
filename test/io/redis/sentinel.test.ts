import t, { test } from 'tap'
import { revisionOf, weightsOf } from '../../../src/domain/document.ts'
import { inStep, shownBy } from '../../helpers/redis-documents.ts'
import { startSentinel } from '../../helpers/redis-sentinel.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { stateConformance } from '../../helpers/state-conformance.ts'
import { author, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const PASSWORDS = { password: 'of-the-servers', sentinelPassword: 'of-the-sentinels' }
const FAILOVER_AT = 7 // of the conformance tests

const place = await startSentinel(t, PASSWORDS)

function settings(prefix: string) {
  return redisSettings(0, {
    mode: 'sentinel',
    nodes: place.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    sentinel: { master: place.name, username: null, password: PASSWORDS.sentinelPassword },
    password: PASSWORDS.password,
    prefix
  })
}

let stores = 0

stateConformance('Redis driver behind sentinels', { first: 'store', again: 'store' }, async t => {
  const directory = t.testdir()
  if (++stores === FAILOVER_AT) await place.failover().then(place.rejoin)
  const mine = settings(`conformance-${stores}`)
  return { open: routes => openRedisState(t, mine, { directory, routes }) }
})

test('follows the sentinels to the new master when the old one dies, and loses no rollback', async t => {
  const a = await openRedisState(t, settings('sluice'))
  const b = await openRedisState(t, settings('sluice'))
  await a.write('fraud', weights('1-1', { v4: 20 }), author())
  await inStep(place.master(), a, b)
  const failover = place.failover()
  const rolledBack = await until('the master is gone, and it is rolled back', async () => {
    const alive = await place
      .master()
      .cli('PING')
      .catch(() => null)
    return alive === null && a.write('fraud', rollback('v4'), author())
  })
  t.match(rolledBack, { status: 'changed', scope: 'local' })
  t.match(weightsOf(shownBy(a)), { v4: 0 })
  await failover
  const document = await until('both work with the new master', async () => {
    const found = await inStep(place.master(), a, b)
    return found.phase === 'rolled-back' && found
  })
  const change = weights(revisionOf(document), { v4: 0, v5: 3 })
  t.match(await b.write('fraud', change, author()), { status: 'changed', scope: 'fleet' })
})

test('goes on when one sentinel of three is gone', async t => {
  const [one] = place.sentinels
  await one?.kill9()
  t.teardown(() => one?.restart())
  const store = await openRedisState(t, settings('two-left'))
  t.equal(store.source('fraud'), 'store')
  t.match(await store.write('fraud', weights('1-1', { v4: 20 }), author()), { status: 'changed' })
})
