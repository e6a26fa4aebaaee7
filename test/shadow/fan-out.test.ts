/** Every copy ends once and gives back all that it took, however its answers come. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'tap'
import type { RoadBack } from '../../src/copy-road/accept-roads.ts'
import { OUTCOMES } from '../../src/domain/counts.ts'
import { SHADOW_AT, SHADOW_DROPS } from '../../src/domain/shadow.ts'
import { type AnswerCopy, BATCH_MS, type RequestCopy } from '../../src/domain/shadow-copy.ts'
import type { ShadowTarget } from '../../src/domain/shadow-messages.ts'
import { createCounting } from '../../src/shadow/counting.ts'
import { createFanOut, type Pairing } from '../../src/shadow/fan-out.ts'
import { forbidden } from '../../src/upstream-connection/forbidden.ts'
import { Pools } from '../../src/upstream-connection/pools.ts'
import { type Answer, startAnswering } from '../helpers/answering.ts'
import { answerCopy, requestCopy } from '../helpers/copies.ts'
import { freePort } from '../helpers/ports.ts'
import { seeded } from '../helpers/seeded.ts'
import { shadowTarget, upstreamAt } from '../helpers/shadow-target.ts'
import { until } from '../helpers/until.ts'

const silent: RoadBack = { credit: () => undefined, closed: () => undefined }

const giveWay = (): void => undefined

function answer(id: number, credit: number): AnswerCopy {
  return answerCopy(id, { status: 200, credit })
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
  const pairs: Pairing[] = []
  const counting = createCounting()
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const fanOut = createFanOut({
    giveWay,
    pools,
    counting,
    paired: (pairing, done) => {
      pairs.push(pairing)
      counting.ended(pairing.target.slot, pairing.shadow.outcome)
      setTimeout(done, random() * 20)
    }
  })
  const target = (slot: number, url: string): ShadowTarget => ({
    ...shadowTarget(url, { name: `try-${slot}`, noise: 30 }),
    slot,
    champion: upstreamAt(champion.url, 'v3')
  })
  fanOut.setTargets([target(0, shadow.url), target(1, 'http://127.0.0.1:9')])
  let returned = 0
  const road = fanOut.road({
    ...silent,
    credit: bytes => {
      returned += bytes
    }
  })
  const COPIES = 300
  let taken = 0
  for (let id = 1; id <= COPIES; id++) {
    const bytes = Math.floor(random() * 2000)
    taken += bytes
    const finish = () => road.take([answer(id, bytes)])
    road.take([requestCopy(id, [0, 1, 2])])
    if (random() < 0.5) finish()
    else setTimeout(finish, random() * 300)
    if (id % 10 === 0) await new Promise(resolve => setTimeout(resolve, 20))
  }
  await until('all credit to come back', () => returned === taken)
  t.equal(fanOut.held(), 0, 'nothing is held')
  const counts = new Map(counting.changed().map(({ slot, words }) => [slot, words]))
  t.same(counting.changed(), [], 'what was told is not told again')
  const countOf = (slot: number, from: number, words: number) =>
    counts
      .get(slot)
      ?.subarray(from, from + words)
      .reduce((sum, count) => sum + count, 0) ?? 0
  const dropsOf = (slot: number) => countOf(slot, SHADOW_AT.drops, SHADOW_DROPS.length)
  const outcomesOf = (slot: number) => countOf(slot, SHADOW_AT.outcomes, OUTCOMES.length)
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

test('copies nothing to an address that refuses, says so, and knocks until it is there', async t => {
  const port = await freePort()
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const outcomes: string[] = []
  const counting = createCounting()
  const fanOut = createFanOut({
    giveWay,
    pools,
    counting,
    paired: ({ shadow }, done) => {
      outcomes.push(shadow.outcome)
      done()
    }
  })
  const target = shadowTarget(`http://127.0.0.1:${port}`)
  fanOut.setTargets([target])
  let attempts = 0
  const onAttempt = (): void => void attempts++
  subscribe('undici:client:connectError', onAttempt)
  t.teardown(() => unsubscribe('undici:client:connectError', onAttempt))
  const said: (string | null)[] = []
  let credit = 0
  const road = fanOut.road({
    closed: (_slot, why) => said.push(why),
    credit: bytes => {
      credit += bytes
    }
  })
  let copies = 0
  const send = (): void => road.take([requestCopy(++copies, [0]), answer(copies, 1)])
  send()
  await until('the first outcome', () => outcomes.length > 0)
  for (let i = 0; i < 50; i++) send()
  t.same(outcomes, ['connect'], 'an outcome is an attempt')
  t.equal(attempts, 1)
  t.same(said, ['unreachable'])
  t.equal(credit, 51)
  const words = counting.changed()[0]?.words
  t.equal(words?.[SHADOW_AT.drops + SHADOW_DROPS.indexOf('unreachable')], 50)
  fanOut.setTargets([{ ...target, settings: { ...target.settings, timeout: 5_000 } }])
  await new Promise(resolve => setTimeout(resolve, KNOCKS_MS))
  t.same(said, ['unreachable'], 'neither other settings nor knocking in vain bring it back')
  t.equal(attempts, 1, 'no copy was spent on knocking')
  const server = await startAnswering(t, () => ({}), port)
  await until('it to be found', () => said.length === 2)
  t.same(said, ['unreachable', null])
  t.equal(server.requests().length, 0)
  send()
  await until('an answer', () => outcomes.length === 2)
  t.equal(outcomes[1], 'ok')
  t.equal(server.requests().length, 1)
})

test('does not knock for a shadow that is gone', async t => {
  const port = await freePort()
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const counting = createCounting()
  let paired = 0
  const fanOut = createFanOut({
    giveWay,
    pools,
    counting,
    paired: (_pairing, done) => {
      paired++
      done()
    }
  })
  fanOut.setTargets([shadowTarget(`http://127.0.0.1:${port}`)])
  fanOut.road(silent).take([requestCopy(1, [0]), answer(1, 0)])
  await until('it to be refused', () => paired === 1)
  fanOut.setTargets([])
  const server = await startAnswering(t, () => ({}), port)
  await new Promise(resolve => setTimeout(resolve, KNOCKS_MS))
  t.equal(server.connections(), 0)
})

const KNOCKS_MS = 400 // more than one

test('makes no outcome of copies for a shadow without an address', async t => {
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const counting = createCounting()
  const fanOut = createFanOut({
    pools,
    counting,
    paired: () => t.fail('a pair of nothing'),
    giveWay
  })
  const target = shadowTarget('http://127.0.0.1:9')
  fanOut.setTargets([{ ...target, shadow: { ...target.shadow, addresses: [] } }])
  const said: (string | null)[] = []
  const road = fanOut.road({ ...silent, closed: (_slot, why) => said.push(why) })
  road.take([requestCopy(1, [0]), answer(1, 0)])
  t.same(said, ['unreachable'])
  fanOut.setTargets([target])
  t.same(said, ['unreachable', null], 'there is one now')
})

test('says that a shadow is full while it answers nothing, and when it is free or gone', async t => {
  const shadow = await startAnswering(t, () => ({ hang: true }))
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const said: (string | null)[] = []
  const counting = createCounting()
  const fanOut = createFanOut({ pools, counting, paired: (_pairing, done) => done(), giveWay })
  const target = shadowTarget(shadow.url, { timeout: 1_500, concurrency: 2 })
  fanOut.setTargets([target])
  const road = fanOut.road({ ...silent, closed: (_slot, why) => said.push(why) })
  let id = 0
  const send = () => road.take([requestCopy(++id, [0]), answer(id, 0)])
  await until('it is full', () => {
    send()
    return said.length === 1
  })
  t.ok(shadow.requests().length <= 2)
  await until('the end of the two', () => said.length === 2)
  t.same(said, ['concurrency', null])
  await until('it is full again', () => {
    send()
    return said.length === 3
  })
  fanOut.setTargets([])
  t.same(said, ['concurrency', null, 'concurrency', null], 'another shadow may have its slot')
  fanOut.setTargets([target])
  road.close()
  await until('the end of all', () => fanOut.open() === 0)
  t.equal(said.length, 4)
})

test('pairs what is open with no answer when its data thread ends', async t => {
  const shadow = await startAnswering(t, () => ({}))
  const pairs: Pairing[] = []
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const fanOut = createFanOut({
    giveWay,
    pools,
    counting: createCounting(),
    paired: (pairing, done) => {
      pairs.push(pairing)
      done()
    }
  })
  fanOut.setTargets([shadowTarget(shadow.url)])
  const road = fanOut.road(silent)
  road.take([requestCopy(1, [0])])
  road.close()
  await until('the pair', () => pairs.length === 1)
  t.match(pairs[0]?.primary, { outcome: 'reset', status: 0 })
})

test('sends what is late at once, and keeps the time between copies of a batch', async t => {
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const counting = createCounting()
  const fanOut = createFanOut({ pools, counting, paired: (_pairing, done) => done(), giveWay })
  const road = fanOut.road(silent)
  const sent = () => counting.changed().length > 0 // counted as off, for there is no target
  road.take([{ ...requestCopy(1, [0]), wholeAt: Date.now() - 1_000 }, answer(1, 0)])
  t.ok(sent())
  road.take([{ ...requestCopy(2, [0]), wholeAt: Date.now() + 3_600_000 }, answer(2, 0)])
  t.ok(sent(), 'a clock that was set back holds nothing up')
  const fresh = Date.now()
  road.take([{ ...requestCopy(3, [0]), wholeAt: fresh }, answer(3, 0)])
  t.equal(
    sent(),
    Date.now() - fresh >= BATCH_MS,
    'what is fresh waits, unless this machine stood still'
  )
  await until('the fresh one', () => fanOut.open() === 0)
})

test('gives the memory of a body back when it was written, and not before', async t => {
  const body = Buffer.alloc(LARGE, 'a body. ')
  const patient = await startReadingLate(t)
  const plain = await startAnswering(t, () => ({}))
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  let done = 0
  const fanOut = createFanOut({
    giveWay,
    pools,
    counting: createCounting(),
    paired: (_pairing, release) => {
      release()
      done++
    }
  })
  const road = fanOut.road(silent)
  const send = async (id: number, url: string): Promise<RequestCopy> => {
    const copy = { ...requestCopy(id, [0]), body: new Uint8Array(body) }
    fanOut.setTargets([shadowTarget(url, { timeout: 20_000 })])
    road.take([copy, answer(id, 0)])
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
