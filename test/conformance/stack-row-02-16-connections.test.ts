/**
 * What clients do to their connections: rows 2, 3, 4, 15, 16 and 17 of the list of what the parts do unless they
 * are told otherwise.
 */
import t, { test } from 'tap'
import { readAnswers } from '../helpers/answers.ts'
import { stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { answerOk, startRecorder } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'

const HEAD = '/v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n'
const GET = `GET ${HEAD}\r\n`
const POST = `POST ${HEAD}Content-Length: 7\r\n\r\n{"x":1}`
const SSE =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n'

const recorder = await startRecorder()
t.teardown(() => recorder.close())
const thread = await startDataThread(t, [stableRoute(recorder.port)])

test('row 2: writes nothing into a running answer when bad bytes come, and cuts it', async t => {
  recorder.behave({ onRequest: (_, socket) => void socket.write(SSE) })
  const client = await rawClient(thread.port)
  client.send(GET)
  await client.until(() => client.bytes().includes('data: 1'))
  client.send('GARBAGE\r\n\r\n')
  await client.until(() => client.end() !== 'open')
  const [answer, ...more] = readAnswers(client.bytes(), client.end()).final
  if (answer === undefined) throw new Error('no answer')
  t.equal(answer.status, 200)
  t.equal(answer.complete, false, 'the client can see that it is cut')
  t.equal(answer.body.toString(), 'data: 1\n\n', 'nothing of ours is in the body')
  t.equal(more.length, 0)
  await until('the upstream to be let go', () => recorder.open() === 0)
})

test('row 3: cancels the upstream when the client leaves before the head of the answer', async t => {
  for (const request of [GET, POST]) {
    recorder.behave({})
    const from = recorder.requests.length
    const gone = thread.count('stable', 'client_gone')
    const client = await rawClient(thread.port)
    client.send(request)
    await until('the request upstream', () => recorder.requests[from]?.complete)
    client.close()
    await until('the upstream connection to be closed', () => recorder.open() === 0)
    await until('the outcome', () => thread.count('stable', 'client_gone') === gone + 1)
    t.equal(thread.inFlight('stable'), 0)
  }
})

test('row 4: answers a POST when its body was read long before the answer', async t => {
  recorder.behave({
    onRequest: (request, socket) => void setTimeout(() => answerOk(request, socket), 100)
  })
  for (const request of [
    POST,
    POST.replace(
      'Content-Length: 7\r\n\r\n{"x":1}',
      'Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'
    )
  ]) {
    const client = await rawClient(thread.port)
    client.send(request)
    await client.until(() => readAnswers(client.bytes(), client.end()).final.length === 1)
    t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 200)
    client.close()
  }
})

test('row 15: takes a client that half-closes for one that has left', async t => {
  recorder.behave({})
  const gone = thread.count('stable', 'client_gone')
  const from = recorder.requests.length
  const client = await rawClient(thread.port)
  client.send(GET)
  await until('the request upstream', () => recorder.requests[from]?.complete)
  client.fin()
  await until('the outcome', () => thread.count('stable', 'client_gone') === gone + 1)
  await until('the upstream connection to be closed', () => recorder.open() === 0)
  t.equal(client.bytes().length, 0, 'no answer')
  client.close()
})

test('row 16: has one request of a connection upstream at a time when a client pipelines', async t => {
  let open = 0
  let most = 0
  recorder.behave({
    onRequest: (request, socket) => {
      most = Math.max(most, ++open)
      setTimeout(() => {
        open--
        answerOk(request, socket)
      }, 5)
    }
  })
  const from = recorder.requests.length
  const client = await rawClient(thread.port)
  const targets = Array.from({ length: 40 }, (_, i) => `/v1/predict?n=${i}`)
  client.send(targets.map(target => GET.replace('/v1/predict', target)).join(''))
  await client.until(() => readAnswers(client.bytes(), client.end()).final.length === 40)
  client.close()
  t.equal(most, 1)
  const seen = recorder.requests.slice(from).map(request => request.head.split(' ')[1])
  t.same(seen, targets, 'in order')
})

test('row 17: stops reading the upstream when clients stop reading, and keeps little', async t => {
  const chunk = Buffer.alloc(65_536, 'x')
  let sent = 0
  recorder.behave({
    onRequest: (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n')
      const more = (): void => {
        while (!socket.destroyed && sent < 2 ** 30) {
          sent += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.on('drain', more)
      more()
    }
  })
  const client = await rawClient(thread.port)
  client.pause()
  client.send(GET)
  let last = -1
  await until(
    'the upstream to be held back',
    () => {
      const held = sent > 0 && sent === last
      last = sent
      return held
    },
    { every: 500 }
  )
  t.ok(sent < 64 * 2 ** 20, `${sent} bytes were taken from the upstream`)
  client.close()
  await until('the upstream connection to be closed', () => recorder.open() === 0)
})
