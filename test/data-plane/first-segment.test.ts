/** What came in one segment is looked at as a whole: a fault at its end takes back its beginning. */
import { test } from 'tap'
import { readAnswers } from '../helpers/answers.ts'
import { stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'

const HEAD = 'POST /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n'
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`

test('nothing of a segment with a fault in it is forwarded', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [stableRoute(recorder.port)])
  const statusOf = async (bytes: string) => {
    const client = await rawClient(thread.port)
    client.send(bytes)
    await until('an answer', () => readAnswers(client.bytes(), client.end()).final.length === 1)
    const [answer] = readAnswers(client.bytes(), client.end()).final
    client.close()
    return answer?.status
  }
  for (const connection of ['none', 'one that is idle']) {
    const { length } = recorder.requests
    for (const rest of ['ZZ\r\n', '0\r\nno field\r\n\r\n', '5\r\nworldX']) {
      t.equal(await statusOf(`${CHUNKED}${rest}`), 400, JSON.stringify(rest))
    }
    t.equal(await statusOf(`${CHUNKED}0\r\n\r\n`), 200, 'the same without a fault')
    t.equal(recorder.requests.length, length + 1, `over ${connection} to the upstream`)
    t.equal(recorder.requests.at(-1)?.body.toString(), 'hello')
    t.equal(recorder.accepted(), 1)
  }
})

test('requests of one segment are forwarded in their order', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [stableRoute(recorder.port)])
  const client = await rawClient(thread.port)
  const sized = (body: string) => `${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`
  client.send(`${sized('one')}${sized('two')}${CHUNKED}0\r\n\r\n`)
  await until('three answers', () => readAnswers(client.bytes(), client.end()).final.length === 3)
  const bodies = recorder.requests.map(({ body }) => body.toString())
  t.strictSame(bodies, ['one', 'two', 'hello'])
  client.close()
})
