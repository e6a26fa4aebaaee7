/**
 * What a request can carry: rows 6 and 13 of the list of what the parts do unless they are told otherwise. The
 * raw cases have the many spellings; here is what they do not say, and the fields that we add.
 */
import t, { type Test as Tap, test } from 'tap'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { headerOf, startRecorder } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'

const recorder = await startRecorder()
t.teardown(() => recorder.close())
const route = stableRoute(recorder.port, {
  limits: { body: 1000, inFlight: 16 },
  hashOn: [{ header: 'x-user-id' }]
})
const thread = await startDataThread(t, [route])

test('row 6: answers Expect itself and drops what undici would throw on', async t => {
  const request = await forwarded(
    t,
    'GET /v1/predict HTTP/1.1',
    'Upgrade: foo/1',
    'Keep-Alive: timeout=5',
    'TE: trailers',
    'Trailer: X-T',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic YTpi'
  )
  for (const name of [
    'upgrade',
    'keep-alive',
    'te',
    'trailer',
    'proxy-connection',
    'proxy-authorization'
  ]) {
    t.equal(headerOf(request, name), undefined, name)
  }
})

test('row 6: says 100 Continue when the body is still to come, and forwards no Expect', async t => {
  const from = recorder.requests.length
  const client = await rawClient(thread.port)
  client.send(
    `${head('POST /v1/predict HTTP/1.1')}Expect: 100-continue\r\nContent-Length: 7\r\n\r\n`
  )
  await client.until(() => client.bytes().includes('\r\n\r\n'))
  t.equal(client.bytes().toString(), 'HTTP/1.1 100 Continue\r\n\r\n')
  client.send('{"x":1}')
  await client.until(() => readAnswers(client.bytes(), client.end()).final.length === 1)
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 200)
  const request = recorder.requests[from]
  if (request === undefined) throw new Error('nothing was forwarded')
  t.equal(headerOf(request, 'expect'), undefined)
  t.equal(request.body.toString(), '{"x":1}')
  client.close()
})

test('row 6: refuses before it says 100 when the body is too large or the expectation unknown', async t => {
  const large = await refused(
    t,
    'POST /v1/predict HTTP/1.1',
    'Expect: 100-continue',
    'Content-Length: 1001'
  )
  t.equal(large, 413)
  t.equal(
    await refused(t, 'POST /v1/predict HTTP/1.1', 'Expect: 200-maybe', 'Content-Length: 1'),
    417
  )
})

test('row 13: refuses what other servers could read differently', async t => {
  for (const [line, fields, status] of [
    ['GET /v1/predict/%2e%2e/x HTTP/1.1', [], 400],
    ['GET /v1/predict/%252e%252e%252fx HTTP/1.1', [], 400],
    ['GET /v1/predict/..;/x HTTP/1.1', [], 400],
    ['GET /v1/predict/a%5c..%5cb HTTP/1.1', [], 400],
    ['GET /v1/predict/%00 HTTP/1.1', [], 400],
    ['GET /v1/predict/%0d%0aX HTTP/1.1', [], 400],
    ['GET /v1/predict/%e0%80%ae HTTP/1.1', [], 400],
    ['GET /v1/predict%zz HTTP/1.1', [], 400],
    ['GET /v1/predict#x HTTP/1.1', [], 400],
    ['GET http://user@router.test/v1/predict HTTP/1.1', [], 400],
    ['GET http://evil.test/v1/predict HTTP/1.1', [], 421],
    ['GET ftp://router.test/v1/predict HTTP/1.1', [], 400],
    ['GET * HTTP/1.1', [], 400],
    ['TRACE /v1/predict HTTP/1.1', [], 405],
    ['GET /v1/predict HTTP/2.0', [], 505],
    [`GET /v1/predict?${'a'.repeat(8000)} HTTP/1.1`, [], 414],
    ['GET /v1/predict HTTP/1.1', [`X-Long: ${'a'.repeat(8200)}`], 431],
    ['GET /v1/predict HTTP/1.1', Array.from({ length: 101 }, (_, i) => `X-${i}: 1`), 431],
    ['GET /v1/predict HTTP/1.1', ['X_User_Id: admin'], 400],
    ['GET /v1/predict HTTP/1.1', ['X_Sluice_Variant: a'], 400],
    ['GET /v1/predict HTTP/1.1', ['Content_Length: 7'], 400],
    ['GET /v1/predict HTTP/1.1', ['Connection: X-User-Id'], 400],
    ['GET /v1/predict HTTP/1.1', ['Connection: authorization'], 400],
    ['GET /v1/predict HTTP/1.1', ['Connection: close, host'], 400],
    ['GET /v1/predict HTTP/1.1', ['X-User-Id: twice'], 400],
    ['GET /v1/predict HTTP/1.1', ['Via: 1.0 a, 1.1 sluice (x)'], 508],
    ['POST /v1/predict HTTP/1.1', ['Transfer-Encoding: gzip, chunked'], 501],
    ['POST /v1/predict HTTP/1.1', ['Content-Length: 99999999999999999'], 413]
  ] as const) {
    t.equal(await refused(t, line, ...fields), status, `${line.slice(0, 60)} ${fields[0] ?? ''}`)
  }
})

