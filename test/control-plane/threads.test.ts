import { connect, createServer } from 'node:net'
import { type Test, test } from 'tap'
import { createRegions } from '../../src/control-plane/regions.ts'
import { createShadowCounts } from '../../src/control-plane/shadow-counts.ts'
import { createThreads } from '../../src/control-plane/threads.ts'
import { SHADOW_AT } from '../../src/domain/shadow.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { until } from '../helpers/until.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

function snapshot(sequence: number): Snapshot {
  return { sequence, trustedProxies: [], pseudonym: 'test', accessLog: null, routes: [] }
}

function twoThreads(t: Test, port = 0) {
  const regions = createRegions(2)
  const shadowCounts = createShadowCounts(2)
  const threads = createThreads({
    entry: new URL('../helpers/tiny-thread.ts', import.meta.url),
    count: 2,
    regions,
    shadowCounts,
    road: () => null,
    log,
    settings: () => ({
      epochMs: 0,
      listen: { host: '127.0.0.1', port, reusePort: true },
      tls: null,
      maxConnections: 100,
      forbiddenPorts: []
    })
  })
  t.teardown(() => threads.stop())
  return { regions, shadowCounts, threads }
}

/** Sends a text on a new connection; resolves with the index of the thread that had it. */
function say(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', bytes => {
      answer += bytes.toString()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

test('shares one port among all threads when the port is left to the system', async t => {
  const { threads } = twoThreads(t)
  const { port } = await threads.start(snapshot(1))
  t.ok(port > 0)
  t.equal(threads.accepting(), 2)
  const seen = new Set<string>()
  await until('both threads to have had a connection', async () => {
    seen.add(await say(port, 'hello'))
    return seen.size === 2 || undefined
  })
})

test('tells how many threads work on a snapshot when it is posted', async t => {
  const { threads } = twoThreads(t)
  await threads.start(snapshot(1))
  threads.post(snapshot(2))
  t.strictSame(await threads.applied(2, 5_000), { threads: 2, of: 2 })
  t.strictSame(await threads.applied(3, 20), { threads: 0, of: 2 })
})

test('starts another thread with the same counters when one dies', async t => {
  const { threads, regions } = twoThreads(t)
  regions.indexOf('demo', 'stable', 0)
  const { port } = await threads.start(snapshot(1))
  await until(
    'both threads to count the snapshot',
    () => regions.of('demo', 'stable', 0).every(({ words }) => words[0] === 1) || undefined
  )
  await say(port, 'die').catch(() => '')
  await until(
    'a new thread to count on in the region of the dead one',
    () => regions.of('demo', 'stable', 0).some(({ words }) => words[0] === 2) || undefined
  )
  await until('two threads to accept', () => threads.accepting() === 2 || undefined)
})

test('counts as lost what a thread had not sent when it died', async t => {
  const { threads, shadowCounts } = twoThreads(t)
  const slot = shadowCounts.slotOf('fraud', 'try') ?? 0
  const { port } = await threads.start(snapshot(1))
  for (const thread of [0, 1]) {
    const words = new Uint32Array(shadowCounts.ofThread(thread))
    words[slot * SHADOW_AT.size + SHADOW_AT.considered] = 3
    words[slot * SHADOW_AT.size + SHADOW_AT.sent] = 2
  }
  await say(port, 'die').catch(() => '')
  await until('the death to be known', () => shadowCounts.read(slot).dropped['lost'] === 1)
  await until('another thread', () => threads.accepting() === 2)
  t.match(shadowCounts.read(slot), { considered: 6, dropped: { lost: 1 } })
})

test('gives a thread each region of counters once when snapshots follow each other', async t => {
  const { threads, regions } = twoThreads(t)
  regions.indexOf('demo', 'stable', 0)
  await threads.start(snapshot(1))
  threads.post(snapshot(2))
  regions.indexOf('demo', 'canary', 0)
  threads.post(snapshot(3))
  t.strictSame(await threads.applied(3, 5_000), { threads: 2, of: 2 })
  for (const variant of ['stable', 'canary']) {
    const given = regions.of('demo', variant, 0).map(({ words }) => words[0])
    t.strictSame(given, [1, 1], variant)
  }
})

test('refuses to start when the port is in use', async t => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const at = other.address()
  const port = typeof at === 'object' && at ? at.port : 0
  const { threads } = twoThreads(t, port)
  await t.rejects(threads.start(snapshot(1)), { code: 'SLC_PORT_IN_USE' })
})
