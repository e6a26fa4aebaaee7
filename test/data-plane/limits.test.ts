/** Limits of a data thread: requests in flight, connections, addresses that are never connected to. */
import { test } from 'tap'
import { AT } from '../../src/domain/counts.ts'
import { THREAD_WORD } from '../../src/domain/thread-region.ts'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { canaryRoute, localAddress, stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { answerOk, type RecordedRequest, startRecorder } from '../helpers/recorder.ts'
import { variantSnapshot } from '../helpers/route-snapshot.ts'
import { until } from '../helpers/until.ts'

const GET = 'GET /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n\r\n'

test('sheds at once with Retry-After when the requests in flight are at the limit', async t => {
  const recorder = await startRecorder({ behaviour: {} })
  t.teardown(() => recorder.close())
  const limits = { body: 1000, inFlight: 5 }
  const route = canaryRoute(recorder.port, recorder.port, { limits })
  const thread = await startDataThread(t, [route], { threads: 2, index: 1 })
  const clients = await Promise.all(Array.from({ length: 3 }, () => rawClient(thread.port)))
  for (const client of clients.slice(0, 2)) client.send(GET)
  await until('two requests in flight', () => recorder.requests.length === 2)
  clients[2]?.send(GET)
  const [answer] = await answersOf(clients[2])
  t.equal(answer?.status, 503, 'the second thread of two has the smaller share of five')
  t.equal(fieldOf(orFail(answer), 'retry-after'), '1')
  t.equal(thread.count('canary', 'shed'), 1, 'by the variant’s own limit, which is a failure')
  t.equal(thread.counters('canary').words[AT.shed], 1)
  t.equal(thread.inFlight('canary'), 2)
  clients[0]?.close()
  await until('a place to be free', () => thread.inFlight('canary') === 1)
  recorder.behave({ onRequest: answerOk })
  clients[2]?.send(GET)
  await until(
    'an answer on the same connection',
    async () => (await answersOf(clients[2])).length === 2
  )
  t.equal((await answersOf(clients[2]))[1]?.status, 200)
})

test('refuses connections beyond the limit by closing them, and counts them', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [stableRoute(recorder.port)], { maxConnections: 3 })
  const clients = await Promise.all(Array.from({ length: 3 }, () => rawClient(thread.port)))
  for (const client of clients) client.send(GET)
  await until('three answers', async () => (await answersOf(clients[2])).length === 1)
  const late = await rawClient(thread.port)
  await late.until(() => late.end() !== 'open')
  t.not(late.end(), 'open')
  t.equal(thread.region.words[THREAD_WORD.shedConnections], 1)
  await until(
    'the connections to be told',
    () => thread.region.words[THREAD_WORD.connections] === 3
  )
  clients[0]?.close()
  await until('a place to be free', () => thread.region.words[THREAD_WORD.connections] === 2)
  const next = await rawClient(thread.port)
  next.send(GET)
  await until('an answer', async () => (await answersOf(next)).length === 1)
})

test('never connects to itself, to a port of ours or to a metadata service', async t => {
  const admin = await startRecorder()
  t.teardown(() => admin.close())
  const thread = await startDataThread(t, [stableRoute(1)], { forbiddenPorts: [admin.port] })
  for (const address of [
    localAddress(thread.port),
    localAddress(admin.port),
    localAddress(admin.port, 0, { ip: '::ffff:127.0.0.1' }),
    localAddress(80, 0, { ip: '169.254.169.254' }),
    localAddress(80, 0, { ip: 'fe80::1' }),
    localAddress(80, 0, { ip: 'fd00:ec2::254' })
  ]) {
    await thread.post([
      stableRoute(1, { variants: [variantSnapshot('stable', { addresses: [address] })] })
    ])
    const client = await rawClient(thread.port)
    client.send(GET)
    const [answer] = await answersOf(client)
    t.equal(answer?.status, 502, address.ip)
    t.equal(
      fieldOf(orFail(answer), 'proxy-status'),
      'sluice; error=destination_ip_prohibited',
      address.ip
    )
    client.close()
  }
  t.equal(admin.accepted(), 0)
})

test('answers 504 and closes the upstream when the first byte does not come in time', async t => {
  const recorder = await startRecorder({ behaviour: {} })
  t.teardown(() => recorder.close())
  const timeouts = { connect: 1000, firstByte: 300, idle: 300, streamIdle: 600 }
  const thread = await startDataThread(t, [stableRoute(recorder.port, { timeouts })])
  const client = await rawClient(thread.port)
  client.send(GET)
  const [answer] = await answersOf(client)
  t.equal(answer?.status, 504)
  t.equal(fieldOf(orFail(answer), 'proxy-status'), 'sluice; error=http_response_timeout')
  t.equal(thread.count('stable', 'timeout'), 1)
  await until('the upstream connection to be closed', () => recorder.open() === 0)
  t.equal(client.end(), 'open', 'the client’s connection is as good as before')

  recorder.behave({
    onRequest: (_, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')
  })
  client.send(GET)
  await client.until(() => client.end() !== 'open')
  t.equal(client.end(), 'reset', 'silence inside a body breaks the answer')
  t.equal(thread.count('stable', 'timeout'), 2)
})

test('does not count the time in which the client was not ready against the upstream', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const timeouts = { connect: 1000, firstByte: 60_000, idle: 300, streamIdle: 300 }
  const thread = await startDataThread(t, [stableRoute(recorder.port, { timeouts })])
  const body = Buffer.alloc(16 * 2 ** 20, 'x')
  recorder.behave({
    onRequest: (_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
    }
  })
  const client = await rawClient(thread.port)
  client.pause()
  client.send(GET)
  await until('the request', () => recorder.requests.length === 1)
  await new Promise(resolve => setTimeout(resolve, 1500))
  client.resume()
  await client.until(() => client.socket.bytesRead > body.length)
  const [answer] = readAnswers(client.bytes(), client.end()).final
  t.equal(answer?.complete, true)
  t.ok(answer?.body.equals(body), 'every byte came')
  await until('the outcome', () => thread.count('stable', 'ok') === 1)
})

test('uses an upstream connection as long as its server says, and not a moment longer', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const keep = (hint: string) => ({
    onRequest: (_: RecordedRequest, socket: { write(text: string): unknown }) =>
      void socket.write(`HTTP/1.1 200 OK\r\n${hint}Content-Length: 2\r\n\r\nok`)
  })
  const thread = await startDataThread(t, [stableRoute(recorder.port)])
  const client = await rawClient(thread.port)
  const ask = async (n: number) => {
    client.send(GET)
    await until('an answer', async () => (await answersOf(client, n)).length === n)
  }
  recorder.behave(keep('Keep-Alive: timeout=1\r\n'))
  await ask(1)
  await until('the connection to be given up', () => recorder.open() === 0)
  recorder.behave(keep(''))
  await ask(2)
  await ask(3)
  t.equal(recorder.accepted(), 2, 'the second connection was used again')
  await until('the idle connection to be closed', () => recorder.open() === 0)
})

async function answersOf(client: Awaited<ReturnType<typeof rawClient>> | undefined, count = 1) {
  if (client === undefined) throw new Error('no client')
  const read = () => readAnswers(client.bytes(), client.end()).final.filter(a => a.complete)
  await client.until(() => read().length >= count || client.end() !== 'open')
  return read()
}

function orFail<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('no answer')
  return value
}
