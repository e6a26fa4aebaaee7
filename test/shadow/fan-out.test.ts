/** Every copy ends once and gives back all that it took, however its answers come. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'tap'
import { OUTCOMES } from '../../src/domain/counts.ts'
import {
  SHADOW_AT,
  SHADOW_DROPS,
  SHADOW_REGION_BYTES,
  type ShadowSettings
} from '../../src/domain/shadow.ts'
import {
  type AnswerCopy,
  CREDIT,
  NO_ANSWER,
  type RequestCopy
} from '../../src/domain/shadow-copy.ts'
import type { ShadowTarget, ShadowUpstream } from '../../src/domain/shadow-messages.ts'
import { countingIn } from '../../src/shadow/counting.ts'
import { createFanOut, type Pairing } from '../../src/shadow/fan-out.ts'
import { forbidden } from '../../src/upstream-connection/forbidden.ts'
import { Pools } from '../../src/upstream-connection/pools.ts'
import { type Answer, startAnswering } from '../helpers/answering.ts'
import { addressSnapshot } from '../helpers/route-snapshot.ts'
import { seeded } from '../helpers/seeded.ts'
import { until } from '../helpers/until.ts'

const settings: ShadowSettings = {
  name: 'try',
  variant: 'v4',
  percent: 100,
  sample: 'unit',
  timeout: 1_000, // far beyond what an answer takes on a busy machine
  concurrency: 20,
  maxBody: 1000,
  methods: ['POST'],
  keepHeaders: [],
  rewriteModel: null,
  compare: true,
  ignore: [],
  tolerance: { relative: 0.01 },
  noise: 30,
  capture: false,
  redact: [],
  whileLive: false
}

function upstreamAt(url: string, variant: string): ShadowUpstream {
  const { hostname, port, origin } = new URL(url)
  const address = addressSnapshot(0, { url: origin, hostname, ip: hostname, port: Number(port) })
  return {
    variant,
    model: {},
    addresses: [address],
    balance: 'least-in-flight',
    tls: null,
    keepAliveMs: 1500,
    rewrite: null
  }
}

function request(id: number, slots: readonly number[]): RequestCopy {
  return {
    kind: 'request',
    id,
    slots,
    route: 'fraud',
    revision: '1-1',
    requestId: `request-${id}`,
    unit: `user-${id}`,
    unitHash: id,
    method: 'POST',
    target: `/predict?${id}`,
    path: '/predict',
    fields: ['x-own', '1'],
    body: Buffer.from('{}'),
    arrivedAt: 0
  }
}

function answer(id: number, credit: number): AnswerCopy {
  return {
    ...NO_ANSWER,
    kind: 'answer',
    id,
    variant: 'v3',
    outcome: 'ok',
    status: 200,
    bad: [],
    credit
  }
}

/** A target that compares with no noise. */
function only(url: string, changes: Partial<ShadowSettings> = {}): ShadowTarget {
  return {
    slot: 0,
    route: 'fraud',
    settings: { ...settings, noise: 0, ...changes },
    protocol: 'json',
    predictions: [],
    connectMs: 1_000,
    shadow: upstreamAt(url, 'v4'),
    champion: upstreamAt(url, 'v3')
  }
}

