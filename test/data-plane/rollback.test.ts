/** What a new snapshot does to requests that are under way. */
import t, { test } from 'tap'
import type { RouteSnapshot } from '../../src/domain/snapshot.ts'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { canaryRoute, startDataThread } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { answerOk, startRecorder } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'

const GET = 'GET /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n\r\n'
const SSE =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n'

const stable = await startRecorder()
const canary = await startRecorder()
t.teardown(() => Promise.all([stable.close(), canary.close()]))
const before = canaryRoute(stable.port, canary.port)
const thread = await startDataThread(t, [before])

test('lets a request with one answer finish on its variant when that is rolled back, and asks it no more', async t => {
  await thread.post([before])
  let finish: (() => void) | undefined
  canary.behave({
    onRequest: (request, socket) => {
      finish = () => answerOk(request, socket)
    }
  })
  const client = await rawClient(thread.port)
  client.send(GET)
  await until('the request at the challenger', () => finish)
  await thread.post([rolledBack({ graceMs: 60_000, cut: true })])
  const other = await ask()
  t.equal(fieldOf(other, 'x-sluice-variant'), 'stable')
  t.equal(fieldOf(other, 'x-sluice-revision'), '2-2')
  finish?.()
  await client.until(() => readAnswers(client.bytes(), client.end()).final.length === 1)
  const [answer] = readAnswers(client.bytes(), client.end()).final
  if (answer === undefined) throw new Error('no answer')
  t.equal(answer.status, 200)
  t.equal(fieldOf(answer, 'x-sluice-variant'), 'canary')
  t.equal(fieldOf(answer, 'x-sluice-revision'), '1-1', 'of the snapshot that decided it')
  client.close()
})

test('ends streams of a rolled-back variant at once by reset when the route cuts', async t => {
  const client = await streaming()
  await thread.post([rolledBack({ graceMs: 60_000, cut: true })])
  await client.until(() => client.end() !== 'open')
  t.equal(client.end(), 'reset')
  t.notMatch(client.bytes().toString('latin1'), '0\r\n\r\n')
  await until('the upstream to be let go', () => canary.open() === 0)
})

test('lets streams of a rolled-back variant run up to the grace, then resets them', async t => {
  const client = await streaming()
  await thread.post([rolledBack({ graceMs: 1000, cut: false })])
  canary.behave({ onRequest: answerOk })
  t.equal(fieldOf(await ask(), 'x-sluice-variant'), 'stable', 'new requests leave at once')
  t.equal(client.end(), 'open', 'the stream goes on')
  await client.until(() => client.end() !== 'open')
  t.equal(client.end(), 'reset')
})

test('breaks a stream whose head comes after its variant was rolled back and cut', async t => {
  await thread.post([before])
  let begin: (() => void) | undefined
  canary.behave({
    onRequest: (_, socket) => {
      begin = () => void socket.write(SSE)
    }
  })
  const client = await rawClient(thread.port)
  client.send(GET)
  await until('the request at the challenger', () => begin)
  await thread.post([rolledBack({ graceMs: 60_000, cut: true })])
  begin?.()
  await client.until(() => client.end() !== 'open')
  t.equal(client.end(), 'reset')
})

test('leaves streams alone when only weights change', async t => {
  const client = await streaming()
  await thread.post([
    { ...before, revision: '1-2', generation: 3, ranges: [{ start: 0, end: 10_000, variant: 0 }] }
  ])
  t.equal(fieldOf(await ask(), 'x-sluice-variant'), 'stable')
  t.equal(client.end(), 'open')
  t.equal(thread.inFlight('canary'), 1)
  client.close()
  await until('the upstream to be let go', () => canary.open() === 0)
})

test('serves on and lets a connection pool go when a snapshot takes an address away', async t => {
  await thread.post([before])
  canary.behave({ onRequest: answerOk })
  await ask()
  await until('an idle connection', () => canary.open() > 0)
  const variants = before.variants.map(v => (v.name === 'canary' ? { ...v, addresses: [] } : v))
  await thread.post([{ ...before, variants }])
  await until('the connection to be closed', () => canary.open() === 0)
  const answer = await ask()
  t.equal(answer.status, 200, 'a variant without any address is one that does not connect')
  t.equal(fieldOf(answer, 'x-sluice-variant'), 'stable')
})

function rolledBack(stream: RouteSnapshot['stream']): RouteSnapshot {
  return {
    ...before,
    revision: '2-2',
    generation: 2,
    stream,
    ranges: [{ start: 0, end: 10_000, variant: 0 }],
    variants: before.variants.map(v => (v.name === 'canary' ? { ...v, rolledBack: true } : v))
  }
}

/** A client with a stream of the challenger under way. */
async function streaming() {
  await thread.post([before])
  canary.behave({ onRequest: (_, socket) => void socket.write(SSE) })
  const client = await rawClient(thread.port)
  client.send(GET)
  await client.until(() => client.bytes().includes('data: 1'))
  return client
}

async function ask() {
  const client = await rawClient(thread.port)
  client.send(GET)
  await client.until(() => readAnswers(client.bytes(), client.end()).final.length === 1)
  const [answer] = readAnswers(client.bytes(), client.end()).final
  client.close()
  if (answer === undefined) throw new Error('no answer')
  return answer
}
