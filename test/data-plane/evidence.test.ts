/** What a data thread counts for a request, and what of it may be held against a variant. */
import t, { test } from 'tap'
import {
  ADDRESS_FLAGS,
  ADDRESSES,
  AT,
  type Counters,
  evidenceRow,
  ROW,
  TIME_AT
} from '../../src/domain/counts.ts'
import { THREAD_TIME } from '../../src/domain/thread-region.ts'
import { canaryRoute, startDataThread } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { answerOk, type Behaviour, startRecorder } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'

const GET = 'GET /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n\r\n'

const recorder = await startRecorder()
t.teardown(() => recorder.close())
/** Quick is far below the SLA, also on a machine that does much beside. */
const SLA_MS = 1_000
const LATE_MS = 1_250
let generation = 1
const route = (firstByte = 3_000) =>
  canaryRoute(recorder.port, recorder.port, {
    generation,
    protocol: 'json',
    badKinds: ['null', 'nan'],
    latency: { slaMs: SLA_MS, of: 'total' },
    timeouts: { connect: 1000, firstByte, idle: 3_000, streamIdle: 3_000 }
  })
const thread = await startDataThread(t, [route()])
const counters = thread.counters('canary')

test('holds latency against a variant only when its address is warm', async t => {
  const row = await fresh()
  await ask({ onRequest: answerOk })
  t.equal(row(ROW.calls), 1)
  t.equal(row(ROW.timed), 0, 'a cold address is not timed')
  warm(counters)
  await ask({ onRequest: answerOk })
  t.equal(row(ROW.timed), 1)
  t.equal(row(ROW.latency), 0)
  await ask({
    onRequest: (request, socket) => void setTimeout(() => answerOk(request, socket), LATE_MS)
  })
  t.equal(row(ROW.timed), 2)
  t.equal(row(ROW.latency), 1, 'beyond the SLA')
  t.equal(counters.words[AT.slaMisses], 1)
})

test('leaves a latency out when our own loop stood still or we waited for the client', async t => {
  const row = await fresh()
  warm(counters)
  await ask({
    onRequest: (request, socket) => {
      thread.region.times[THREAD_TIME.lastStall] = Number.MAX_SAFE_INTEGER
      answerOk(request, socket)
    }
  })
  t.equal(row(ROW.calls), 1)
  t.equal(row(ROW.timed), 0, 'a stall after it was sent')
  thread.region.times[THREAD_TIME.lastStall] = 0

  const body = Buffer.alloc(8 * 2 ** 20, ' ')
  recorder.behave({
    onRequest: (_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
    }
  })
  const client = await rawClient(thread.port)
  client.pause()
  client.send(GET)
  await new Promise(resolve => setTimeout(resolve, 500))
  client.resume()
  await client.until(() => client.socket.bytesRead > body.length)
  client.close()
  await until('the outcome', () => row(ROW.calls) === 2)
  t.equal(row(ROW.timed), 0, 'a client that was not ready')
})

test('counts a timeout as slow, and a client that left as slow only when it was late', async t => {
  const row = await fresh()
  warm(counters)
  await ask({})
  t.equal(row(ROW.errors), 1)
  t.equal(row(ROW.latency), 1)

  for (const [wait, missed] of [
    [0, 1],
    [LATE_MS, 2]
  ] as const) {
    const gone = thread.count('canary', 'client_gone')
    const from = recorder.requests.length
    recorder.behave({})
    const client = await rawClient(thread.port)
    client.send(GET)
    await until('the request upstream', () => recorder.requests[from]?.complete)
    await new Promise(resolve => setTimeout(resolve, wait))
    client.close()
    await until('the outcome', () => thread.count('canary', 'client_gone') === gone + 1)
    t.equal(row(ROW.latency), missed, `${wait} ms`)
  }
  t.equal(row(ROW.calls), 1, 'a client that left is no call')
})

