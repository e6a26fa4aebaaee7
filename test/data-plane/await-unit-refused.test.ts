/** Requests that wait for the unit in their body, when a limit is met or somebody does not do its part. */
import { test } from 'tap'
import { AT, SHED_REASONS } from '../../src/domain/counts.ts'
import { fieldOf } from '../helpers/answers.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { answerOk } from '../helpers/recorder.ts'
import {
  answered,
  CANARY_USER,
  HEAD,
  orFail,
  STABLE_USER,
  stage,
  withLength
} from '../helpers/unit-in-body.ts'
import { until } from '../helpers/until.ts'

test('refuses a request when its unit is too long or is missing where the route needs one', async t => {
  const { stable, canary, thread } = await stage(t, { onMissingUnit: 'reject' })
  for (const [body, code] of [
    [`{"user":"${'x'.repeat(257)}"}`, 'SLC_UNIT_INVALID'],
    ['{"usr":"u1"}', 'SLC_UNIT_MISSING']
  ] as const) {
    const client = await rawClient(thread.port)
    t.teardown(() => client.close())
    const request = withLength(body)
    client.send(request.subarray(0, -3))
    await new Promise(resolve => setImmediate(resolve))
    client.send(request.subarray(-3))
    const { answers } = await answered(client)
    t.equal(answers[0]?.status, 400)
    t.match(answers[0]?.body.toString(), code)
  }
  t.equal(stable.accepted() + canary.accepted(), 0)
  t.equal(thread.rejected('unit'), 2)
})

test('refuses a body when it is larger than the limit, also while it is held', async t => {
  const { stable, canary, thread } = await stage(t, { limits: { body: 50_000, inFlight: 10 } })
  const declared = await rawClient(thread.port)
  const held = await rawClient(thread.port)
  t.teardown(() => [declared.close(), held.close()])
  declared.send(`${HEAD}Content-Length: 50001\r\n\r\n{`)
  t.equal((await answered(declared)).answers[0]?.status, 413)
  held.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
  for (let i = 0; i < 6; i++) held.send(`2710\r\n${' '.repeat(10_000)}\r\n`)
  t.equal((await answered(held)).answers[0]?.status, 413)
  t.equal(stable.accepted() + canary.accepted(), 0)
})

test('sheds a request when the thread has no room for its body, and has it again when others left', async t => {
  const { stable, thread } = await stage(t, {}, 4096)
  const holding = await rawClient(thread.port)
  holding.send(`${HEAD}Content-Length: 60000\r\n\r\n{${' '.repeat(50_000)}`)
  const shed = await rawClient(thread.port)
  t.teardown(() => [holding.close(), shed.close()])
  const body = `{"a":"${'x'.repeat(40_000)}","user":"${STABLE_USER}"}`
  await new Promise(resolve => setTimeout(resolve, 100))
  shed.send(withLength(body).subarray(0, -1))
  const { answers } = await answered(shed)
  t.equal(answers[0]?.status, 503)
  t.equal(fieldOf(orFail(answers[0]), 'retry-after'), '1')
  t.match(answers[0]?.body.toString(), 'SLC_SHED_BODY')
  const at = AT.shed + SHED_REASONS.indexOf('body')
  t.equal(thread.counters('stable').words[at], 1)
  t.equal(thread.count('stable', 'shed') + thread.count('canary', 'shed'), 0, 'no evidence')
  holding.reset()
  await until('room again', async () => {
    const client = await rawClient(thread.port)
    const request = withLength(body)
    client.send(request.subarray(0, 100))
    await new Promise(resolve => setImmediate(resolve))
    client.send(request.subarray(100))
    const [answer] = (await answered(client)).answers
    client.close()
    return answer?.status === 200
  })
  t.ok(stable.requests.at(-1)?.body.equals(Buffer.from(body)))
  t.equal(thread.inFlight('stable'), 0)
})

test('forwards nothing when the framing of a held body breaks or its client leaves', async t => {
  const { stable, canary, thread } = await stage(t)
  const broken = await rawClient(thread.port)
  t.teardown(() => broken.close())
  broken.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n`)
  await new Promise(resolve => setTimeout(resolve, 50))
  broken.send('zz\r\nuser')
  t.equal((await answered(broken)).answers[0]?.status, 400)
  const together = await rawClient(thread.port)
  t.teardown(() => together.close())
  together.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n`)
  await new Promise(resolve => setTimeout(resolve, 50))
  const unit = `1,"user":"${CANARY_USER}"`
  together.send(`${unit.length.toString(16)}\r\n${unit}\r\nzz\r\n`)
  t.equal(
    (await answered(together)).answers[0]?.status,
    400,
    'the fault is in the segment of the unit'
  )
  const leaving = await rawClient(thread.port)
  leaving.send(`${HEAD}Content-Length: 100\r\n\r\n{"a":`)
  await new Promise(resolve => setTimeout(resolve, 50))
  leaving.reset()
  const next = await rawClient(thread.port)
  t.teardown(() => next.close())
  next.send(withLength(`{"user":"${STABLE_USER}"}`))
  await answered(next)
  t.equal(canary.accepted(), 0)
  t.equal(stable.requests.length, 1)
  t.same(
    thread.logs().filter(({ level }) => level === 'error'),
    []
  )
})

test('holds the client back when the upstream does not take what was held', async t => {
  const { canary, thread } = await stage(t)
  let open = (): void => {}
  canary.behave({
    onHead: (_request, socket) => {
      socket.pause()
      open = () => socket.resume()
    },
    onRequest: answerOk
  })
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  const body = `{"user":"${CANARY_USER}","text":"${'x'.repeat(16_000_000)}"}`
  client.send(withLength(body))
  await until('the upstream to have the head', () => canary.requests.length === 1)
  await new Promise(resolve => setTimeout(resolve, 500))
  t.ok(client.socket.writableLength > 5_000_000, 'most of it waits at the client')
  open()
  await answered(client)
  t.equal(orFail(canary.requests[0]).body.length, body.length)
})

test('sends all that was held to the champion when nothing of its variant accepts a connection', async t => {
  const { stable, canary, thread } = await stage(t)
  await canary.close()
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  const body = `{"a":"${'x'.repeat(9000)}","user":"${CANARY_USER}","b":"${'y'.repeat(90_000)}"}`
  const request = withLength(body)
  for (const [i, cut] of [500, 9500, request.length - 2].entries()) {
    client.send(request.subarray(0, cut))
    await new Promise(resolve => setTimeout(resolve, 20))
    client.send(request.subarray(cut))
    const { answers } = await answered(client, i + 1)
    t.equal(fieldOf(orFail(answers[i]), 'x-sluice-variant'), 'stable')
    t.equal(stable.requests[i]?.body.toString(), body)
  }
  t.equal(thread.count('canary', 'connect', 'hash'), 3)
  t.equal(thread.count('stable', 'ok', 'other'), 3)
})
