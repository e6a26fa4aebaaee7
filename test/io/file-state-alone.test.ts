/** What the file driver says of a fleet: there is none. */
import { test } from 'tap'
import { revisionOf } from '../../src/domain/document.ts'
import { createFileState } from '../../src/io/file-state.ts'
import { author, first, weights } from '../helpers/state-documents.ts'
import { silentLog, systemClock } from '../helpers/state-process.ts'

test('is the only replica, at its own revision, when it is asked who shares the state', async t => {
  const directory = t.testdir()
  const store = createFileState({ directory, clock: systemClock, log: silentLog })
  await store.open(['fraud'], route => first(route))
  t.match(store.replicas('fraud'), [{ id: /./, revision: '1-1', calls: {}, out: {} }])

  const changed = await store.write('fraud', weights('1-1', { v4: 20 }), author())
  const out = { v4: { rolloutId: 'ro-1', trigger: 'gross', reason: 'it is dead', at: 'now' } }
  store.announce('fraud', { calls: { v4: 7 }, out })
  const revision = revisionOf(changed.document)
  t.equal(revision, '1-2')
  t.match(store.replicas('fraud'), [{ revision, calls: { v4: 7 }, out }])
  t.equal(store.replicas('fraud').length, 1)
  t.equal(store.ageMs('fraud'), 0, 'what it shows is what the disk has')
  await store.spread('fraud', 60_000)
  await store.close()
})

test('tells of its entries that they are its own when it writes them', async t => {
  const directory = t.testdir()
  const store = createFileState({ directory, clock: systemClock, log: silentLog })
  await store.open(['fraud'], route => first(route))
  const origins: string[] = []
  store.onAudit(({ type }, origin) => origins.push(`${type} ${origin}`))
  await store.write('fraud', weights('1-1', { v4: 20 }), author())
  t.same(origins, ['weights own'])
  await store.close()
})
