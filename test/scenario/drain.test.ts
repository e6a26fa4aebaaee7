/**
 * SIGTERM under load: no request whose bytes were accepted may fail (helpers/drain-trial.ts says what that is),
 * the process ends with 0, and streams end by themselves or visibly. bench/macro/drain.ts does it more often.
 */
import t from 'tap'
import { readAnswers } from '../helpers/answers.ts'
import { drainOnce, requestText } from '../helpers/drain-trial.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { type Sluice, startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const DRAINS = 4
const CLIENTS = 200

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test(
  `loses no request when SIGTERM comes ${DRAINS} times under ${CLIENTS} keep-alive clients`,
  async t => {
    let answered = 0
    for (let i = 0; i < DRAINS; i++) {
      const tally = await drainOnce(CLIENTS)
      answered += tally.answered
      t.same(
        tally.failed,
        [],
        `drain ${i}: ${tally.answered} answered, ${tally.refused} not accepted`
      )
    }
    t.ok(answered >= 2 * DRAINS * CLIENTS, `${answered} answers in all`)
  }
)

t.test('answers /readyz with 503 and still serves when the delay of a drain runs', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const config = { ...demoConfig(recorder.url), drain: { delay: '3s', grace: '5s' } }
  const sluice = await startSluice(config, { t, ...DEMO_START })
  sluice.signal('SIGTERM')
  await until('/readyz to say 503', async () => {
    const ready = await fetch(new URL('/readyz', sluice.telemetryUrl ?? sluice.adminUrl))
    return ready.status === 503
  })
  const answer = await once(sluice, '/v1/predict')
  t.match(answer, /^HTTP\/1\.1 200 /)
  t.same(await sluice.exited, { code: 0, signal: null })
})

t.test(
  'waits for a stream to end within the grace when SIGTERM comes, and says close on it',
  async t => {
    const recorder = await startRecorder()
    t.teardown(() => recorder.close())
    const config = { ...demoConfig(recorder.url), drain: { delay: '0s', grace: '20s' } }
    const sluice = await startSluice(config, { t, ...DEMO_START })
    let finish = () => {}
    recorder.behave({
      onRequest: (_, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n')
        socket.write('Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n')
        finish = () => void socket.write('9\r\ndata: 2\n\n\r\n0\r\n\r\n')
      }
    })
    const client = await rawClient(Number(new URL(sluice.dataUrl).port))
    client.send(requestText('/v1/predict', 1))
    await client.until(() => client.bytes().includes('data: 1'))
    sluice.signal('SIGTERM')
    await until('the listener to be closed', async () => {
      return rawClient(Number(new URL(sluice.dataUrl).port)).then(
        c => void c.close(),
        () => true
      )
    })
    finish()
    await client.until(() => client.end() !== 'open')
    const [answer] = readAnswers(client.bytes(), client.end()).final
    t.equal(answer?.complete, true)
    t.equal(answer?.body.toString(), 'data: 1\n\ndata: 2\n\n')
    t.same(await sluice.exited, { code: 0, signal: null })
  }
)

t.test('breaks a stream visibly when the grace is over', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const config = { ...demoConfig(recorder.url), drain: { delay: '0s', grace: '1s' } }
  const sluice = await startSluice(config, { t, ...DEMO_START })
  recorder.behave({
    onRequest: (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n')
      socket.write('Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n')
    }
  })
  const client = await rawClient(Number(new URL(sluice.dataUrl).port))
  client.send(requestText('/v1/predict', 1))
  await client.until(() => client.bytes().includes('data: 1'))
  sluice.signal('SIGTERM')
  await client.until(() => client.end() !== 'open')
  const [answer] = readAnswers(client.bytes(), client.end()).final
  t.equal(answer?.complete, false)
  t.same(await sluice.exited, { code: 0, signal: null })
})

async function once(sluice: Sluice, target: string): Promise<string> {
  const client = await rawClient(Number(new URL(sluice.dataUrl).port))
  client.send(requestText(target, 0))
  await client.until(() => readAnswers(client.bytes(), client.end()).final[0]?.complete === true)
  client.close()
  return client.bytes().toString()
}