test('judges predictions while they pass, by kind, and errors inside a good status', async t => {
  const row = await fresh()
  const says = (body: string, type = 'application/json'): Behaviour => ({
    onRequest: (_, socket) =>
      void socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      )
  })
  const before = thread.count('canary', 'upstream_error')
  await ask(says('{"predictions":[0.5]}'))
  await ask(says('{"predictions":[NaN]}'))
  await ask(says('{"predictions":[Infinity]}'))
  await ask(says('{"error":"model is gone","predictions":[null]}'))
  t.equal(row(ROW.judged), 4)
  t.equal(row(ROW.badPredictions), 1, 'of the kinds that the trigger counts')
  t.equal(thread.count('canary', 'bad_prediction'), 2)
  t.equal(thread.count('canary', 'upstream_error') - before, 1)
  await ask(says('plain text', 'text/plain'))
  t.equal(row(ROW.judged), 5, 'a text is a prediction of no particular protocol')
  t.equal(row(ROW.badPredictions), 1)
})

test('tells how many prediction calls are unanswered, from how many units and since when', async t => {
  await fresh(60_000)
  recorder.behave({})
  await until('nothing of the tests before to be pending', () => counters.words[AT.pending] === 0)
  const clients = await Promise.all([rawClient(thread.port), rawClient(thread.port)])
  clients[0]?.send(GET)
  await until('one pending', () => counters.words[AT.pending] === 1)
  t.equal(counters.words[AT.pending + 1], 1)
  const since = counters.times[TIME_AT.oldestPending] ?? 0
  t.ok(since > 0)
  clients[1]?.send(GET.replace('u-1', 'u-2'))
  await until('two pending', () => counters.words[AT.pending] === 2)
  t.equal(counters.words[AT.pending + 1], 2)
  t.equal(counters.times[TIME_AT.oldestPending], since)
  for (const client of clients) client.close()
  await until('none pending', () => counters.words[AT.pending] === 0)
  t.equal(counters.times[TIME_AT.oldestPending], 0)
  t.equal(counters.words[AT.pending + 1], 0)
})

test('keeps what is in flight at an address, what was sent to it and what it answered', async t => {
  await fresh()
  const word = (at: keyof typeof ADDRESSES) => counters.words[AT.addresses + ADDRESSES[at]] ?? 0
  const [sent, answered] = [word('sent'), word('answered')]
  recorder.behave({})
  const client = await rawClient(thread.port)
  client.send(GET)
  await until('one in flight', () => word('inFlight') === 1)
  t.equal(word('sent'), sent + 1)
  t.equal(word('answered'), answered)
  client.close()
  await until('none in flight', () => word('inFlight') === 0)
  await ask({ onRequest: answerOk })
  t.equal(word('answered'), answered + 1)
})

test('counts a stream to its first byte, as an answer only from there on', async t => {
  const row = await fresh()
  warm(counters)
  const ok = thread.count('canary', 'ok')
  const head =
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
  let say: (text: string) => void = () => {}
  recorder.behave({
    onRequest: (_, socket) => {
      say = text => void socket.write(text)
      say(head)
    }
  })
  const client = await rawClient(thread.port)
  const before = counters.words[AT.addresses + ADDRESSES.answered] ?? 0
  client.send(GET)
  await client.until(() => client.bytes().includes('\r\n\r\n'))
  t.equal(counters.words[AT.addresses + ADDRESSES.answered], before, 'a head is no sign of life')
  say('9\r\ndata: 1\n\n\r\n')
  await client.until(() => client.bytes().includes('data: 1'))
  await until(
    'the first byte',
    () => counters.words[AT.addresses + ADDRESSES.answered] === before + 1
  )
  await new Promise(resolve => setTimeout(resolve, LATE_MS))
  say('0\r\n\r\n')
  await until('the outcome', () => thread.count('canary', 'ok') === ok + 1)
  t.equal(row(ROW.timed), 1)
  t.equal(row(ROW.latency), 0, 'its length is not its latency')
  client.close()
})

/** A new generation of ranges with empty evidence; the function reads a word of it. */
async function fresh(firstByte?: number): Promise<(word: number) => number> {
  generation++
  const at = evidenceRow(0, generation, 0)
  await thread.post([route(firstByte)])
  counters.words[AT.addresses + ADDRESSES.flags] = 0
  return word => counters.words[at + word] ?? 0
}

function warm(of: Counters): void {
  of.words[AT.addresses + ADDRESSES.flags] = ADDRESS_FLAGS.warm
}

/** One request to the end of its answer, which is counted when this returns. */
async function ask(behaviour: Behaviour): Promise<void> {
  recorder.behave(behaviour)
  const client = await rawClient(thread.port)
  client.send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  await client.until(() => client.end() !== 'open')
  client.close()
  await until('nothing in flight', () => thread.inFlight('canary') === 0)
}
