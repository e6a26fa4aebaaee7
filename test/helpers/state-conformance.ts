/**
 * What every driver of `StateStore` does, whatever stands behind it. A driver's own test calls
 * `stateConformance` with a way to open a store on storage that stays between two openings of one test.
 */
import { type Test, test } from 'tap'
import { revisionOf, weightsOf } from '../../src/domain/document.ts'
import { SluiceError } from '../../src/errors.ts'
import type { AuditEntry, StateSource, StateStore, WriteResult } from '../../src/ports.ts'
import { author, clear, first, rollback, rollbackId, shadow, weights } from './state-documents.ts'
import { until } from './until.ts'

export type StateStorage = {
  /** Opens a store for the routes; the one before on this storage has been closed. */
  open(routes: readonly string[]): Promise<StateStore>
}

/** Declares the tests. `storage` makes empty storage that goes away with the test. */
export function stateConformance(
  driver: string,
  sources: { readonly first: StateSource; readonly again: StateSource }, // of documents, by opening
  storage: (t: Test) => Promise<StateStorage>
): void {
  test(`${driver}: gives a route its first document when it has none`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    t.equal(revisionOf(read(store, 'fraud')), '1-1')
    t.equal(store.source('fraud'), sources.first)
    t.equal(store.read('other'), null)
    await store.close()
  })

  test(`${driver}: has the same document when it is opened again`, async t => {
    const place = await storage(t)
    const store = await place.open(['fraud'])
    await store.write('fraud', weights('1-1', { v4: 20 }), author())
    const before = read(store, 'fraud')
    await store.close()
    const again = await place.open(['fraud'])
    t.same(again.read('fraud'), before)
    t.equal(again.source('fraud'), sources.again)
    await again.close()
  })

  test(`${driver}: changes weights once when two operators saw the same revision`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    const won = await store.write('fraud', weights('1-1', { v4: 20 }), author())
    const lost = await store.write('fraud', weights('1-1', { v4: 30 }), author())
    t.match(won, { status: 'changed', scope: 'fleet', document: { epoch: 1, revision: 2 } })
    t.match(lost, { status: 'refused', refusal: { code: 'stale' }, document: { revision: 2 } })
    t.same(weightsOf(read(store, 'fraud')), { v3: 80, v4: 20 })
    await store.close()
  })

  test(`${driver}: accepts exactly one of 50 changes when they come at once on one revision`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    for (let round = 1; round <= 5; round++) {
      const revision = revisionOf(read(store, 'fraud'))
      const all = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          turnOf(() =>
            store.write('fraud', weights(revision, { v4: 10 + ((i + round) % 60) + 0.5 }), author())
          )
        )
      )
      t.equal(all.filter(({ status }) => status === 'changed').length, 1)
      t.equal(all.filter(isStale).length, 49)
    }
    const entries = await store.decisions({ route: 'fraud', limit: 1000 })
    t.equal(entries.filter(({ type }) => type === 'weights').length, 5)
    await store.close()
  })

  test(`${driver}: takes a challenger to 0 without a revision when it is rolled back`, async t => {
    const place = await storage(t)
    const store = await place.open(['fraud'])
    await store.write('fraud', weights('1-1', { v4: 50 }), author())
    const result = await store.write('fraud', rollback('v4'), author())
    t.match(result, { status: 'changed', scope: 'fleet', document: { epoch: 2, revision: 3 } })
    t.same(weightsOf(read(store, 'fraud')), { v3: 100, v4: 0 })
    await store.close()
    const again = await place.open(['fraud'])
    t.match(again.read('fraud'), { phase: 'rolled-back', challengers: { v4: { ranges: [] } } })
    await again.close()
  })

  test(`${driver}: says the same when a rollback is repeated`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    const once = await store.write('fraud', rollback('v4'), author())
    const twice = await store.write('fraud', rollback('v4'), author())
    t.equal(once.status, 'changed')
    t.match(twice, { status: 'same', scope: 'fleet', document: { epoch: 2, revision: 2 } })
    t.equal((await store.decisions({ limit: 10 })).length, 1)
    await store.close()
  })

  test(`${driver}: keeps a rollback when a change of weights was sent at the same moment`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    for (let round = 0; round < 20; round++) {
      const revision = revisionOf(read(store, 'fraud'))
      const raise = store.write('fraud', weights(revision, { v4: 40 }), author())
      const undo = store.write('fraud', rollback('v4'), author())
      await Promise.all(round % 2 === 0 ? [raise, undo] : [undo, raise])
      const document = read(store, 'fraud')
      t.match(weightsOf(document), { v4: 0 })
      t.equal(document.phase, 'rolled-back')
      await store.write('fraud', clear(document, 'v4'), author())
    }
    await store.close()
  })

  test(`${driver}: refuses a raise when the challenger is rolled back, until that rollback is cleared`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    await store.write('fraud', rollback('v4'), author())
    const document = read(store, 'fraud')
    const id = rollbackId(document, 'v4')
    const raise = weights(document, { v4: 5 })
    const refused = await store.write('fraud', raise, author())
    t.match(refused, { refusal: { code: 'rolled-back', variant: 'v4', rollback: id } })
    await store.write('fraud', clear(document, 'v4'), author())
    t.same(weightsOf(read(store, 'fraud')), { v3: 100, v4: 0 })
    const raised = await store.write('fraud', weights(read(store, 'fraud'), { v4: 5 }), author())
    t.equal(raised.status, 'changed')
    await store.close()
  })

  test(`${driver}: refuses a raise and not a cut when the challenger is paused`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    const pause = { kind: 'pause', variants: ['v4'], reason: 'wait' } as const
    t.match(await store.write('fraud', pause, author()), { document: { phase: 'paused' } })
    const raise = await store.write('fraud', weights('1-2', { v4: 6 }), author())
    t.match(raise, { refusal: { code: 'paused', variant: 'v4' } })
    const cut = await store.write('fraud', weights('1-2', { v4: 1 }), author())
    t.equal(cut.status, 'changed')
    const resume = { kind: 'resume', variants: ['v4'], reason: 'go on' } as const
    t.match(await store.write('fraud', resume, author()), { document: { phase: 'steady' } })
    await store.close()
  })

  test(`${driver}: switches a shadow once and keeps the switch when the store is opened again`, async t => {
    const place = await storage(t)
    const store = await place.open(['fraud'])
    const off = await store.write(
      'fraud',
      shadow('1-1', 'v4-try', 'off'),
      author('ann', 'too slow')
    )
    t.match(off, { status: 'changed', scope: 'fleet', document: { epoch: 1, revision: 2 } })
    const late = await store.write('fraud', shadow('1-1', 'v4-try', 'on'), author())
    t.match(late, { status: 'refused', refusal: { code: 'stale' }, document: { revision: 2 } })
    const again = await store.write('fraud', shadow('1-2', 'v4-try', 'off'), author())
    t.match(again, { status: 'same', document: { revision: 2 } })
    await store.write('fraud', rollback('v4'), author())
    t.same(read(store, 'fraud').shadows, { 'v4-try': { on: false } }, 'whatever else changes')
    await store.close()
    const later = await place.open(['fraud'])
    t.same(read(later, 'fraud').shadows, { 'v4-try': { on: false } })
    t.match(await later.write('fraud', shadow(read(later, 'fraud'), 'v4-try', 'on'), author()), {
      status: 'changed',
      document: { shadows: { 'v4-try': { on: true } } }
    })
    await later.close()
  })

  test(`${driver}: says in one audit entry what was and what is when a shadow is switched`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    await store.write('fraud', shadow('1-1', 'v4-try', 'off'), author('ann', 'too slow'))
    await store.write('fraud', shadow('1-2', 'v4-try', 'off'), author('bob'))
    await store.write('fraud', shadow('1-2', 'v4-try', 'on'), author('bob'))
    const entries = await store.decisions({ route: 'fraud', limit: 10 })
    t.equal(entries.length, 2)
    t.match(entries, [
      {
        type: 'shadow',
        by: 'bob',
        variant: null,
        revision: '1-3',
        before: { shadows: { 'v4-try': { on: false } } },
        after: { shadows: { 'v4-try': { on: true } }, weights: { v3: 95, v4: 5 } }
      },
      {
        type: 'shadow',
        by: 'ann',
        reason: 'too slow',
        revision: '1-2',
        before: { shadows: {} },
        after: { shadows: { 'v4-try': { on: false } } }
      }
    ])
    await store.close()
  })

  test(`${driver}: has exactly one chained audit entry when a change is accepted and none when it is refused`, async t => {
    const store = await (await storage(t)).open(['fraud', 'spam'])
    const told: AuditEntry[] = []
    store.onAudit(entry => told.push(entry))
    await store.write('fraud', weights('1-1', { v4: 20 }), author('ann', 'more'))
    await store.write('fraud', rollback('v4'), author('bob'))
    await store.write('fraud', weights('1-1', { v4: 30 }), author('eve', 'late'))
    await store.write('spam', rollback('v4'), author('ann'))
    const all = await store.decisions({ limit: 10 })
    t.same(all, [...told].reverse())
    t.same(
      all.map(({ route }) => route),
      ['spam', 'fraud', 'fraud']
    )
    const entries = await store.decisions({ route: 'fraud', limit: 10 })
    t.match(entries, [
      { type: 'rollback', route: 'fraud', variant: 'v4', by: 'bob', reason: 'it is bad' },
      { type: 'weights', route: 'fraud', by: 'ann', reason: 'more', revision: '1-2' }
    ])
    t.equal(entries[0]?.previous, entries[1]?.sha256)
    t.ok((entries[0]?.sequence ?? 0) > (entries[1]?.sequence ?? 0))
    t.match(entries[1], {
      before: { weights: { v3: 95, v4: 5 } },
      after: { weights: { v3: 80, v4: 20 } }
    })
    await store.close()
  })

  test(`${driver}: finds decisions by route, time, sequence and number when asked`, async t => {
    const store = await (await storage(t)).open(['fraud', 'spam'])
    for (let i = 1; i <= 6; i++) {
      const route = i % 2 === 0 ? 'spam' : 'fraud'
      const at = `2026-01-01T00:00:0${i}.000Z`
      const operation = weights(read(store, route), { v4: 5 + i })
      await store.write(route, operation, { ...author(), at })
    }
    const made = (await store.decisions({ limit: 10 })).map(({ sequence }) => sequence).reverse()
    t.same(
      made,
      made.toSorted((a, b) => a - b),
      'sequences rise'
    )
    /** Which of the six, from 1. */
    const sequences = async (query: Parameters<StateStore['decisions']>[0]) =>
      (await store.decisions(query)).map(({ sequence }) => made.indexOf(sequence) + 1)
    const second = made[1] ?? 0
    t.same(await sequences({ limit: 3 }), [6, 5, 4])
    t.same(await sequences({ route: 'fraud', limit: 2 }), [5, 3])
    t.same(await sequences({ since: '2026-01-01T00:00:04.000Z', limit: 10 }), [6, 5, 4])
    t.same(await sequences({ afterSequence: second, limit: 10 }), [6, 5, 4, 3])
    t.same(await sequences({ afterSequence: second, limit: 2 }), [4, 3])
    t.same(await sequences({ limit: 0 }), [])
    await store.close()
  })

  test(`${driver}: chains an entry that changes no document when one is written`, async t => {
    const place = await storage(t)
    const store = await place.open(['fraud'])
    await store.write('fraud', rollback('v4'), author())
    const entry = await store.audit({
      type: 'config',
      route: null,
      variant: null,
      by: 'ops',
      reason: 'reload',
      requestId: 'r1',
      before: null,
      after: { changed: ['spam'] },
      evidence: null,
      revision: null
    })
    t.match(entry, { type: 'config', by: 'ops' })
    await store.close()
    const again = await place.open(['fraud'])
    t.same((await again.decisions({ limit: 1 }))[0], entry)
    await again.close()
  })

  test(`${driver}: tells a document once when it changed and not when it did not`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    const seen: string[] = []
    const stop = store.onDocument(document => seen.push(revisionOf(document)))
    await store.write('fraud', weights('1-1', { v4: 20 }), author())
    await store.write('fraud', weights('1-1', { v4: 30 }), author())
    await store.write('fraud', rollback('v4'), author())
    await store.write('fraud', rollback('v4'), author())
    stop()
    await store.write('fraud', clear(read(store, 'fraud'), 'v4'), author())
    t.same(seen, ['1-2', '2-3'])
    await store.close()
  })

  test(`${driver}: adds a route when it is ensured, and leaves one that is there`, async t => {
    const store = await (await storage(t)).open(['fraud'])
    const added = await store.ensure('spam', () => first('spam', { v3: 100 }))
    t.equal(added.route, 'spam')
    const kept = await store.ensure('fraud', () => first('fraud', { v3: 100 }))
    t.same(weightsOf(kept), { v3: 95, v4: 5 })
    await store.close()
  })
}

function read(store: StateStore, route: string) {
  const document = store.read(route)
  if (document === null) throw new Error(`route ${route} has no document`)
  return document
}

function isStale(result: WriteResult): boolean {
  return result.status === 'refused' && result.refusal.code === 'stale'
}

/** The result of a write that is asked again while a busy store ends it without a call, as its error says. */
async function turnOf(write: () => Promise<WriteResult>): Promise<WriteResult> {
  return until('the turn of a write', () =>
    write().catch((error: unknown) => {
      if (error instanceof SluiceError && error.details['reason'] === 'busy') return undefined
      throw error
    })
  )
}
