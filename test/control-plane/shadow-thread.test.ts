/** The life of the shadow thread: what it keeps when it dies, and how it ends. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { NO_BACKGROUND } from '../../src/control-plane/background.ts'
import { createShadowCounts } from '../../src/control-plane/shadow-counts.ts'
import { createShadowThread } from '../../src/control-plane/shadow-thread.ts'
import { SHADOW_AT, SHADOW_DROPS } from '../../src/domain/shadow.ts'
import { DECISION } from '../../src/io/event-schema.ts'
import type { EventsSettings } from '../../src/shadow/thread.ts'
import { silentLog } from '../helpers/state-process.ts'
import { until } from '../helpers/until.ts'

function world(t: Test, directory = join(t.testdir(), 'events')) {
  const counts = createShadowCounts(1)
  const thread = createShadowThread<EventsSettings>({
    entry: new URL('../helpers/dying-shadow.ts', import.meta.url),
    start: () => ({
      events: { driver: 'file', directory, kafka: null },
      unitKey: Buffer.from('key')
    }),
    ownPorts: () => [],
    counts,
    background: NO_BACKGROUND,
    log: silentLog
  })
  t.teardown(() => thread.close(500))
  const roads = { opened: 0, closed: 0 }
  thread.attach({
    open: () => {
      roads.opened++
    },
    close: async () => {
      roads.closed++
    }
  })
  const lines = async () =>
    (await readFile(join(directory, 'events.ndjson'), 'utf8')).split('\n').filter(Boolean)
  const publish = (key: string, type = DECISION) => thread.publish({ type, key, data: {} })
  return { thread, counts, roads, lines, publish }
}

test('publishes what it is given, and what waits when it is closed', async t => {
  const { thread, publish, lines } = world(t)
  await thread.start()
  publish('a')
  await until('the event to be counted', () => thread.events()[0]?.published === 1)
  publish('b')
  await thread.close(2_000)
  t.match(await lines(), [/"partitionkey":"a"/, /"partitionkey":"b"/])
})

test('is replaced when it dies: copies stop, what was open is lost, events and counts are kept', async t => {
  const { thread, counts, roads, publish, lines } = world(t)
  await thread.start()
  t.equal(roads.opened, 1)
  publish('before')
  await until('the event to be counted', () => thread.events()[0]?.published === 1)
  const slot = counts.slotOf('fraud', 'try') ?? 0
  const words = new Uint32Array(counts.ofThread(0))
  const base = slot * SHADOW_AT.size
  words[base + SHADOW_AT.considered] = 5
  words[base + SHADOW_AT.drops + SHADOW_DROPS.indexOf('size')] = 2
  publish('', 'die')
  await until('the death to be known', () => roads.closed === 1)
  t.match(thread.faults(), [/being started again/])
  t.equal(thread.road(0), null)
  publish('meantime')
  await until('another thread', () => roads.opened === 2)
  t.match(counts.read(slot), { considered: 5, dropped: { size: 2, lost: 3 } })
  await until('both events', () => thread.events()[0]?.published === 2)
  t.match(await lines(), [/"before"/, /"meantime"/])
  t.ok(thread.road(0) !== null)
  t.strictSame(thread.faults(), [])
})

test('says that a slot has no pairs, and nothing when it is not there', async t => {
  const { thread } = world(t)
  t.equal(await thread.report(0), null)
  await thread.start()
  t.match(await thread.report(0), { pairs: 0, compared: 0, fields: [] })
})

test('cannot start when its events have nowhere to go', async t => {
  const directory = join(t.testdir({ taken: 'a file' }), 'taken')
  const { thread } = world(t, directory)
  await t.rejects(thread.start(), { code: 'SLC_EVENTS_DIRECTORY' })
})
