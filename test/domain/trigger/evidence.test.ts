import { test } from 'tap'
import { evidenceRow, ROW } from '../../../src/domain/counts.ts'
import { startGeneration } from '../../../src/domain/record.ts'
import { EvidenceReader } from '../../../src/domain/trigger/evidence.ts'
import { freshCounters, request } from '../../helpers/observation.ts'

test('a tick gives what was counted since the last when threads write', async t => {
  const threads = [freshCounters(), freshCounters()]
  const reader = new EvidenceReader(0)
  t.equal(reader.read(threads, 1), false)
  for (const c of threads) request(c, { outcome: 'reset' })
  t.equal(reader.read(threads, 1), true)
  t.equal(reader.rows[ROW.calls], 2)
  t.equal(reader.rows[ROW.errors], 2)
  t.equal(reader.read(threads, 1), false)
  t.equal(reader.rows[ROW.calls], 0)
})

test('what was counted before the first look is no evidence', async t => {
  const c = freshCounters()
  request(c, { outcome: 'reset' })
  const reader = new EvidenceReader(0)
  t.equal(reader.read([c], 1), false)
  request(c)
  t.equal(reader.read([c], 1), true)
  t.equal(reader.rows[ROW.calls], 1)
  t.equal(reader.rows[ROW.errors], 0)
})

test('all that a thread counted is evidence when it appears later', async t => {
  const first = freshCounters()
  const reader = new EvidenceReader(0)
  reader.read([first], 1)
  const second = freshCounters()
  request(second)
  t.equal(reader.read([first, second], 1), true)
  t.equal(reader.rows[ROW.calls], 1)
})

test('only threads that began the expected ranges are read when ranges change', async t => {
  const threads = [freshCounters(), freshCounters()]
  const reader = new EvidenceReader(0)
  reader.read(threads, 1)
  for (const c of threads) request(c)
  const [first, second] = threads
  if (!first || !second) throw new Error('two threads')
  startGeneration(first, 2)
  request(first, { generation: 2 })
  request(second, { generation: 1 })
  t.equal(reader.read(threads, 2), true)
  t.equal(reader.rows[ROW.calls], 1)
  startGeneration(second, 2)
  request(second, { generation: 2 })
  t.equal(reader.read(threads, 2), true)
  t.equal(reader.rows[ROW.calls], 1)
})

test('counts go on when a word passes 2^32', async t => {
  const c = freshCounters()
  const reader = new EvidenceReader(0)
  c.words[evidenceRow(0, 1, 0) + ROW.calls] = 2 ** 32 - 2
  reader.read([c], 1)
  for (let i = 0; i < 5; i++) request(c)
  reader.read([c], 1)
  t.equal(reader.rows[ROW.calls], 5)
})

test('everything is history when the memory is another variant', async t => {
  const one = freshCounters()
  const other = freshCounters()
  for (let i = 0; i < 9; i++) request(other, { outcome: 'reset' })
  const reader = new EvidenceReader(0)
  reader.read([one], 1)
  t.equal(reader.read([other], 1), false)
  t.equal(reader.rows[ROW.errors], 0)
})
