/** What a trigger wants of a store that does not answer. */
import { test } from 'tap'
import { createInsistence, type Wish } from '../../src/control-plane/insistence.ts'
import type { Operation } from '../../src/domain/operations.ts'
import type { WriteResult } from '../../src/ports.ts'
import { author, first } from '../helpers/state-documents.ts'
import { silentLog } from '../helpers/state-process.ts'
import { until } from '../helpers/until.ts'

const SAME: WriteResult = { status: 'same', document: first('fraud'), scope: 'fleet' }

/** A store that is away until the test says otherwise. */
function scene() {
  const written: Operation[] = []
  const state = { away: true, wanted: true, tries: 0 }
  const store = {
    async write(_route: string, operation: Operation): Promise<WriteResult> {
      state.tries++
      if (state.away) throw new Error('away')
      written.push(operation)
      return SAME
    }
  }
  const insistence = createInsistence(store, silentLog, 5)
  return { state, written, insistence, store }
}

function wish(over: Partial<Wish> & { readonly reason?: string } = {}): Wish {
  const operation: Operation = { kind: 'pause', variants: ['v4'], reason: over.reason ?? 'first' }
  const wanted = () => true
  return { route: 'fraud', variant: 'v4', run: 'r1', operation, author: author(), wanted, ...over }
}

test('writes once when it is asked many times while the store is away', async t => {
  const { state, written, insistence } = scene()
  for (let i = 0; i < 50; i++) {
    insistence.insist(wish({ reason: `${i}` }))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.same(insistence.pending(), ['fraud/v4/pause'])
  await until('more tries', () => state.tries > 3)
  state.away = false
  await until('the write', () => written.length > 0)
  await until('the end of the chain', () => insistence.pending().length === 0)
  t.match(written, [{ reason: '0' }])
  t.equal(written.length, 1)
  insistence.stop()
})

test('has a chain for each challenger and kind, and no more', async t => {
  const { insistence } = scene()
  const rollback: Operation = {
    kind: 'rollback',
    variants: ['v4'],
    id: 'rb',
    trigger: 'gross',
    reason: '',
    evidence: null
  }
  insistence.insist(wish())
  insistence.insist(wish({ operation: rollback }))
  insistence.insist(wish({ variant: 'v5' }))
  insistence.insist(wish())
  t.same(insistence.pending(), ['fraud/v4/pause', 'fraud/v4/rollback', 'fraud/v5/pause'])
  insistence.stop()
})

test('writes what is about the newer run when that comes while the older one waits', async t => {
  const { state, written, insistence } = scene()
  insistence.insist(wish())
  insistence.insist(wish({ run: 'r2', reason: 'second' }))
  state.away = false
  await until('both ends', () => insistence.pending().length === 0)
  t.match(written.at(-1), { reason: 'second' })
  insistence.stop()
})

test('gives up when it is not wanted any more', async t => {
  const { state, written, insistence } = scene()
  insistence.insist(wish({ wanted: () => state.wanted }))
  await until('some tries', () => state.tries > 1)
  state.wanted = false
  await until('the end', () => insistence.pending().length === 0)
  state.away = false
  await new Promise(resolve => setTimeout(resolve, 30))
  t.same(written, [])
  insistence.stop()
})

test('tries no more when it is stopped', async t => {
  const { state, insistence } = scene()
  insistence.insist(wish())
  await until('a try', () => state.tries > 1)
  insistence.stop()
  const { tries } = state
  await new Promise(resolve => setTimeout(resolve, 30))
  t.ok(state.tries - tries <= 1, 'at most the one that was under way')
})

test('says so when the store refuses what a trigger decided', async t => {
  const lines: string[] = []
  const log = { ...silentLog, warn: (_fields: unknown, text: string) => void lines.push(text) }
  const refusal = { code: 'unknown-variant', variant: 'v4' } as const
  const store = {
    write: async () => ({ status: 'refused', refusal, document: first('fraud') }) as const
  }
  const insistence = createInsistence(store, log, 5)
  insistence.insist(wish())
  await until('the line', () => lines.length > 0)
  t.same(lines, ['the store refused what a trigger decided'])
  t.same(insistence.pending(), [])
})
