import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { Compile } from 'typebox/compile'
import { PAIR, type PairRecord, type PairSide } from '../../src/domain/pair.ts'
import { DECISION, EXPOSURE, eventSchemas } from '../../src/io/event-schema.ts'
import { createFileEvents } from '../../src/io/file-events.ts'
import { createFileState } from '../../src/io/file-state.ts'
import { unitIds } from '../../src/telemetry/unit-id.ts'
import { author, first, rollback, shadow, weights } from '../helpers/state-documents.ts'
import { silentLog, systemClock } from '../helpers/state-process.ts'

const FOLDER = join(import.meta.dirname, '../../config/events')

test('has a file for each type of event and no other when consumers read the folder', async t => {
  const names = await readdir(FOLDER)
  t.same(names.sort(), Object.keys(eventSchemas).map(fileOf).sort())
})

test('writes only records of its schema when decisions are published', async t => {
  const directory = t.testdir()
  const common = { clock: systemClock, log: silentLog }
  const events = await createFileEvents({ ...common, directory: join(directory, 'events') })
  const store = createFileState({ ...common, directory: join(directory, 'state') })
  await store.open(['fraud'], route => first(route))
  store.onAudit(entry => events.publish({ type: DECISION, key: entry.route ?? '', data: entry }))
  await store.write('fraud', weights('1-1', { v4: 20 }), author())
  await store.write('fraud', rollback('v4'), author('trigger:errors'))
  await store.write('fraud', shadow('2-3', 'v4-try', 'off'), author())
  await store.audit({
    type: 'access',
    route: null,
    variant: null,
    by: 'unknown',
    reason: 'wrong token',
    requestId: 'r',
    before: null,
    after: null,
    evidence: { address: '127.0.0.1' },
    revision: null
  })
  await store.close()
  await events.close(2_000)
  const text = await readFile(join(directory, 'events', 'events.ndjson'), 'utf8')
  const records: readonly unknown[] = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.equal(records.length, 4)
  const validator = Compile(eventSchemas[DECISION] ?? {})
  for (const record of records) t.same(validator.Errors(record), [])
})

test('tells a record that is an exposure from one that is none', async t => {
  const exposure = {
    specversion: '1.0',
    id: 'e1',
    source: 'sluice',
    type: EXPOSURE,
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    partitionkey: 'x',
    data: {
      route: 'fraud',
      requestId: 'r1',
      unitId: unitIds(Buffer.from('key'))('u1'),
      salt: 'fraud.0',
      bucket: 9999,
      cohort: 'override:staff',
      reason: 'override',
      propensity: 0.05,
      revision: '1-7',
      intended: 'v4',
      served: 'v3'
    }
  }
  const validator = Compile(eventSchemas[EXPOSURE] ?? {})
  t.same(validator.Errors(exposure), [])
  for (const wrong of [
    { bucket: 10_000 },
    { unitId: 'u1' },
    { cohort: 'x' },
    { revision: '0-1' }
  ]) {
    t.notOk(validator.Check({ ...exposure, data: { ...exposure.data, ...wrong } }))
  }
})

test('tells a record that is a pair from one that is none', async t => {
  const side: PairSide = {
    variant: 'v3',
    model: { name: 'fraud', version: '3' },
    status: 200,
    outcome: 'ok',
    latencyMs: 12.5,
    ttfbMs: 3,
    bytes: 80,
    sha256: 'a'.repeat(64),
    truncated: false,
    bad: []
  }
  const data: PairRecord = {
    route: 'fraud',
    revision: '1-7',
    requestId: 'r1',
    unitId: unitIds(Buffer.from('key'))('u1'),
    at: '2026-01-01T00:00:00.000Z',
    primary: side,
    shadow: {
      ...side,
      name: 'next',
      variant: 'v4',
      model: null,
      status: 0,
      outcome: 'timeout',
      ttfbMs: null,
      sha256: null,
      truncated: true,
      bad: ['nan'],
      body: '{}',
      bodyEncoding: 'utf-8'
    },
    comparison: {
      compared: true,
      agree: false,
      why: null,
      latencyRatio: 1.5,
      differences: [
        { field: 'outputs[].data', kind: 'number', primary: '0.1', shadow: '0.9', by: 0.8 }
      ]
    }
  }
  const pair = {
    specversion: '1.0',
    id: 'e1',
    source: 'sluice',
    type: PAIR,
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    data
  }
  const validator = Compile(eventSchemas[PAIR] ?? {})
  t.same(validator.Errors(JSON.parse(JSON.stringify(pair))), [])
  const withoutUnit = { ...pair, data: { ...data, unitId: null } }
  t.same(validator.Errors(withoutUnit), [])
  for (const wrong of [
    { unitId: 'u1' },
    { revision: '0-1' },
    { primary: { ...side, outcome: 'odd' } },
    { primary: { ...side, bad: ['odd'] } },
    { primary: { ...side, bodyEncoding: 'latin1' } },
    { shadow: side },
    { comparison: { ...data.comparison, why: 'odd' } },
    { comparison: { ...data.comparison, differences: [{ field: 'x', kind: 'odd' }] } },
    { unit: 'in clear' }
  ]) {
    t.notOk(validator.Check({ ...pair, data: { ...data, ...wrong } }), JSON.stringify(wrong))
  }
})

function fileOf(type: string): string {
  return `${type}.schema.json`
}
