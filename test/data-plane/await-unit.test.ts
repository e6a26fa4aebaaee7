/** Requests whose unit stands in their body, through real sockets: what goes where, when, and byte for byte. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { AT, REASONS, SHED_REASONS } from '../../src/domain/counts.ts'
import { bucketOfHash, hashText, saltPrefix } from '../../src/domain/hash.ts'
import type { RouteSnapshot } from '../../src/domain/snapshot.ts'
import { type Answer, fieldOf, readAnswers } from '../helpers/answers.ts'
import { canaryRoute, type DataThread, startDataThread } from '../helpers/data-thread.ts'
import { type RawClient, rawClient } from '../helpers/raw-client.ts'
import { answerOk, headerOf, type Recorder, startRecorder } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'

type Teardown = { teardown(done: () => unknown): unknown }
type Stage = { readonly stable: Recorder; readonly canary: Recorder; readonly thread: DataThread }

const HEAD = 'POST /v1/predict HTTP/1.1\r\nHost: router.test\r\nContent-Type: application/json\r\n'

/** Half of the buckets each; the unit stands at /user. */
async function stage(
  t: Teardown,
  changes: Partial<RouteSnapshot> = {},
  threads = 1
): Promise<Stage> {
  const stable = await startRecorder()
  const canary = await startRecorder()
  t.teardown(() => Promise.all([stable.close(), canary.close()]))
  const thread = await startDataThread(t, [bodyRoute(stable, canary, changes)], { threads })
  return { stable, canary, thread }
}

function bodyRoute(
  stable: Recorder,
  canary: Recorder,
  changes: Partial<RouteSnapshot> = {}
): RouteSnapshot {
  return canaryRoute(stable.port, canary.port, {
    protocol: 'json',
    hashOn: [{ json: '/user' }],
    ranges: [
      { start: 0, end: 5000, variant: 1 },
      { start: 5000, end: 10_000, variant: 0 }
    ],
    ...changes
  })
}

function isCanary(unit: string): boolean {
  return bucketOfHash(hashText(saltPrefix('fraud.0'), unit)) < 5000
}

const CANARY_USER = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'].find(isCanary) ?? ''
const STABLE_USER = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'].find(unit => !isCanary(unit)) ?? ''

function withLength(body: string | Uint8Array, fields = ''): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([
    Buffer.from(`${HEAD}${fields}Content-Length: ${bytes.length}\r\n\r\n`),
    bytes
  ])
}

