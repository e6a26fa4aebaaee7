import { execFile } from 'node:child_process'
import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { createFileEvents } from '../../src/io/file-events.ts'
import type { EventCounts, EventSink } from '../../src/ports.ts'
import { silentLog, systemClock } from '../helpers/state-process.ts'
import { until } from '../helpers/until.ts'

const base = { clock: systemClock, log: silentLog }
const NONE = { buffer_full: 0, too_large: 0, not_json: 0, not_flushed: 0 }

test('writes one CloudEvents envelope a line when events are published', async t => {
  const directory = join(t.testdir(), 'events')
  const sink = await createFileEvents({ ...base, directory })
  sink.publish({ type: 'io.sluice.decision.v1', key: 'fraud', data: { text: 'line\nbreak' } })
  sink.publish({ type: 'io.sluice.decision.v1', key: '', data: undefined })
  await sink.close(1_000)
  const events = await linesOf(directory, 'events.ndjson')
  t.match(events, [
    {
      specversion: '1.0',
      id: /^[0-9a-f-]{36}$/,
      source: 'sluice',
      type: 'io.sluice.decision.v1',
      time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
      datacontenttype: 'application/json',
      partitionkey: 'fraud',
      data: { text: 'line\nbreak' }
    },
    { data: null }
  ])
  t.equal(events.length, 2)
  t.notOk('partitionkey' in (events[1] ?? {}))
  t.not(events[0]?.['id'], events[1]?.['id'])
  t.same(decisions(sink).dropped, NONE)
  t.equal((await stat(join(directory, 'events.ndjson'))).mode & 0o777, 0o600)
})

test('keeps the order and loses nothing when 20,000 events come at once', async t => {
  const directory = t.testdir()
  const sink = await createFileEvents({ ...base, directory })
  for (let i = 0; i < 20_000; i++) sink.publish({ type: 't', key: 'k', data: i })
  await sink.close(30_000)
  const events = await linesOf(directory, 'events.ndjson')
  t.equal(events.length, 20_000)
  t.ok(events.every((event, i) => event['data'] === i))
  t.same(decisions(sink).dropped, NONE)
})

test('rotates at a size and deletes the oldest when there are more files than it keeps', async t => {
  const directory = t.testdir()
  const sink = await createFileEvents({ ...base, directory, rotateAt: 3_000, files: 3 })
  for (let i = 0; i < 100; i++) {
    sink.publish({ type: 't', key: 'k', data: i })
    if (i % 5 < 4) continue
    // What waits together is written together, and one write is never cut between two files.
    await settled(async () => (await newest(join(directory, 'events.ndjson'))) === i)
  }
  await sink.close(5_000)
  t.same((await readdir(directory)).sort(), ['events.ndjson', 'events.ndjson.1', 'events.ndjson.2'])
  const kept: unknown[] = []
  for (const name of ['events.ndjson.2', 'events.ndjson.1', 'events.ndjson']) {
    kept.push(...(await linesOf(directory, name)).map(event => event['data']))
  }
  t.equal(kept.at(-1), 99)
  t.same(
    kept,
    Array.from({ length: kept.length }, (_, i) => 100 - kept.length + i)
  )
})

test('appends behind the last whole line when a crash left a torn one', async t => {
  const directory = t.testdir({ 'events.ndjson': '{"data":1}\n{"da' })
  const sink = await createFileEvents({ ...base, directory })
  sink.publish({ type: 't', key: 'k', data: 2 })
  await sink.close(1_000)
  t.match(await linesOf(directory, 'events.ndjson'), [{ data: 1 }, { data: 2 }])
})

test('counts what it cannot take and never throws when events are no JSON or too large', async t => {
  const directory = t.testdir()
  const sink = await createFileEvents({ ...base, directory })
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  sink.publish({ type: 't', key: 'k', data: cyclic })
  sink.publish({ type: 't', key: 'k', data: 1n })
  sink.publish({ type: 't', key: 'k', data: 'x'.repeat(8 * 1024 * 1024) })
  sink.publish({ type: 't', key: 'k', data: 'fits' })
  await sink.close(1_000)
  sink.publish({ type: 't', key: 'k', data: 'late' })
  t.same(decisions(sink), {
    topic: 'decisions',
    published: 1,
    dropped: { buffer_full: 0, too_large: 1, not_json: 2, not_flushed: 1 }
  })
  t.match(await linesOf(directory, 'events.ndjson'), [{ data: 'fits' }])
})

test('drops the oldest and counts them when nothing can be written, and goes on when it can', async t => {
  const directory = t.testdir()
  const path = join(directory, 'events.ndjson')
  const sink = await createFileEvents({
    ...base,
    directory,
    rotateAt: 100,
    files: 2,
    buffer: 10_000
  })
  sink.publish({ type: 't', key: 'k', data: 'first' })
  await settled(async () => (await stat(path)).size > 0)
  await mkdir(`${path}.1`)
  await writeFile(join(`${path}.1`, 'full'), 'x')
  for (let i = 0; i < 1_000; i++) sink.publish({ type: 't', key: 'k', data: i })
  t.ok((decisions(sink).dropped['buffer_full'] ?? 0) > 900)
  await until('the fault', () => sink.faults().length === 1)
  t.match(sink.faults(), [
    /^events cannot be written, they wait in memory, .*: ".*events\.ndjson(\.1)?": .*\(\w+\)/
  ])
  await rm(`${path}.1`, { recursive: true })
  await settled(async () => (await newest(path)) === 999)
  t.same({ ...decisions(sink).dropped, buffer_full: 0 }, NONE)
  t.same(sink.faults(), [])
  await sink.close(1_000)
})

