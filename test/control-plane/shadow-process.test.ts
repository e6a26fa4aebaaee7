/** The life of the shadow process: what it keeps when it dies, and how it ends. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { NO_BACKGROUND } from '../../src/control-plane/background.ts'
import { createShadowCounts } from '../../src/control-plane/shadow-counts.ts'
import { createShadowProcess } from '../../src/control-plane/shadow-process.ts'
import { SHADOW_AT, SHADOW_DROPS } from '../../src/domain/shadow.ts'
import { DECISION } from '../../src/io/event-schema.ts'
import type { EventsSettings } from '../../src/shadow/process.ts'
import { silentLog } from '../helpers/state-process.ts'
import { until } from '../helpers/until.ts'

function world(
  t: Test,
  directory = join(t.testdir(), 'events'),
  entry = new URL('../helpers/dying-shadow.ts', import.meta.url)
) {
  const counts = createShadowCounts(1)
  const shadow = createShadowProcess<EventsSettings>({
    entry,
    start: () => ({
      events: { driver: 'file', directory, kafka: null },
      unitKey: Buffer.from('key')
    }),
    ownPorts: () => [],
    counts,
    background: NO_BACKGROUND,
    log: silentLog
  })
  t.teardown(() => shadow.close(500))
  const roads = { opened: 0, closed: 0 }
  shadow.attach({
    open: () => {
      roads.opened++
    },
    close: async () => {
      roads.closed++
    }
  })
  const lines = async () =>
    (await readFile(join(directory, 'events.ndjson'), 'utf8')).split('\n').filter(Boolean)
  const publish = (key: string, type = DECISION) => shadow.publish({ type, key, data: {} })
  return { shadow, counts, roads, lines, publish }
}

test('publishes what it is given, and what waits when it is closed', async t => {
  const { shadow, publish, lines } = world(t)
  await shadow.start()
  publish('a')
  await until('the event to be counted', () => shadow.events()[0]?.published === 1)
  publish('b')
  await shadow.close(2_000)
  t.match(await lines(), [/"partitionkey":"a"/, /"partitionkey":"b"/])
})

test('is replaced when it dies: copies stop, what it was sent and did not end is lost, events and counts are kept', async t => {
  const { shadow, counts, roads, publish, lines } = world(t)
  await shadow.start()
  t.equal(roads.opened, 1)
  publish('before')
  await until('the event to be counted', () => shadow.events()[0]?.published === 1)
  const slot = counts.slotOf('fraud', 'try') ?? 0
  const words = new Uint32Array(counts.ofThread(0))
  const base = slot * SHADOW_AT.size
  words[base + SHADOW_AT.considered] = 5
  words[base + SHADOW_AT.drops + SHADOW_DROPS.indexOf('size')] = 1
  words[base + SHADOW_AT.sent] = 3 // and one is not whole yet
  publish('', 'die')
  await until('the death to be known', () => roads.closed === 1)
  t.match(shadow.faults(), [/being started again/])
  t.equal(shadow.road(), null)
  publish('meantime')
  await until('another process', () => roads.opened === 2)
  t.match(counts.read(slot), { considered: 5, dropped: { size: 1, lost: 3 } })
  await until('both events', () => shadow.events()[0]?.published === 2)
  t.match(await lines(), [/"before"/, /"meantime"/])
  t.ok(shadow.road() !== null)
  t.strictSame(shadow.faults(), [])
})

test('says that a slot has no pairs, and nothing when it is not there', async t => {
  const { shadow } = world(t)
  t.equal(await shadow.report(0), null)
  await shadow.start()
  t.match(await shadow.report(0), { pairs: 0, compared: 0, fields: [] })
})

test('cannot start when its events have nowhere to go', async t => {
  const directory = join(t.testdir({ taken: 'a file' }), 'taken')
  const { shadow } = world(t, directory)
  await t.rejects(shadow.start(), { code: 'SLC_EVENTS_DIRECTORY' })
})

test('says how it ended when it cannot be started at all', async t => {
  const { shadow } = world(t, undefined, new URL('../helpers/ends-at-once.ts', import.meta.url))
  await t.rejects(shadow.start(), { code: 'SLC_SHADOW_PROCESS', message: /exit code 3/ })
  t.notOk(shadow.running())
})
