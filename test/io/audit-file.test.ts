import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile
} from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { isIntact } from '../../src/io/audit-entry.ts'
import { type AuditFile, openAuditFile } from '../../src/io/audit-file.ts'
import type { AuditEntry } from '../../src/ports.ts'

test('chains entries over a reopening and over files when it rotates', async t => {
  const directory = t.testdir()
  for (let opening = 0; opening < 3; opening++) {
    const { audit, warnings } = await open(directory, { rotateAt: 2_000 })
    t.same(warnings, [])
    for (let i = 0; i < 10; i++) await add(audit)
  }
  const { audit } = await open(directory, { rotateAt: 2_000 })
  const entries = await audit.query({ limit: 1000 })
  t.same(
    entries.map(({ sequence }) => sequence),
    Array.from({ length: 30 }, (_, i) => 30 - i)
  )
  t.ok(entries.every(isIntact))
  t.ok(entries.every((entry, i) => entry.previous === (entries[i + 1]?.sha256 ?? '')))
  const files = (await readdir(directory)).filter(name => name.startsWith('audit-'))
  t.ok(files.length > 3, `${files.length} rotated files`)
  for (const name of files) t.ok((await stat(join(directory, name))).size <= 2_000)
})

test('deletes the oldest rotated files when there are more than it keeps', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory, { rotateAt: 1_000, keep: 2 })
  for (let i = 0; i < 30; i++) await add(audit)
  t.equal((await readdir(directory)).length, 3)
  const sequences = (await audit.query({ limit: 1000 })).map(({ sequence }) => sequence)
  t.equal(sequences[0], 30)
  t.ok(sequences.length < 30)
})

test('cuts a torn last line off when a crash left one, at every length of it', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory)
  await add(audit)
  const one = (await stat(join(directory, 'audit.ndjson'))).size
  await add(audit)
  const two = await readFile(join(directory, 'audit.ndjson'))
  const wrong: number[] = []
  for (let length = one; length < two.length; length += 7) {
    await writeFile(join(directory, 'audit.ndjson'), two.subarray(0, length))
    const again = await open(directory)
    const expected = length === one ? 0 : 1
    const size = (await stat(join(directory, 'audit.ndjson'))).size
    const right = again.audit.last()?.sequence === 1 && again.warnings.length === expected
    if (!right || size !== one) wrong.push(length)
  }
  t.same(wrong, [])
  const again = await open(directory)
  t.equal((await add(again.audit)).sequence, 2)
})

test('starts with nothing when the first line of all is torn', async t => {
  const directory = t.testdir({ 'audit.ndjson': '{"half' })
  const { audit, warnings } = await open(directory)
  t.equal(audit.last(), null)
  t.equal(warnings.length, 1)
  t.equal((await add(audit)).sequence, 1)
})

test('goes on in a new file behind the last good entry when the last line is not an entry', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory)
  await add(audit)
  await add(audit)
  await appendFile(join(directory, 'audit.ndjson'), '{"sequence":3,"forged":true}\n')
  const again = await open(directory)
  t.match(again.warnings, [/is kept as audit-000000000000002.ndjson/])
  const third = await add(again.audit)
  t.equal(third.sequence, 3)
  const entries = await again.audit.query({ limit: 10 })
  t.same(
    entries.map(({ sequence }) => sequence),
    [3, 2, 1]
  )
  t.equal(third.previous, entries[1]?.sha256)
})

test('moves aside what stands in its place when that is no log', async t => {
  const garbage = t.testdir({
    garbage: { 'audit.ndjson': 'garbage\n' },
    folder: { 'audit.ndjson': {} }
  })
  for (const name of ['garbage', 'folder']) {
    const directory = join(garbage, name)
    const { audit, warnings } = await open(directory)
    t.match(warnings, [/unreadable/], name)
    t.equal((await add(audit)).sequence, 1)
  }
})

test('takes the last entry back when a change did not come about', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory, { rotateAt: 900 })
  const first = await add(audit)
  await add(audit)
  await audit.withdraw()
  t.same(audit.last(), first)
  t.equal((await add(audit)).sequence, 2)
  const again = await open(directory, { rotateAt: 900 })
  await again.audit.withdraw()
  t.same(again.audit.last(), first)
  t.same((await open(directory)).audit.last(), first)
})

test('goes on when a line could not be written, without a trace of it', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory)
  await add(audit)
  await rm(join(directory, 'audit.ndjson'))
  await mkdir(join(directory, 'audit.ndjson'))
  await t.rejects(add(audit), { code: 'EISDIR' })
  await t.rejects(add(audit))
  await rm(join(directory, 'audit.ndjson'), { recursive: true })
  t.equal((await add(audit)).sequence, 2)
})

test('leaves an entry out when it is still being written', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory)
  await add(audit)
  const other = await open(directory)
  await add(other.audit)
  t.same(
    (await audit.query({ limit: 10 })).map(({ sequence }) => sequence),
    [1]
  )
  t.same(
    (await audit.query({ limit: 10, afterSequence: 0 })).map(({ sequence }) => sequence),
    [1]
  )
})

test('finds entries behind a clock that was set back when it looks for those since a time', async t => {
  const { audit } = await open(t.testdir())
  for (const hour of [10, 12, 11, 13]) await add(audit, { at: `2026-01-01T${hour}:00:00.000Z` })
  const found = await audit.query({ since: '2026-01-01T11:30:00.000Z', limit: 10 })
  t.same(
    found.map(({ sequence }) => sequence),
    [4, 2]
  )
})

test('reads a small part of a large log when little is asked', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory)
  for (let i = 0; i < 20; i++) await add(audit, { reason: 'x'.repeat(100_000) })
  const file = join(directory, 'audit.ndjson')
  const { size } = await stat(file)
  await truncateMiddle(file, size)
  const found = await audit.query({ limit: 2 })
  t.same(
    found.map(({ sequence }) => sequence),
    [20, 19]
  )
})

test('keeps numbers, texts and lone surrogates as they are read back when it chains', async t => {
  const directory = t.testdir()
  const { audit } = await open(directory)
  const evidence = {
    infinite: Number.POSITIVE_INFINITY,
    text: 'ä\n"\u2028\ud800',
    zero: -0,
    not: undefined
  }
  const entry = await add(audit, { evidence })
  const [read] = await (await open(directory)).audit.query({ limit: 1 })
  t.strictSame(read, entry)
  t.strictSame(read?.evidence, { infinite: null, text: 'ä\n"\u2028\ud800', zero: 0 })
})

/** Everything but the last megabyte becomes a hole: reading it would find no entries. */
async function truncateMiddle(path: string, size: number): Promise<void> {
  const tail = (await readFile(path)).subarray(size - 1_000_000)
  await truncate(path, 0)
  await truncate(path, size - tail.length)
  await appendFile(path, tail)
}

async function open(directory: string, options: { rotateAt?: number; keep?: number } = {}) {
  return openAuditFile({ directory, rotateAt: 1e9, keep: 1000, stamp: () => 7, ...options })
}

let moment = 0

async function add(audit: AuditFile, fields: Partial<AuditEntry> = {}): Promise<AuditEntry> {
  const entry = audit.next({
    type: 'weights',
    route: 'fraud',
    variant: null,
    by: 'ops',
    at: new Date(Date.UTC(2026, 0, 1) + moment++).toISOString(),
    reason: 'because',
    requestId: 'r',
    before: null,
    after: null,
    evidence: null,
    revision: '1-1',
    ...fields
  })
  await audit.append(entry)
  return entry
}