test('counts what is left when it has to close before it could write', async t => {
  const directory = t.testdir()
  const path = join(directory, 'events.ndjson')
  const sink = await createFileEvents({ ...base, directory, rotateAt: 100, files: 2 })
  sink.publish({ type: 't', key: 'k', data: 'first' })
  await settled(async () => (await stat(path)).size > 0)
  await mkdir(`${path}.1`)
  await writeFile(join(`${path}.1`, 'full'), 'x')
  for (let i = 0; i < 5; i++) sink.publish({ type: 't', key: 'k', data: i })
  await sink.close(1_000)
  t.equal(decisions(sink).dropped['not_flushed'], 5)
})

test('writes where its file should be when somebody moves, removes, replaces or empties it', async t => {
  const directory = t.testdir()
  const path = join(directory, 'events.ndjson')
  const sink = await createFileEvents({ ...base, directory, rotateAt: 1_000, files: 2 })
  let last = -1
  const write = async (): Promise<void> => {
    sink.publish({ type: 't', key: 'k', data: ++last })
    await until('it is written', () => decisions(sink).published === last + 1)
  }
  const kept = async (name: string) => (await linesOf(directory, name)).map(({ data }) => data)

  await write()
  await rename(path, `${path}.moved`)
  await write()
  t.same(await kept('events.ndjson.moved'), [0])
  t.same(await kept('events.ndjson'), [1])

  await rm(path)
  await write()
  t.same(await kept('events.ndjson'), [2])

  await writeFile(`${path}.new`, '{"data":"theirs"}\n{"torn')
  await rename(`${path}.new`, path)
  await write()
  t.same(await kept('events.ndjson'), ['theirs', 3])

  await truncate(path)
  for (let i = 0; i < 4; i++) await write()
  t.same(await kept('events.ndjson'), [4, 5, 6, 7], 'not rotated: it is as large as it is')
  t.notOk((await readdir(directory)).includes('events.ndjson.1'))
  await sink.close(1_000)
  t.same(decisions(sink).dropped, NONE)
})

test('says so and loses nothing while something else has the name of its file', async t => {
  const directory = t.testdir()
  const path = join(directory, 'events.ndjson')
  const sink = await createFileEvents({ ...base, directory })
  let published = 0
  for (const put of [() => mkdir(path), () => symlink('/dev/null', path), () => makeFifo(path)]) {
    await rm(path)
    await put()
    sink.publish({ type: 't', key: 'k', data: published })
    await until('the fault', () => sink.faults().length === 1)
    t.match(sink.faults(), [
      /^events cannot be written, they wait in memory, .*\((EISDIR|ELOOP|EEXIST)\)/
    ])
    t.equal(decisions(sink).published, published)
    await rm(path, { recursive: true })
    published++
    await until('it is written', () => decisions(sink).published === published)
    t.same(sink.faults(), [])
    t.match(await linesOf(directory, 'events.ndjson'), [{ data: published - 1 }])
  }
  await sink.close(1_000)
  t.same(decisions(sink).dropped, NONE)
  await rm(path)
  await makeFifo(path)
  await t.rejects(createFileEvents({ ...base, directory }), { code: 'SLC_EVENTS_DIRECTORY' })
})

test('refuses to start when the directory cannot be written to', async t => {
  const directory = t.testdir({ file: 'x', link: t.fixture('symlink', 'file') })
  const refused = { code: 'SLC_EVENTS_DIRECTORY' }
  await t.rejects(createFileEvents({ ...base, directory: join(directory, 'file') }), refused)
  await t.rejects(createFileEvents({ ...base, directory: join(directory, 'file/below') }), refused)
  await mkdir(join(directory, 'events.ndjson'))
  await t.rejects(createFileEvents({ ...base, directory }), refused)
})

test('counts the pairs of shadows apart from decisions when both are published', async t => {
  const directory = t.testdir()
  const sink = await createFileEvents({ ...base, directory })
  t.same(sink.counts(), [
    { topic: 'decisions', published: 0, dropped: NONE },
    { topic: 'shadow', published: 0, dropped: NONE }
  ])
  sink.publish({ type: 'io.sluice.decision.v1', key: 'fraud', data: 1 })
  sink.publish({ type: 'io.sluice.shadow.pair.v1', key: 'u', data: 2 })
  sink.publish({ type: 'io.sluice.shadow.pair.v1', key: 'u', data: 3 })
  await sink.close(1_000)
  t.match(sink.counts(), [{ published: 1 }, { published: 2 }])
  const events = await linesOf(directory, 'events.ndjson')
  t.same(
    events.map(event => event['data']),
    [1, 2, 3]
  )
})

async function makeFifo(path: string): Promise<void> {
  await promisify(execFile)('mkfifo', [path])
}

function decisions(sink: EventSink): EventCounts {
  const counts = sink.counts().find(each => each.topic === 'decisions')
  if (counts === undefined) throw new Error('a sink without the topic decisions')
  return counts
}

async function linesOf(
  directory: string,
  name: string
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await readFile(join(directory, name), 'utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line))
}

async function newest(path: string): Promise<unknown> {
  return JSON.parse((await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? '').data
}

function settled(condition: () => Promise<boolean>): Promise<boolean> {
  return until('the file is as it should be', condition)
}
