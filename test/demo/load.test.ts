/** The load is an open model and the tally counts what users saw, or the demo's figures would flatter the router. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { type Sample, seeded, startLoad } from '../../demo/load.ts'
import { isFailure, tally } from '../../demo/tally.ts'
import { until } from '../helpers/until.ts'

const SETTINGS = { path: '/', rps: 200, users: 50, seed: 1, timeoutMs: 30_000 }

t.test('requests go on leaving when nothing is ever answered', async t => {
  let arrived = 0
  const server = createServer(() => {
    arrived++
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const samples: Sample[] = []
  const load = startLoad({ ...SETTINGS, origin }, sample => samples.push(sample))
  await until('forty requests at once', () => arrived >= 40)
  t.equal(samples.length, 0, 'none was answered')
  t.ok(load.waiting(0).length >= 40)
  await load.stop(0)
  t.equal(samples.length, load.sent(), 'each has its sample in the end')
  t.ok(samples.every(sample => sample.status === 0))
})

t.test('a sample says which variant answered, and what, when an answer comes', async t => {
  const users = new Set<unknown>()
  const server = createServer((req, res) => {
    users.add(req.headers['x-user-id'])
    res.setHeader('x-sluice-variant', 'v4')
    res.end('{"data":[NaN]}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const samples: Sample[] = []
  const load = startLoad({ ...SETTINGS, origin }, sample => samples.push(sample))
  await until('some answers', () => samples.length >= 20)
  await load.stop(2_000)
  t.match(samples[0], { variant: 'v4', status: 200, nan: true })
  t.ok(users.size > 5, 'many users')
  server.closeAllConnections()
})

t.test('requests go to all routers in turn when there are several', async t => {
  const arrived = [0, 0]
  const origins = await Promise.all(
    arrived.map(async (_, i) => {
      const server = createServer((_req, res) => {
        arrived[i] = (arrived[i] ?? 0) + 1
        res.end()
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      t.teardown(() => server.closeAllConnections())
      t.teardown(() => server.close())
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    })
  )
  const load = startLoad({ ...SETTINGS, origin: origins }, () => {})
  await until('forty requests', () => load.sent() >= 40)
  await load.stop(30_000)
  const [one = 0, two = 0] = arrived
  t.equal(one + two, load.sent())
  t.ok(Math.abs(one - two) <= 1, `${one} and ${two}`)
})

t.test('the same numbers come when the seed is the same', async t => {
  const [a, b, c] = [seeded(7), seeded(7), seeded(8)]
  const first = Array.from({ length: 100 }, a)
  t.same(first, Array.from({ length: 100 }, b))
  t.notSame(first, Array.from({ length: 100 }, c))
  t.ok(first.every(x => x >= 0 && x < 1))
})

const good = { due: 0, ms: 10, user: 'a', variant: 'v4', status: 200, nan: false }

t.test('a user is hurt when an answer is an error, no number, late or missing', async t => {
  t.notOk(isFailure(good, 250))
  for (const bad of [{ status: 500 }, { status: 404 }, { status: 0 }, { nan: true }, { ms: 251 }]) {
    t.ok(isFailure({ ...good, ...bad }, 250), JSON.stringify(bad))
  }
})

t.test(
  'only failures since the onset hurt, and those who still wait, when they are counted',
  async t => {
    const counted = tally(250)
    counted.add({ ...good, status: 500 })
    counted.onset(1_000)
    counted.add({ ...good, due: 1_000 })
    counted.add({ ...good, due: 1_001, status: 500 })
    counted.add({ ...good, due: 1_002, status: 500, user: 'b' })
    counted.add({ ...good, due: 1_003, status: 500, user: 'b', variant: 'v3' })
    t.same(counted.hurt([]), { users: 2, requests: 3 })
    t.same(counted.hurt(['b', 'c', 'c']), { users: 3, requests: 6 })
    t.equal(counted.lastDue('v4'), 1_002)
    t.equal(counted.answersSince(1_001, 'v4'), 2)
    t.equal(counted.total(), 5)
  }
)

t.test('the last seconds of a variant are told apart when others answer too', async t => {
  const counted = tally(250)
  for (let i = 0; i < 100; i++) counted.add({ ...good, due: 900 + i, ms: i })
  counted.add({ ...good, due: 990, variant: 'v3', status: 500 })
  t.match(counted.last('v4', 1_100, 1_000), { rate: 100, failed: 0, p99: 98 })
  t.match(counted.last('v3', 1_100, 1_000), { rate: 1, failed: 1 })
  t.match(counted.last('v5', 1_100, 1_000), { rate: 0, failed: 0, p99: null })
})

t.test('a stretch counts what was due in it when other requests go on', async t => {
  const counted = tally(250)
  const stretch = counted.stretch(1_000)
  counted.add({ ...good, due: 990, ms: 30, status: 500 }) // was under way
  counted.add({ ...good, due: 1_000, status: 500 })
  counted.add({ ...good, due: 1_100, ms: 5_000 }) // late, and well
  stretch.end(2_000)
  counted.add({ ...good, due: 1_999, status: 0, variant: null })
  counted.add({ ...good, due: 1_999, nan: true })
  counted.add({ ...good, due: 2_001, status: 500 })
  t.equal(stretch.requests(), 4)
  t.equal(stretch.failed(), 3)
})
