/**
 * The clocks of requests, on a lane in this process whose time the test moves: what waits for a minute in real
 * life waits for no time at all here.
 */
import t, { test } from 'tap'
import { AccessLog } from '../../src/data-plane/access-log.ts'
import { BODY_RATE, STALL_LIMIT_MS, sweep } from '../../src/data-plane/clocks.ts'
import type { Exchange } from '../../src/data-plane/exchange.ts'
import type { Lane } from '../../src/data-plane/lane.ts'
import { makeListener } from '../../src/data-plane/listener.ts'
import { LiveRoutes } from '../../src/data-plane/live-routes.ts'
import { Taps } from '../../src/data-plane/tap.ts'
import { ByteBudget } from '../../src/domain/byte-budget.ts'
import { AT, OUTCOMES, type Outcome, regionBytes, requestCell } from '../../src/domain/counts.ts'
import { SHADOW_REGION_BYTES } from '../../src/domain/shadow.ts'
import { THREAD_REGION_BYTES, threadRegionOver } from '../../src/domain/thread-region.ts'
import { forbidden } from '../../src/upstream-connection/forbidden.ts'
import { Pools } from '../../src/upstream-connection/pools.ts'
import { readAnswers } from '../helpers/answers.ts'
import { stableRoute } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { snapshotOf } from '../helpers/route-snapshot.ts'
import { until } from '../helpers/until.ts'

const HEAD = '/v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n'
const timeouts = { connect: 1000, firstByte: 600_000, idle: 30_000, streamIdle: 300_000 }

const recorder = await startRecorder({ behaviour: {} })
const header = new SharedArrayBuffer(THREAD_REGION_BYTES)
let skew = 0
const lane: Lane = {
  settings: {
    index: 0,
    epochMs: 0,
    listen: { host: '127.0.0.1', port: 0, reusePort: false },
    tls: null,
    maxConnections: 100,
    threads: 1,
    header,
    shadowCounters: new SharedArrayBuffer(SHADOW_REGION_BYTES),
    forbiddenPorts: []
  },
  region: threadRegionOver(header),
  now: () => performance.now() + skew,
  exchanges: new Set<Exchange>(),
  accessLog: new AccessLog(),
  bodies: new ByteBudget(1 << 20),
  reading: new Set(),
  taps: new Taps(new Uint32Array(SHADOW_REGION_BYTES / 4)),
  log: () => {},
  table: null,
  draining: false
}
const pools = new Pools(forbidden([]))
const routes = new LiveRoutes(pools, 1, 0)
const counters = new SharedArrayBuffer(regionBytes(0))
lane.table = routes.build(snapshotOf([stableRoute(recorder.port, { timeouts })]), [counters])
const { server } = await makeListener(lane)
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0
t.teardown(() => {
  server.closeAllConnections()
  server.close()
  pools.destroy()
  return recorder.close()
})

test('resets a client that takes nothing for a minute, and lets the upstream go', async t => {
  const body = Buffer.alloc(32 * 2 ** 20, 'x')
  recorder.behave({
    onRequest: (_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
    }
  })
  const gone = count('client_gone')
  const client = await rawClient(port)
  client.pause()
  client.send(`GET ${HEAD}\r\n`)
  const exchange = await held(ex => ex.stallMark >= 0)
  pass(STALL_LIMIT_MS - 1000)
  t.equal(exchange.over, false, 'not a moment before')
  await quiet()
  pass(STALL_LIMIT_MS + 1000)
  await until('the upstream to be let go', () => recorder.open() === 0)
  await until('the outcome', () => count('client_gone') === gone + 1)
  client.resume()
  await client.until(() => client.end() !== 'open')
  t.equal(client.end(), 'reset')
  t.equal(inFlight(), 0)
})

test('goes on with a client that is slow but takes something', async t => {
  const body = Buffer.alloc(32 * 2 ** 20, 'y')
  recorder.behave({
    onRequest: (_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
    }
  })
  const client = await rawClient(port)
  client.pause()
  client.send(`GET ${HEAD}\r\n`)
  await held(ex => ex.stallMark >= 0)
  for (let i = 0; i < 3; i++) {
    const before = client.socket.bytesRead
    client.resume()
    await client.until(() => client.socket.bytesRead > before + 4 * 2 ** 20)
    client.pause()
    await quiet()
    pass(STALL_LIMIT_MS - 5000)
  }
  client.resume()
  await client.until(() => client.socket.bytesRead > body.length)
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.complete, true)
  client.close()
})

test('answers 504 when an upstream takes nothing of a body for a minute', async t => {
  recorder.behave({ onHead: (_, socket) => void socket.pause() })
  const timeouts = count('timeout')
  const client = await rawClient(port)
  client.send(`POST ${HEAD}Content-Length: ${30 * 2 ** 20}\r\n\r\n`)
  client.send(Buffer.alloc(20 * 2 ** 20, 'z'))
  const exchange = await held(ex => ex.upload?.held === true)
  await quiet()
  sweep(lane)
  pass(STALL_LIMIT_MS - 1000)
  t.equal(
    exchange.settled,
    false,
    'the client is not blamed for its rate, nor the upstream too early'
  )
  pass(2000)
  t.equal(count('timeout'), timeouts + 1)
  await client.until(() => client.bytes().includes('\r\n\r\n'))
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 504)
  client.close()
})

