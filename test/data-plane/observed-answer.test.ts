/** What answers say, through real sockets: outcomes, tokens and times, with and without a content coding. */
import type { Socket } from 'node:net'
import { brotliCompressSync, constants, createGzip, gzipSync, zstdCompressSync } from 'node:zlib'
import { test } from 'tap'
import { ObservedAnswer } from '../../src/data-plane/observed-answer.ts'
import {
  AT,
  BAD_KINDS,
  type BadKind,
  HISTOGRAM_BUCKETS,
  OUTCOMES,
  TIME_AT
} from '../../src/domain/counts.ts'
import { NOT_READ, UNREADABLE } from '../../src/domain/payload/reading.ts'
import type { RouteSnapshot } from '../../src/domain/snapshot.ts'
import { readAnswers } from '../helpers/answers.ts'
import { type DataThread, stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { type RawClient, rawClient } from '../helpers/raw-client.ts'
import { type Behaviour, type Recorder, startRecorder } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'

type Teardown = { teardown(done: () => unknown): unknown }
type Stage = { readonly model: Recorder; readonly thread: DataThread }

const CHAT = 'POST /v1/chat/completions HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u\r\n'
const POST = 'POST /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u\r\n'
const EVENTS =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n'

async function stage(t: Teardown, changes: Partial<RouteSnapshot> = {}): Promise<Stage> {
  const model = await startRecorder()
  t.teardown(() => model.close())
  const route = stableRoute(model.port, {
    protocol: 'json',
    badKinds: ['nan', 'null', 'unparsable'],
    match: { hosts: [], paths: ['/v1/'], headers: {}, query: {} },
    ...changes
  })
  return { model, thread: await startDataThread(t, [route]) }
}

function says(body: Uint8Array | string, fields = ''): Behaviour {
  const bytes = Buffer.from(body)
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${fields}Content-Length: ${bytes.length}\r\n\r\n`
  return { onRequest: (_, socket) => void socket.write(Buffer.concat([Buffer.from(head), bytes])) }
}

/** Asks once; the body as the client has it. */
async function ask({ model, thread }: Stage, behaviour: Behaviour, head = POST): Promise<Buffer> {
  model.behave(behaviour)
  const client = await rawClient(thread.port)
  client.send(`${head}Content-Length: 2\r\n\r\n{}`)
  const whole = () => readAnswers(client.bytes(), client.end()).final[0]?.complete === true
  await until('the answer', () => whole() || client.end() !== 'open')
  const [answer] = readAnswers(client.bytes(), client.end()).final
  client.close()
  return answer?.body ?? Buffer.alloc(0)
}

function word({ thread }: Stage, at: number): number {
  return thread.counters('stable').words[at] ?? 0
}

function bad(on: Stage, kind: BadKind): number {
  return word(on, AT.badKinds + BAD_KINDS.indexOf(kind))
}

function unreadable(on: Stage, why: (typeof UNREADABLE)[number]): number {
  return word(on, AT.unreadable + UNREADABLE.indexOf(why))
}

function observations(on: Stage, histogram: number): number {
  let sum = 0
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) sum += word(on, histogram + i)
  return sum
}

function outcomes({ thread }: Stage): number {
  return OUTCOMES.reduce((sum, outcome) => sum + thread.count('stable', outcome), 0)
}

test('finds a bad prediction under every coding when the client gets the bytes as they were', async t => {
  const on = await stage(t)
  const json = Buffer.from('{"predictions":[0.5,NaN]}')
  const cases = [
    ['', json],
    ['Content-Encoding: gzip\r\n', gzipSync(json)],
    ['Content-Encoding: br\r\n', brotliCompressSync(json)],
    ['Content-Encoding: zstd\r\n', zstdCompressSync(json)],
    ['Content-Encoding: gzip\r\nContent-Encoding: identity\r\n', gzipSync(json)]
  ] as const
  for (const [i, [fields, body]] of cases.entries()) {
    t.ok((await ask(on, says(body, fields))).equals(body), fields)
    await until('the outcome', () => on.thread.count('stable', 'bad_prediction') === i + 1)
  }
  t.equal(bad(on, 'nan'), cases.length)
  t.equal(word(on, AT.predictions), cases.length)
  t.equal(outcomes(on), cases.length)
  t.equal(on.thread.inFlight('stable'), 0)
})

test('tells a broken coding from one that nobody here knows', async t => {
  const on = await stage(t)
  const broken = gzipSync('{"predictions":[1]}').subarray(0, -4)
  t.ok((await ask(on, says(broken, 'Content-Encoding: gzip\r\n'))).equals(broken))
  await until('the outcome', () => on.thread.count('stable', 'bad_prediction') === 1)
  await until('its reason', () => unreadable(on, 'coding') === 1 && bad(on, 'unparsable') === 1)
  await ask(on, says('\x1f\x9d\x90', 'Content-Encoding: compress\r\n'))
  await until('the outcome', () => on.thread.count('stable', 'ok') === 1)
  await until('its reason', () => unreadable(on, 'coding') === 2)
  t.equal(word(on, AT.predictions), 1, 'nothing is known of the second')
})

test('reads the beginning alone when a small answer would become a large one', async t => {
  const on = await stage(t)
  const bomb = gzipSync(
    Buffer.concat([Buffer.from('{"predictions":[1,'), Buffer.alloc(1 << 27, '1')])
  )
  t.ok((await ask(on, says(bomb, 'Content-Encoding: gzip\r\n'))).equals(bomb))
  await until('the outcome', () => on.thread.count('stable', 'ok') === 1)
  await until('the bound', () => word(on, AT.scanTruncated) === 1)
  t.equal(unreadable(on, 'coding'), 0)
})

test('counts an error in an answer of status 200, and no prediction of a HEAD', async t => {
  const on = await stage(t)
  await ask(on, says('{"error":"out of memory","predictions":[null]}'))
  t.equal(on.thread.count('stable', 'upstream_error'), 1)
  t.equal(bad(on, 'null'), 0)
  on.model.behave({
    onRequest: (_, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n')
  })
  const client = await rawClient(on.thread.port)
  t.teardown(() => client.close())
  client.send('HEAD /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u\r\n\r\n')
  await until('the outcome', () => on.thread.count('stable', 'ok') === 1)
  t.equal(word(on, AT.predictions), 1)
})

/** A stream that the test writes; the client has what it says at once. */
async function openStream(on: Stage, fields = ''): Promise<{ socket: Socket; client: RawClient }> {
  let upstream: Socket | undefined
  on.model.behave({
    onRequest: (_, socket) => {
      upstream = socket
      socket.write(`${EVENTS}${fields}\r\n`)
    }
  })
  const client = await rawClient(on.thread.port)
  client.send(`${CHAT}Content-Length: 2\r\n\r\n{}`)
  await until('the head', () => client.bytes().includes('\r\n\r\n'))
  if (upstream === undefined) throw new Error('the model was not asked')
  return { socket: upstream, client }
}

function chunk(bytes: string | Uint8Array): Buffer {
  const body = Buffer.from(bytes)
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')])
}

function delta(content: unknown): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: content }] })}\n\n`
}

const USAGE = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 3 } })}\n\n`

test('times the first content of a stream and those behind it, not the head nor the role', async t => {
  const on = await stage(t, { protocol: 'openai' })
  const { socket, client } = await openStream(on)
  t.teardown(() => client.close())
  socket.write(chunk(delta({ role: 'assistant', content: '' })))
  await until('the role', () => client.bytes().includes('assistant'))
  t.equal(observations(on, AT.firstTokens), 0)
  t.equal(observations(on, AT.firstBytes), 1, 'a first byte is a sign of life')
  for (const content of ['Paris', ' is', ' nice']) {
    socket.write(chunk(delta({ content })))
    await until(content, () => client.bytes().includes(`"${content}"`))
  }
  t.equal(observations(on, AT.firstTokens), 1)
  t.equal(observations(on, AT.tokenTimes), 2)
  t.ok((on.thread.counters('stable').times[TIME_AT.firstTokenSum] ?? 0) > 0)
  socket.write(chunk(`${USAGE}data: [DONE]\n\n`))
  socket.write('0\r\n\r\n')
  await until('the outcome', () => on.thread.count('stable', 'ok') === 1)
  t.equal(word(on, AT.tokens), 5)
  t.equal(word(on, AT.tokens + 1), 3)
})

test('passes the events of a coded stream at once and reads them as they come', async t => {
  const on = await stage(t, { protocol: 'openai' })
  const { socket, client } = await openStream(on, 'Content-Encoding: gzip\r\n')
  t.teardown(() => client.close())
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
  gzip.on('data', bytes => socket.write(chunk(bytes)))
  gzip.write(delta({ content: 'a' }))
  await until('a first token', () => observations(on, AT.firstTokens) === 1)
  gzip.write(delta({ content: 'b' }))
  await until('a second', () => observations(on, AT.tokenTimes) === 1)
  t.equal(outcomes(on), 0)
  gzip.end('data: {"error":{"message":"gone"}}\n\n')
  gzip.once('end', () => socket.write('0\r\n\r\n'))
  await until('the outcome', () => on.thread.count('stable', 'upstream_error') === 1)
  t.equal(outcomes(on), 1)
})

test('keeps the outcome of a stream that broke, whatever had been said in it', async t => {
  const on = await stage(t, { protocol: 'openai' })
  for (const fields of ['', 'Content-Encoding: gzip\r\n']) {
    const { socket, client } = await openStream(on, fields)
    const text = `${delta({ content: 'x' })}${USAGE}data: {"error":"x"}\n\n`
    socket.write(chunk(fields === '' ? text : gzipSync(text)))
    await until('the text', () => client.bytes().length > 300)
    await until('its content', () => observations(on, AT.firstTokens) === (fields === '' ? 1 : 2))
    socket.resetAndDestroy()
    await client.until(() => client.end() !== 'open')
  }
  t.equal(on.thread.count('stable', 'reset'), 2)
  t.equal(outcomes(on), 2)
  t.equal(word(on, AT.predictions), 0)
  t.equal(word(on, AT.tokens), 10)
})

test('counts each coded answer once when its client leaves with it and the thread is drained', async t => {
  const on = await stage(t)
  const body = gzipSync(
    JSON.stringify({ predictions: Array.from({ length: 20_000 }, (_, i) => i) })
  )
  on.model.behave(says(body, 'Content-Encoding: gzip\r\n'))
  const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(on.thread.port)))
  for (const client of clients) {
    client.send(`${POST}Content-Length: 2\r\n\r\n{}`)
    void client.until(() => client.bytes().length > body.length).then(() => client.reset())
  }
  await until('all answers', () => clients.every(client => client.bytes().length > body.length))
  await on.thread.drain(2000)
  t.equal(on.thread.count('stable', 'ok'), 20)
  t.equal(outcomes(on), 20)
  t.equal(on.thread.inFlight('stable'), 0)
})

test('counts the coded answers that are being read when the thread is stopped', async t => {
  const on = await stage(t)
  const body = gzipSync(
    JSON.stringify({ predictions: Array.from({ length: 20_000 }, (_, i) => i) })
  )
  on.model.behave(says(body, 'Content-Encoding: gzip\r\n'))
  const clients = await Promise.all(Array.from({ length: 10 }, () => rawClient(on.thread.port)))
  t.teardown(() => clients.map(client => client.close()))
  for (const client of clients) client.send(`${POST}Content-Length: 2\r\n\r\n{}`)
  await until('all answers', () =>
    clients.every(client => readAnswers(client.bytes(), client.end()).final[0]?.complete === true)
  )
  await on.thread.stop()
  t.equal(outcomes(on), 10)
  t.equal(on.thread.count('stable', 'ok'), 10)
})

test('knows nothing of an answer when its reader fails, and lets it pass', t => {
  const logs: string[] = []
  const lane = {
    now: () => 0,
    reading: new Set<ObservedAnswer>(),
    log: (_: string, msg: string) => void logs.push(msg)
  }
  const ex = { requestId: 'r', sentAt: 0, variant: null, lane }
  const failing = (at: 'push' | 'end') => ({
    contentEvents: 0,
    push: () => {
      if (at === 'push') throw new Error('a fault')
    },
    end: () => {
      throw new Error('a fault')
    }
  })
  for (const at of ['push', 'end'] as const) {
    const observed = new ObservedAnswer(ex, failing(at), null)
    observed.push(Buffer.from('{}'), 1)
    observed.push(Buffer.from('{}'), 2)
    t.same(observed.end(), NOT_READ)
    t.same(observed.cut(), { ...NOT_READ, finished: false })
  }
  t.equal(logs.length, 2, 'told once each')
  t.end()
})
