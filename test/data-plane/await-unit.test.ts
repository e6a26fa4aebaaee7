/** Requests whose unit stands in their body, through real sockets: what goes where, when, and byte for byte. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { AT, REASONS } from '../../src/domain/counts.ts'
import { fieldOf } from '../helpers/answers.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { headerOf } from '../helpers/recorder.ts'
import {
  answered,
  bodyRoute,
  CANARY_USER,
  chunked,
  HEAD,
  orFail,
  STABLE_USER,
  stage,
  wholeAnswers,
  withLength
} from '../helpers/unit-in-body.ts'
import { until } from '../helpers/until.ts'

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
