/** The road over a real socket: copies arrive, credit returns, and who has no token gets nowhere. */
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { acceptRoads, type RoadBack, type RoadEnd } from '../../src/copy-road/accept-roads.ts'
import { CopyBatch } from '../../src/copy-road/batch.ts'
import { openRoad } from '../../src/copy-road/open-road.ts'
import { answerCopy } from '../helpers/copies.ts'
import { until } from '../helpers/until.ts'

const LIMIT = 64 * 1024 * 1024

async function world(end: Partial<RoadEnd> = {}) {
  const taken: number[] = []
  const backs: RoadBack[] = []
  const faults: string[] = []
  const closed: number[] = []
  const { address, open } = await acceptRoads(
    back => {
      const index = backs.push(back)
      return {
        take: copies => taken.push(...copies.map(({ id }) => id)),
        close: () => closed.push(index),
        ...end
      }
    },
    msg => faults.push(msg)
  )
  return { address, open, taken, backs, faults, closed }
}

test('carries copies in order, those that were sent before it was connected too', async t => {
  const { address, taken, closed } = await world()
  const road = openRoad(address, LIMIT, () => undefined)
  const ids = Array.from({ length: 500 }, (_, i) => i)
  for (const id of ids) road.send(answerCopy(id, { body: Buffer.alloc(id * 40) }))
  await until('all copies', () => taken.length === ids.length)
  t.same(taken, ids)
  road.close()
  await until('its end', () => closed.length === 1)
})

test('gives the memory of a large body back when it is written', async t => {
  const { address, taken } = await world()
  const road = openRoad(address, LIMIT, () => undefined)
  const body = new Uint8Array(4 * 1024 * 1024)
  road.send(answerCopy(1, { body: body }))
  t.equal(body.length, 4 * 1024 * 1024, 'more than a socket holds')
  await until('the copy', () => taken.length === 1)
  await until('its memory', () => body.length === 0)
  road.close()
})

test('brings credit back, in sums', async t => {
  const { address, backs } = await world()
  const road = openRoad(address, LIMIT, () => undefined)
  road.credit.take(LIMIT)
  await until('the road', () => backs.length === 1)
  for (let i = 0; i < 100; i++) backs[0]?.credit(i)
  backs[0]?.credit(32 * 1024 * 1024)
  await until('the credit', () => road.credit.held === LIMIT - 4950 - 32 * 1024 * 1024)
  road.close()
  backs[0]?.credit(1) // nobody is there any more
  t.pass()
})

test('brings back which shadows take no copies, and why', async t => {
  const { address, backs } = await world()
  const road = openRoad(address, LIMIT, () => undefined)
  await until('the road', () => backs.length === 1)
  backs[0]?.closed(3, 'concurrency')
  backs[0]?.closed(1000, 'concurrency')
  backs[0]?.closed(3, null)
  await until('the second', () => road.closed(1000) === 'concurrency')
  t.equal(road.closed(3), null, 'the last word counts')
  backs[0]?.closed(1000, null)
  backs[0]?.closed(1001, 'unreachable')
  await until('the third', () => road.closed(1001) === 'unreachable')
  t.equal(road.closed(1000), null)
  road.close()
})

test('has a road for each data thread, and says when the other end is gone', async t => {
  const { address, backs, closed, faults } = await world({
    take: () => {
      throw new Error('of the shadow process')
    }
  })
  let lost = 0
  const one = openRoad(address, LIMIT, () => lost++)
  const other = openRoad(address, LIMIT, () => lost++)
  await until('both roads', () => backs.length === 2)
  one.send(answerCopy(1))
  await until('the end of one', () => lost === 1)
  t.same(closed.length, 1)
  t.match(faults, [/no copy/])
  one.send(answerCopy(2))
  other.close()
  await until('the end of the other', () => closed.length === 2)
  t.equal(lost, 1, 'who closes has lost nothing')
})

test('ends who has no token or another one', async t => {
  const { address, backs } = await world()
  const socket = connect({ path: address.path })
  socket.on('error', () => undefined)
  const ended = new Promise(resolve => socket.on('close', resolve))
  socket.write(Buffer.alloc(32))
  socket.write(Buffer.alloc(100))
  await ended
  t.equal(backs.length, 0)
})

test('takes what was sent before the other end was killed, though credit was due to it', async t => {
  const { address, open, taken, backs } = await world()
  const sender = new Worker(SENDER, {
    eval: true,
    workerData: { ...address, frames: frames(1, 2) }
  })
  await until('the first copy', () => taken.length === 1)
  backs[0]?.credit(1)
  const sent = new Int32Array(new SharedArrayBuffer(4))
  sender.postMessage(sent)
  await new Promise(resolve => setImmediate(resolve)) // timers are next
  Atomics.wait(sent, 0, 0) // this thread gets no time until the sender is gone and the credit is late
  await sender.terminate()
  await until('the end of the road', () => open() === 0)
  t.same(taken, [1, 2])
})

test('says that it is lost where nobody listens', async t => {
  await new Promise<void>(resolve => {
    const road = openRoad({ path: '\0sluice-nobody', token: Buffer.alloc(32) }, LIMIT, resolve)
    road.send(answerCopy(1))
  })
  t.pass('and nothing is thrown')
})

/** The bytes of one copy each. */
function frames(...ids: readonly number[]): readonly Uint8Array[] {
  return ids.map(id => {
    const batch = new CopyBatch()
    batch.add(answerCopy(id))
    return Buffer.concat(batch.take().chunks)
  })
}

/** Sends the first frame; when it is told to, the second, goes, and sets the word. Eval gives it no types. */
const SENDER = `
const { workerData: { path, token, frames }, parentPort } = require('node:worker_threads')
const socket = require('node:net').connect({ path })
socket.write(token)
socket.write(frames[0])
parentPort.once('message', sent => {
  socket.write(frames[1], () => {
    socket.destroy()
    setTimeout(() => {
      Atomics.store(sent, 0, 1)
      Atomics.notify(sent, 0)
    }, 200)
  })
})`