test('refuses a body that is slower than the least rate, and not one that is faster', async t => {
  recorder.behave({})
  for (const [perStep, cut] of [
    [BODY_RATE.bytesPerSecond * 6, false],
    [BODY_RATE.bytesPerSecond * 4, true]
  ] as const) {
    const client = await rawClient(port)
    client.send(`POST ${HEAD}Content-Length: 1000000\r\n\r\n`)
    const exchange = await held(ex => ex.upload !== null)
    for (let step = 0; step < 8 && !exchange.over && !exchange.res.headersSent; step++) {
      const from = client.socket.bytesWritten
      client.send(Buffer.alloc(perStep, 'x'))
      await until(
        'the bytes to arrive',
        () => exchange.upload !== null && exchange.upload.bytes >= (step + 1) * perStep
      )
      t.ok(client.socket.bytesWritten > from)
      pass(5000)
    }
    t.equal(exchange.res.headersSent, cut, `${perStep} bytes in 5 s`)
    if (cut) t.equal(exchange.status, 408)
    client.close()
    await until('the exchange to be over', () => !lane.exchanges.has(exchange))
  }
  t.equal(inFlight(), 0)
})

test('takes a body that comes in bursts when each ten seconds have enough of it', async t => {
  recorder.behave({})
  const client = await rawClient(port)
  client.send(`POST ${HEAD}Content-Length: 1000000\r\n\r\n`)
  const exchange = await held(ex => ex.upload !== null)
  for (let burst = 1; burst <= 6; burst++) {
    client.send(Buffer.alloc(10_000, 'x'))
    await until('the bytes to arrive', () => exchange.upload?.bytes === burst * 10_000)
    for (let sweeps = 0; sweeps < 24; sweeps++) pass(250) // six seconds of nothing
    t.equal(exchange.res.headersSent, false, `after burst ${burst}`)
  }
  client.close()
  await until('the exchange to be over', () => !lane.exchanges.has(exchange))
})

test('refuses a body that waits for its unit when it is slower than the least rate', async t => {
  const before = lane.table
  const route = stableRoute(recorder.port, {
    timeouts,
    protocol: 'json',
    hashOn: [{ json: '/user' }]
  })
  lane.table = routes.build(snapshotOf([route]), [])
  t.teardown(() => {
    lane.table = before
  })
  const client = await rawClient(port)
  client.send(`POST ${HEAD}Content-Length: 1000000\r\n\r\n{"a":`)
  const exchange = await held(ex => ex.held !== null && ex.held.bytes > 0)
  t.ok(lane.bodies.held > 0)
  pass(BODY_RATE.afterMs - 1000)
  t.equal(exchange.over, false, 'not a moment before')
  pass(BODY_RATE.afterMs + 1000)
  await client.until(() => client.bytes().includes('\r\n\r\n'))
  t.equal(exchange.status, 408)
  client.send('1,'.repeat(1000))
  client.close()
  await until('its room to be given back', () => lane.bodies.held === 0)
})

test('ends an answer after the idle time of its kind', async t => {
  for (const [type, limit] of [
    ['application/json', timeouts.idle],
    ['text/event-stream', timeouts.streamIdle]
  ] as const) {
    recorder.behave({
      onRequest: (_, socket) =>
        void socket.write(
          `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: 9\r\n\r\nabc`
        )
    })
    const client = await rawClient(port)
    client.send(`GET ${HEAD}\r\n`)
    await client.until(() => client.bytes().includes('abc'))
    const exchange = await held(ex => ex.firstAt > 0)
    pass(limit - 1000)
    t.equal(exchange.settled, false, type)
    pass(2000)
    t.equal(exchange.outcome, 'timeout', type)
    await client.until(() => client.end() !== 'open')
    t.equal(client.end(), 'reset')
  }
})

/** Moves the time, in steps in which something could still happen, and sweeps. */
function pass(ms: number): void {
  skew += ms
  sweep(lane)
}

/** Waits until the sockets have done what they can: nothing more moves in the kernel. */
async function quiet(): Promise<void> {
  let last = -1
  await until(
    'the sockets to stand still',
    () => {
      sweep(lane)
      const sum = [...lane.exchanges].reduce(
        (bytes, ex) => bytes + ex.client.socket.bytesRead + ex.bytesOut + Math.max(0, ex.stallMark),
        0
      )
      const still = sum === last
      last = sum
      return still
    },
    { every: 200 }
  )
}

function held(condition: (exchange: Exchange) => boolean): Promise<Exchange> {
  return until('the exchange', () => [...lane.exchanges].find(condition))
}

function variantWords(): Uint32Array {
  const words = lane.table?.byName.get('demo')?.variants[0]?.counters.words
  if (words === undefined) throw new Error('no table')
  return words
}

function inFlight(): number {
  return variantWords()[AT.inFlight] ?? 0
}

function count(outcome: Outcome): number {
  let sum = 0
  for (let code = 0; code < 6; code++) {
    sum += variantWords()[requestCell(0, 0, OUTCOMES.indexOf(outcome), code)] ?? 0
  }
  return sum
}