test('ends every copy once and gives back its credit when shadows answer, hang, reset and refuse', async t => {
  const random = seeded(1)
  const kinds: readonly Answer[] = [
    { body: 'x'.repeat(100) },
    { body: 'x'.repeat(5000) },
    { hang: true },
    { reset: true },
    { status: 500 },
    { delayMs: 50 }
  ]
  const shadow = await startAnswering(t, () => kinds[Math.floor(random() * kinds.length)] ?? {})
  const champion = await startAnswering(t, () => ({}))
  const region = new SharedArrayBuffer(SHADOW_REGION_BYTES)
  const words = new Uint32Array(region)
  const pairs: Pairing[] = []
  const counting = countingIn(region)
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const fanOut = createFanOut({
    pools,
    counting,
    paired: (pairing, done) => {
      pairs.push(pairing)
      counting.ended(pairing.target.slot, pairing.shadow.outcome)
      setTimeout(done, random() * 20)
    }
  })
  const target = (slot: number, url: string): ShadowTarget => ({
    slot,
    route: 'fraud',
    settings: { ...settings, name: `try-${slot}` },
    protocol: 'json',
    predictions: [],
    connectMs: 1_000,
    shadow: upstreamAt(url, 'v4'),
    champion: upstreamAt(champion.url, 'v3')
  })
  fanOut.setTargets([target(0, shadow.url), target(1, 'http://127.0.0.1:9')])
  const credit = new Uint32Array(CREDIT.size)
  const road = fanOut.road(credit)
  const COPIES = 300
  let taken = 0
  for (let id = 1; id <= COPIES; id++) {
    const bytes = Math.floor(random() * 2000)
    taken += bytes
    const finish = () => road.take({ items: [answer(id, bytes)] })
    road.take({ items: [request(id, [0, 1, 2])] })
    if (random() < 0.5) finish()
    else setTimeout(finish, random() * 300)
    if (id % 10 === 0) await new Promise(resolve => setTimeout(resolve, 20))
  }
  await until('all credit to come back', () => credit[CREDIT.returned] === taken)
  t.equal(fanOut.held(), 0, 'nothing is held')
  const dropsOf = (slot: number) =>
    SHADOW_DROPS.reduce(
      (sum, _, i) => sum + (words[slot * SHADOW_AT.size + SHADOW_AT.drops + i] ?? 0),
      0
    )
  const outcomesOf = (slot: number) =>
    OUTCOMES.reduce(
      (sum, _, i) => sum + (words[slot * SHADOW_AT.size + SHADOW_AT.outcomes + i] ?? 0),
      0
    )
  for (const slot of [0, 1, 2]) t.equal(dropsOf(slot) + outcomesOf(slot), COPIES, `slot ${slot}`)
  t.equal(dropsOf(2), COPIES, 'a shadow that is gone gets nothing')
  t.equal(pairs.length, outcomesOf(0) + outcomesOf(1))
  t.equal(
    new Set(pairs.map(({ target: { slot }, copy }) => `${slot} ${copy.id}`)).size,
    pairs.length
  )
  t.ok(pairs.some(({ noise }) => noise !== null) && pairs.some(({ noise }) => noise === null))
  const outcomes = new Set(pairs.map(({ shadow: { outcome } }) => outcome))
  t.ok([...outcomes].every(outcome => ['connect', 'ok', 'reset', 'timeout'].includes(outcome)))
  t.ok(outcomes.has('timeout') && outcomes.size > 2, [...outcomes].join())
})

test('pairs what is open with no answer when its data thread ends', async t => {
  const shadow = await startAnswering(t, () => ({}))
  const pairs: Pairing[] = []
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const fanOut = createFanOut({
    pools,
    counting: countingIn(new SharedArrayBuffer(SHADOW_REGION_BYTES)),
    paired: (pairing, done) => {
      pairs.push(pairing)
      done()
    }
  })
  fanOut.setTargets([only(shadow.url)])
  const road = fanOut.road(new Uint32Array(CREDIT.size))
  road.take({ items: [request(1, [0])] })
  road.close()
  await until('the pair', () => pairs.length === 1)
  t.match(pairs[0]?.primary, { outcome: 'reset', status: 0 })
})

test('gives the memory of a body back when it was written, and not before', async t => {
  const body = Buffer.alloc(LARGE, 'a body. ')
  const patient = await startReadingLate(t)
  const plain = await startAnswering(t, () => ({}))
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  let done = 0
  const fanOut = createFanOut({
    pools,
    counting: countingIn(new SharedArrayBuffer(SHADOW_REGION_BYTES)),
    paired: (_pairing, release) => {
      release()
      done++
    }
  })
  const road = fanOut.road(new Uint32Array(CREDIT.size))
  const send = async (id: number, url: string): Promise<RequestCopy> => {
    const copy = { ...request(id, [0]), body: new Uint8Array(body) }
    fanOut.setTargets([only(url, { timeout: 20_000 })])
    road.take({ items: [copy, answer(id, 0)] })
    await until('the pair', () => done === id)
    return copy
  }
  const early = await send(1, patient.url)
  t.equal(early.body?.length, LARGE, 'answered before it was read')
  t.ok((await patient.read()).equals(body), 'what the shadow reads is what was sent')
  const written = await send(2, plain.url)
  t.equal(written.body?.length, 0)
  t.equal(plain.requests()[0]?.body.length, LARGE)
})

const LARGE = 16 * 1024 * 1024 // more than sockets hold

/** An upstream that answers when it has seen the head, and reads the body when it is told to. */
async function startReadingLate(t: { teardown(done: () => unknown): unknown }) {
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, socket => {
    sockets.push(socket)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    read: async (): Promise<Buffer> => {
      const pieces: Buffer[] = []
      let bytes = 0
      sockets[0]?.on('data', (piece: Buffer) => {
        pieces.push(piece)
        bytes += piece.length
      })
      sockets[0]?.resume()
      await until('the body', () => bytes > LARGE && wholeOf(pieces).length === LARGE)
      return wholeOf(pieces)
    }
  }
}

/** The body of a request that came in pieces. */
function wholeOf(pieces: readonly Buffer[]): Buffer {
  const all = Buffer.concat(pieces)
  return all.subarray(all.indexOf('\r\n\r\n') + 4)
}