function chunked(pieces: readonly string[], fields = ''): Buffer {
  const chunks = pieces.map(piece => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
  return Buffer.from(
    `${HEAD}${fields}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`
  )
}

async function answered(
  client: RawClient,
  count = 1
): Promise<{ readonly answers: readonly Answer[] }> {
  await until('an answer', () => wholeAnswers(client).length >= count)
  return { answers: wholeAnswers(client) }
}

function wholeAnswers(client: RawClient): readonly Answer[] {
  const { final } = readAnswers(client.bytes(), client.end())
  return final.filter(({ complete }) => complete)
}

test('sends a request by the unit in its body when it comes in one piece or in two at any byte', async t => {
  const { stable, canary, thread } = await stage(t)
  const body = `{"messages":["x, \\"user\\":\\"no\\""],"user":"${CANARY_USER}","rest":[1,2,3]}`
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  let sent = 0
  for (const request of [withLength(body), chunked([body.slice(0, 30), body.slice(30)])]) {
    for (let at = 1; at <= request.length; at += 9) {
      client.send(request.subarray(0, at))
      if (at < request.length) {
        await new Promise(resolve => setImmediate(resolve))
        client.send(request.subarray(at))
      }
      await answered(client, ++sent)
    }
  }
  const answers = wholeAnswers(client)
  t.equal(answers.filter(({ status }) => status === 200).length, sent)
  t.equal(canary.requests.filter(({ body: got }) => got.toString() === body).length, sent)
  t.equal(stable.requests.length, 0)
  t.equal(thread.count('canary', 'ok', 'hash'), sent)
  const framed = canary.requests.filter(
    request =>
      headerOf(request, 'content-length') === String(body.length) ||
      headerOf(request, 'transfer-encoding') === 'chunked'
  )
  t.equal(framed.length, sent)
})

test('tells no upstream of a request before its unit is known, and streams the rest behind it', async t => {
  const { stable, canary, thread } = await stage(t)
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  const rest = `,"text":"${'x'.repeat(300_000)}"}`
  const begin = `{"a":"${'y'.repeat(100_000)}",`
  const unit = `"user":"${STABLE_USER}"`
  const length = begin.length + unit.length + rest.length
  client.send(`${HEAD}Content-Length: ${length}\r\n\r\n${begin}`)
  await new Promise(resolve => setTimeout(resolve, 200))
  t.equal(stable.accepted() + canary.accepted(), 0)
  client.send(unit)
  await until('the beginning at the upstream', () => stable.requests[0]?.head !== undefined)
  await until(
    'all that was held',
    () => stable.requests[0]?.body.length === begin.length + unit.length
  )
  t.equal(stable.requests[0]?.complete, false)
  client.send(rest)
  await answered(client)
  t.equal(stable.requests[0]?.body.toString(), begin + unit + rest)
  t.equal(headerOf(orFail(stable.requests[0]), 'content-length'), String(length))
  t.equal(canary.accepted(), 0)
})

test('passes a body on byte for byte when it is large and its unit is its last member', async t => {
  const { canary, thread } = await stage(t)
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  const body = Buffer.from(
    `{"text":"${'é"\\'.replace('"', '\\"').replace(/\\$/, '\\\\').repeat(1_000_000)}","user":"${CANARY_USER}"}`
  )
  client.send(withLength(body))
  await answered(client)
  const got = orFail(canary.requests[0])
  t.equal(digest(got.body), digest(body))
  t.equal(got.complete, true)
})

test('holds small pieces without losing their order when a body comes in single bytes', async t => {
  const { canary, thread } = await stage(t)
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  const body = `{"n":[${Array.from({ length: 3000 }, (_, i) => i).join()}],"user":"${CANARY_USER}"}`
  const request = chunked([...body])
  for (let at = 0; at < request.length; at += 20_000) {
    client.send(request.subarray(at, at + 20_000))
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await answered(client)
  t.equal(orFail(canary.requests[0]).body.toString(), body)
  t.equal(headerOf(orFail(canary.requests[0]), 'transfer-encoding'), 'chunked')
})

test('asks a client that expects 100 for its body once, when the unit is in it and when it is not', async t => {
  const { thread } = await stage(t)
  for (const user of [CANARY_USER, '']) {
    const client = await rawClient(thread.port)
    t.teardown(() => client.close())
    const body = `{"user":"${user}"}`
    client.send(`${HEAD}Expect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`)
    await until('100', () => client.bytes().toString().startsWith('HTTP/1.1 100'))
    client.send(body)
    await until('the answer', () => client.bytes().includes('HTTP/1.1 200'))
    t.equal(client.bytes().toString().split('HTTP/1.1 100').length, 2)
  }
})

test('goes to the champion at once when a body is coded, of another type, or has none', async t => {
  const { stable, canary, thread } = await stage(t)
  const json = Buffer.from(`{"user":"${CANARY_USER}"}`)
  const requests = [
    withLength(gzipSync(json), 'Content-Encoding: gzip\r\n'),
    withLength(json, 'Content-Type: text/csv\r\n'),
    withLength(''),
    Buffer.from('GET /v1/predict HTTP/1.1\r\nHost: router.test\r\n\r\n'),
    withLength(json, 'Inference-Header-Content-Length: 0\r\n')
  ]
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  for (const [i, request] of requests.entries()) {
    client.send(request)
    await answered(client, i + 1)
  }
  t.equal(stable.requests.length, requests.length)
  t.same(stable.requests[0]?.body, gzipSync(json))
  t.equal(canary.accepted(), 0)
  t.equal(thread.count('stable', 'ok', 'other'), requests.length)
  const missing = AT.assignments + REASONS.indexOf('missing_unit')
  t.equal(thread.counters('stable').words[missing], requests.length)
  const late = await rawClient(thread.port)
  t.teardown(() => late.close())
  late.send(`${HEAD}Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\nhalf`)
  await until('half a request', () => stable.requests.length > requests.length)
  t.equal(stable.requests.at(-1)?.complete, false)
})

test('passes odd bodies on as they are when they cannot be read', async t => {
  const { stable, thread } = await stage(t)
  const bodies = [
    Buffer.from(`${'['.repeat(10_000)}${']'.repeat(10_000)}`),
    Buffer.from(`{"user":"${STABLE_USER}","user":"${CANARY_USER}"}`),
    Buffer.from(`\ufeff{"user":"${STABLE_USER}"}`),
    Buffer.from(`\ufeff{"user":"${CANARY_USER}"}`, 'utf16le'),
    Buffer.from('{"user":'),
    Buffer.from('<html>\0\xff', 'latin1'),
    Buffer.from('{"user":null}')
  ]
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  for (const [i, body] of bodies.entries()) {
    client.send(withLength(body))
    await answered(client, i + 1)
    t.ok(stable.requests[i]?.body.equals(body), body.subarray(0, 20).toString('latin1'))
  }
})

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

test('decides by the routes in force at the end of the wait when its variant was rolled back meanwhile', async t => {
  const { stable, canary, thread } = await stage(t)
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  const request = withLength(`{"a":1,"user":"${CANARY_USER}"}`)
  client.send(request.subarray(0, -12))
  await until('the request to be here', () => thread.region.words[1] === 1)
  await new Promise(resolve => setTimeout(resolve, 50))
  const route = bodyRoute(stable, canary)
  const variants = route.variants.map((variant, i) => ({ ...variant, rolledBack: i === 1 }))
  await thread.post([{ ...route, variants, revision: '1-2' }])
  client.send(request.subarray(-12))
  const { answers } = await answered(client)
  t.equal(fieldOf(orFail(answers[0]), 'x-sluice-variant'), 'stable')
  t.equal(fieldOf(orFail(answers[0]), 'x-sluice-revision'), '1-2')
  t.equal(canary.accepted(), 0)
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

test('answers pipelined requests in their order when the first waits for its unit', async t => {
  const { stable, canary, thread } = await stage(t)
  const client = await rawClient(thread.port)
  t.teardown(() => client.close())
  const first = withLength(`{"x":1,"user":"${CANARY_USER}"}`)
  const second = withLength(`{"user":"${STABLE_USER}"}`)
  client.send(first.subarray(0, -5))
  await new Promise(resolve => setTimeout(resolve, 20))
  client.send(Buffer.concat([first.subarray(-5), second, first]))
  const { answers } = await answered(client, 3)
  const variants = answers.map(answer => fieldOf(answer, 'x-sluice-variant'))
  t.same(variants, ['canary', 'stable', 'canary'])
  t.equal(stable.requests.length, 1)
  t.equal(canary.requests.length, 2)
})

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function orFail<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is none')
  return value
}