test('row 13: forwards the target as received and says who asked', async t => {
  const request = await forwarded(
    t,
    'GET /v1/predict/a%2Fb/%C3%A9/[...x]?q=%26&r=../x%5c+1 HTTP/1.1',
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Port: 1',
    'Forwarded: for=10.0.0.1',
    'X-Real-IP: 10.0.0.1',
    'X-Sluice-Variant: canary',
    'X_Other: dropped',
    'Via: 1.0 before',
    'X-Request-Id: abc-1',
    'Traceparent: 00-1-2-01'
  )
  t.equal(request.head.split(' ')[1], '/v1/predict/a%2Fb/%C3%A9/[...x]?q=%26&r=../x%5c+1')
  t.equal(headerOf(request, 'host'), `127.0.0.1:${recorder.port}`)
  t.equal(headerOf(request, 'x-forwarded-for'), '127.0.0.1')
  t.equal(headerOf(request, 'x-forwarded-proto'), 'http')
  t.equal(headerOf(request, 'x-forwarded-host'), 'router.test')
  for (const name of [
    'forwarded',
    'x-real-ip',
    'x-forwarded-port',
    'x-sluice-variant',
    'x_other'
  ]) {
    t.equal(headerOf(request, name), undefined, name)
  }
  t.match(request.head, /\r\nVia: 1\.0 before\r\nX-Request-Id|\r\nVia: 1\.0 before\r\n/i)
  t.match(request.head, /\r\nvia: 1\.1 sluice(\r\n|$)/)
  t.equal(headerOf(request, 'x-request-id'), 'abc-1')
  t.equal(headerOf(request, 'traceparent'), '00-1-2-01')
})

test('row 13: believes a trusted proxy, adds its address, and drops what Connection names', async t => {
  await thread.post([route], { trustedProxies: ['127.0.0.0/8'] })
  const request = await forwarded(
    t,
    'GET /v1/predict HTTP/1.1',
    'X-Forwarded-For: 192.0.2.7',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: public.test',
    'Forwarded: for=192.0.2.7',
    'Connection: X-Named',
    'X-Named: 1',
    'X-Request-Id: not valid'
  )
  t.equal(headerOf(request, 'x-forwarded-for'), '192.0.2.7, 127.0.0.1')
  t.equal(headerOf(request, 'x-forwarded-proto'), 'https')
  t.equal(headerOf(request, 'x-forwarded-host'), 'public.test')
  t.equal(headerOf(request, 'forwarded'), 'for=192.0.2.7')
  t.equal(headerOf(request, 'x-named'), undefined)
  t.match(
    headerOf(request, 'x-request-id'),
    /^[0-9a-f-]{36}$/,
    'an id that is not valid is replaced'
  )
  await thread.post([route])
})

test('answers OPTIONS for itself when Max-Forwards is 0, and counts it down otherwise', async t => {
  const own = await ask(head('OPTIONS /v1/predict HTTP/1.1', 'Max-Forwards: 0'))
  t.equal(own?.status, 204)
  t.match(fieldOf(own, 'allow'), 'POST')
  const request = await forwarded(t, 'OPTIONS /v1/predict HTTP/1.1', 'Max-Forwards: 3')
  t.equal(headerOf(request, 'max-forwards'), '2')
})

test('cuts the upstream and says 413 when a chunked body grows beyond the limit', async t => {
  const from = recorder.requests.length
  const client = await rawClient(thread.port)
  const chunk = `1f4\r\n${'a'.repeat(500)}\r\n`
  client.send(`${head('POST /v1/predict HTTP/1.1')}Transfer-Encoding: chunked\r\n\r\n${chunk}`)
  await until('the upload upstream', () => recorder.requests[from]?.head)
  client.send(chunk + chunk)
  await client.until(() => client.end() !== 'open')
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 413)
  await until('the upstream to see it cut', () => recorder.requests[from]?.cut !== null)
  t.equal(recorder.requests[from]?.complete, false)
  t.equal(thread.inFlight('stable'), 0)
  client.close()
})

function head(line: string, ...fields: readonly string[]): string {
  return `${[line, 'Host: router.test', 'X-User-Id: u-1', ...fields].join('\r\n')}\r\n`
}

async function ask(request: string) {
  const client = await rawClient(thread.port)
  client.send(`${request}\r\n`)
  await client.until(() => {
    const [answer] = readAnswers(client.bytes(), client.end()).final
    return answer?.complete === true || client.end() !== 'open'
  })
  const [answer] = readAnswers(client.bytes(), client.end()).final
  client.close()
  if (answer === undefined) throw new Error(`no answer to ${request.slice(0, 80)}`)
  return answer
}

async function refused(t: Tap, line: string, ...fields: readonly string[]): Promise<number> {
  const from = recorder.requests.length
  const answer = await ask(head(line, ...fields))
  t.equal(fieldOf(answer, 'connection'), 'close', 'the connection ends')
  t.equal(recorder.requests.length, from, 'nothing is forwarded')
  return answer.status
}

async function forwarded(t: Tap, line: string, ...fields: readonly string[]) {
  const from = recorder.requests.length
  const answer = await ask(head(line, ...fields))
  t.equal(answer.status, 200)
  const request = recorder.requests[from]
  if (request === undefined) throw new Error('nothing was forwarded')
  return request
}
