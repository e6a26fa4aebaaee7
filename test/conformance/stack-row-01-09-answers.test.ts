/**
 * What an upstream's answer can do to a router made of these parts, rows 1, 5, 7, 8, 9 and 14 of the list of
 * what they do unless they are told otherwise.
 */
import t, { type Test as Tap, test } from 'tap'
import { OUTCOMES, type Outcome } from '../../src/domain/counts.ts'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { canaryRoute, localAddress, stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { freePort } from '../helpers/ports.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { type Recorder, startRecorder } from '../helpers/recorder.ts'
import { variantSnapshot } from '../helpers/route-snapshot.ts'
import { until } from '../helpers/until.ts'

const GET = 'GET /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n\r\n'

const upstream = await startRecorder()
t.teardown(() => upstream.close())
const shared = await startDataThread(t, [stableRoute(upstream.port)])

test('row 1: serves on when an answer has Trailer and Content-Length together', async t => {
  const { thread, recorder } = start()
  answering(recorder, 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok')
  for (let i = 0; i < 3; i++) {
    const answer = await ask(thread.port)
    t.equal(answer?.status, 200)
    t.equal(fieldOf(answer, 'trailer'), undefined, 'the field is gone')
    t.equal(answer.body.toString(), 'ok')
  }
  t.equal(thread.exitCode(), undefined, 'the thread lives')
})

test('row 5: asks the upstream once when it answers 503 with Retry-After', async t => {
  const { thread, recorder, counted } = start()
  answering(
    recorder,
    'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nContent-Length: 2\r\n\r\nno'
  )
  const answer = await ask(thread.port)
  t.equal(answer?.status, 503)
  t.equal(fieldOf(answer, 'retry-after'), '120', 'the answer is the upstream’s')
  t.equal(recorder.requests.length, 1)
  await until('the outcome', () => counted('upstream_error') === 1)
})

test('row 7: says 502 and nothing internal when an upstream fails', async t => {
  const closed = await freePort()
  for (const [what, bytes, code] of [
    ['garbage', '\x00\x01garbage\r\n\r\n', 'SLC_UPSTREAM_INVALID'],
    ['a closed connection', null, 'SLC_UPSTREAM_RESET'],
    [
      'bad framing',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      'SLC_UPSTREAM_INVALID'
    ]
  ] as const) {
    const { thread, recorder } = start()
    recorder.behave({
      onRequest: (_, socket) => (bytes === null ? socket.destroy() : socket.write(bytes, 'latin1'))
    })
    const answer = await ask(thread.port)
    t.equal(answer?.status, 502, what)
    checkProblem(t, answer.body, code)
    t.match(
      fieldOf(answer, 'proxy-status'),
      /^sluice; error=/,
      'Proxy-Status tells whose answer it is'
    )
  }
  const thread = await startDataThread(t, [stableRoute(closed)])
  const answer = await ask(thread.port)
  t.equal(answer?.status, 502, 'a refused connection')
  checkProblem(t, answer.body, 'SLC_UPSTREAM_CONNECT')
  t.equal(fieldOf(answer, 'proxy-status'), 'sluice; error=connection_refused')
})

test('row 8: resets the client when a body without length is reset, and ends it cleanly at FIN', async t => {
  const { thread, recorder, counted } = start()
  const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello'
  recorder.behave({
    onRequest: (_, socket) => socket.write(head, () => setImmediate(() => socket.resetAndDestroy()))
  })
  const broken = await rawClient(thread.port)
  broken.send(GET)
  await broken.until(() => broken.end() !== 'open')
  t.equal(broken.end(), 'reset')
  t.notMatch(broken.bytes().toString('latin1'), '0\r\n\r\n', 'no last chunk is forged')
  await until('the outcome', () => counted('reset') === 1)

  recorder.behave({ onRequest: (_, socket) => socket.end(head) })
  const whole = await rawClient(thread.port)
  whole.send(GET)
  await whole.until(() => whole.end() !== 'open')
  t.equal(whole.end(), 'fin')
  const [answer] = readAnswers(whole.bytes(), whole.end()).final
  if (answer === undefined) throw new Error('no answer')
  t.equal(answer.framing, 'close', 'a body that ends with its connection stays one')
  t.equal(fieldOf(answer, 'connection'), 'close')
  t.equal(answer.body.toString(), 'hello')
  await until('the outcome', () => counted('ok') === 1)
})

test('row 9: keeps fields of the upstream’s connection to itself when they are nominated or hop-by-hop', async t => {
  const { thread, recorder } = start()
  answering(
    recorder,
    [
      'HTTP/1.1 200 OK',
      'Connection: close, X-Internal',
      'X-Internal: 1',
      'Keep-Alive: timeout=99',
      'Proxy-Connection: close',
      'Proxy-Authenticate: Basic',
      'Upgrade: foo',
      'X-Sluice-Variant: forged',
      'X-Kept: yes',
      'Content-Length: 2',
      '',
      'ok'
    ].join('\r\n')
  )
  const answer = await ask(thread.port)
  for (const name of ['x-internal', 'proxy-connection', 'proxy-authenticate', 'upgrade']) {
    t.equal(fieldOf(answer, name), undefined, name)
  }
  t.equal(fieldOf(answer, 'x-kept'), 'yes')
  t.equal(fieldOf(answer, 'connection'), 'keep-alive', 'ours, about our connection')
  t.equal(fieldOf(answer, 'keep-alive'), 'timeout=75')
  t.equal(fieldOf(answer, 'x-sluice-variant'), 'stable', 'the upstream cannot forge who it is')
})

test('row 14: passes a 304 with Content-Length and an unasked 100 Continue', async t => {
  const { thread, recorder } = start()
  answering(recorder, 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 200\r\n\r\n')
  const unchanged = await ask(thread.port)
  t.equal(unchanged?.status, 304)
  t.equal(fieldOf(unchanged, 'content-length'), '200')

  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  for (const parts of [
    [`HTTP/1.1 100 Continue\r\n\r\n${ok}`],
    [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\n${ok}`],
    ['HTTP/1.1 1', '00 Continue\r\n', '\r\nHTT', ok.slice(3)]
  ]) {
    recorder.behave({
      onRequest: async (_, socket) => {
        for (const part of parts) {
          await new Promise<void>(resolve => socket.write(part, () => setTimeout(resolve, 20)))
        }
      }
    })
    const answer = await ask(thread.port)
    t.equal(answer?.status, 200, `${parts.length} pieces`)
    t.equal(answer.body.toString(), 'ok')
  }
})

test('answers from the champion when the challenger refuses the connection, and counts both', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [canaryRoute(recorder.port, await freePort())])
  const answer = await ask(thread.port)
  t.equal(answer?.status, 200)
  t.equal(fieldOf(answer, 'x-sluice-variant'), 'stable')
  await until('the outcomes', () => thread.count('stable', 'ok', 'other') === 1)
  t.equal(thread.count('canary', 'connect', 'hash'), 1, 'in the challenger’s own cohort')
  t.equal(thread.count('canary', 'ok'), 0)
  t.equal(thread.inFlight('canary') + thread.inFlight('stable'), 0)
})

test('sends a body that is still coming to the champion, whole and once, when the challenger refuses', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [canaryRoute(recorder.port, await freePort())])
  const client = await rawClient(thread.port)
  client.send(`${GET.replace('GET', 'POST').slice(0, -2)}Transfer-Encoding: chunked\r\n\r\n`)
  for (const part of ['one', 'two', 'six']) {
    client.send(`3\r\n${part}\r\n`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  client.send('0\r\n\r\n')
  await client.until(() => readAnswers(client.bytes(), client.end()).final.length === 1)
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 200)
  client.close()
  t.equal(recorder.requests.length, 1)
  t.equal(recorder.requests[0]?.body.toString(), 'onetwosix')
})

test('tries one other address of the variant when a connection is refused, and no third', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const [first, second] = [await freePort(), await freePort()]
  const addresses = [localAddress(first, 0), localAddress(recorder.port, 1)]
  const route = stableRoute(0, { variants: [variantSnapshot('stable', { addresses })] })
  const thread = await startDataThread(t, [route])
  for (let i = 0; i < 4; i++) t.equal((await ask(thread.port))?.status, 200)
  await until('the outcomes', () => thread.count('stable', 'ok') === 4)
  t.equal(thread.count('stable', 'connect'), 0, 'the address that answered decides')

  const dead = [localAddress(first, 0), localAddress(second, 1)]
  await thread.post([
    stableRoute(0, { variants: [variantSnapshot('stable', { addresses: dead })] })
  ])
  t.equal((await ask(thread.port))?.status, 502)
  await until('the outcome', () => thread.count('stable', 'connect') === 1)
})

/** The shared thread and upstream, and what has been counted since. */
function start() {
  const before = new Map(OUTCOMES.map(outcome => [outcome, shared.count('stable', outcome)]))
  upstream.requests.length = 0
  return {
    recorder: upstream,
    thread: shared,
    counted: (outcome: Outcome) => shared.count('stable', outcome) - (before.get(outcome) ?? 0)
  }
}

function answering(recorder: Recorder, bytes: string): void {
  recorder.behave({ onRequest: (_, socket) => void socket.write(bytes, 'latin1') })
}

async function ask(port: number) {
  const client = await rawClient(port)
  client.send(GET)
  await client.until(() => {
    const [answer] = readAnswers(client.bytes(), client.end()).final
    return answer?.complete === true || client.end() !== 'open'
  })
  const [answer] = readAnswers(client.bytes(), client.end()).final
  client.close()
  if (answer === undefined) throw new Error(`no answer: ${client.bytes().toString('latin1')}`)
  return answer
}

function checkProblem(t: Tap, body: Buffer, code: string): void {
  const parsed = JSON.parse(body.toString())
  t.equal(parsed.code, code)
  t.notMatch(body.toString(), /node|undici|ECONN|assert|HPE_|\.js/i, 'nothing internal')
}
