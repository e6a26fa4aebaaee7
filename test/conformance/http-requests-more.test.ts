/**
 * Raw request cases of the project's own, beside the published vectors: the other members of the same classes
 * (framing, request line, target, Host, limits, hop-by-hop fields, units), run and judged in the same way.
 */
import t from 'tap'
import { DEMO_START, demoConfig, type RequestCase } from '../helpers/raw-cases.ts'
import { headerOf, startRecorder } from '../helpers/recorder.ts'
import { barrier, runRequestCase } from '../helpers/request-case.ts'
import { checkCase, sentence } from '../helpers/request-checks.ts'
import { startSluice } from '../helpers/sluice.ts'

type Expect = RequestCase['expect']

const REFUSED = (...status: number[]): Expect => ({ status, forwarded: false, close: true })
const NOT_FOUND: Expect = { status: [404], forwarded: false }
const OK: Expect = { status: [200], forwarded: true }
const without = (...names: string[]): Expect => ({ ...OK, upstream_absent_headers: names })
const withLines = (...lines: string[]): Expect => ({ ...OK, upstream_present: lines })

const HOST = 'Host: router.test'
const UNIT = 'X-User-Id: u-1'
const BODY = '{"x":1}'

const cases: readonly RequestCase[] = [
  // Content-Length
  ...['+7', '1e1', '7.0', '18446744073709551616', '9'.repeat(400), '7\t7', ' 7;', '"7"', '٧'].map(
    length =>
      post(`length-${length.slice(0, 20)}`, [`Content-Length: ${length}`], REFUSED(400, 413))
  ),
  post('length-folded', ['Content-Length:', ' 7'], REFUSED(400)),
  post('length-same-twice', ['Content-Length: 7', 'Content-Length: 7'], REFUSED(400)),
  post('length-and-coding', ['Transfer-Encoding: chunked', 'Content-Length: 7'], REFUSED(400)),
  post('length-beyond-limit', ['Content-Length: 33554433'], REFUSED(413)),
  post('content.length', ['Content-Length: 7', 'Content.Length: 9'], OK),
  // Transfer-Encoding
  ...['deflate', 'chunked, gzip', 'chunked\x0b', 'x, chunked', 'chunked chunked', "'chunked'"].map(
    coding =>
      post(`coding-${coding}`, [`Transfer-Encoding: ${coding}`], REFUSED(400, 501), '0\r\n\r\n')
  ),
  post('coding-case', ['tRANSFER-eNCODING: CHUNKED'], OK, `7\r\n${BODY}\r\n0\r\n\r\n`),
  post('coding-folds', ['TRANSFER_ENCODING: chunked', 'Content-Length: 7'], REFUSED(400)),
  ...['0x7', '7 ', '-7', '7;\n', 'g', ''].map(size =>
    post(
      `chunk-size-${JSON.stringify(size)}`,
      ['Transfer-Encoding: chunked'],
      REFUSED(400),
      `${size}\r\n${BODY}\r\n0\r\n\r\n`,
      true
    )
  ),
  post(
    'chunk-too-long',
    ['Transfer-Encoding: chunked'],
    REFUSED(400),
    `8\r\n${BODY}\r\n0\r\n\r\n`,
    true
  ),
  post('chunk-size-zeros', ['Transfer-Encoding: chunked'], OK, `0007\r\n${BODY}\r\n0\r\n\r\n`),
  post(
    'trailer-fields',
    ['Transfer-Encoding: chunked'],
    without('x-sum', 'authorization: t', 'x-sluice-variant'),
    `7\r\n${BODY}\r\n0\r\nX-Sum: 1\r\nAuthorization: t\r\nX-Sluice-Variant: canary\r\n\r\n`
  ),
  // Request line
  line('h2-preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', REFUSED(400, 405, 501, 505)),
  line('http-3', `GET /v1/predict HTTP/3.0\r\n${HOST}\r\n\r\n`, REFUSED(400, 505)),
  line('http-lower', `GET /v1/predict http/1.1\r\n${HOST}\r\n\r\n`, REFUSED(400, 505)),
  line('http-tab', `GET\t/v1/predict HTTP/1.1\r\n${HOST}\r\n\r\n`, REFUSED(400)),
  line(
    'http-10-chunked',
    `POST /v1/predict HTTP/1.0\r\n${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    REFUSED(400)
  ),
  line('connect', `CONNECT router.test:443 HTTP/1.1\r\n${HOST}\r\n\r\n`, REFUSED(400, 405, 501)),
  line('unknown-method', `BREW /v1/predict HTTP/1.1\r\n${HOST}\r\n\r\n`, REFUSED(400, 405, 501)),
  // Targets
  ...[
    '/v1/predict/..',
    '/v1/predict/./a',
    '/v1/predict/%2E',
    '/v1/predict/..;/a',
    '/v1/predict/%2e%2E%2f'
  ].map(target => get(target, [HOST, UNIT], { status: [400], forwarded: false })),
  ...['/v1/predict/%c0%af', '/v1/predict/%1', '/v1/predict/\x7f', '/v1/predict/%0d%0a'].map(
    target => get(target, [HOST, UNIT], { status: [400], forwarded: false })
  ),
  ...[
    '/v1/predict/a%2Fb',
    '/v1/predict/%20',
    '/v1/predict?a=%2e%2e/',
    '/v1/predict?//x',
    '/v1/predict/a;b=c'
  ].map(target => get(target, [HOST, UNIT], OK)),
  get('/v1/predict/%C3%A9', [HOST, UNIT], OK),
  get('/v1/predicted', [HOST, UNIT], NOT_FOUND),
  get('/v1/predict%5Ca', [HOST, UNIT], { status: [400, 404], forwarded: false }),
  get('/V1/predict', [HOST, UNIT], NOT_FOUND),
  get('/readyz', [HOST, UNIT], NOT_FOUND),
  get(`/v1/predict?${'q'.repeat(8000)}`, [HOST, UNIT], { status: [414], forwarded: false }),
  get(`/v1/predict?${'q'.repeat(7900)}`, [HOST, UNIT], OK),
  get('http://router.test/v1/predict', ['Host: router.test', UNIT], OK),
  get('http://other.test/v1/predict', [HOST, UNIT], { status: [421], forwarded: false }),
  get('ftp://router.test/v1/predict', [HOST, UNIT], { status: [400], forwarded: false }),
  get('http://u:p@router.test/v1/predict', [HOST, UNIT], { status: [400], forwarded: false }),
  // Host
  ...['router.test:99999', 'router.test:-1', 'http://router.test', 'router.test#', 'a\tb', '.'].map(
    host => get('/v1/predict', [`Host: ${host}`, UNIT], { status: [400, 404], forwarded: false })
  ),
  get(
    '/v1/predict',
    ['Host: ROUTER.Test:8080', UNIT],
    withLines('x-forwarded-host: router.test:8080')
  ),
  get('/v1/predict', ['Host: other.test', UNIT], NOT_FOUND),
  get('/v1/predict', [HOST, HOST, UNIT], { status: [400], forwarded: false }),
  get('/v1/predict', [HOST, 'HOST_: x', UNIT], without('host_')),
  // Fields and limits
  get('/v1/predict', [HOST, UNIT, `X-A: ${'a'.repeat(8193)}`], { status: [431], forwarded: false }),
  get('/v1/predict', [HOST, UNIT, ...many(99)], { status: [431], forwarded: false }),
  get('/v1/predict', [HOST, UNIT, ...many(98)], OK),
  get('/v1/predict', [HOST, UNIT, ...big(5, 4000)], { status: [431], forwarded: false }),
  get('/v1/predict', [HOST, UNIT, 'X_A: 1'], without('x_a')),
  ...['Transfer_Encoding: chunked', 'X_Sluice_Variant: c', 'X-User_Id: u', 'Content_Length: 0'].map(
    field => get('/v1/predict', [HOST, UNIT, field], { status: [400], forwarded: false })
  ),
  // Hop by hop
  get(
    '/v1/predict',
    [HOST, UNIT, 'Connection: X-Drop', 'X-Drop: 1'],
    without('x-drop', 'connection: x-drop')
  ),
  ...[
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Authorization',
    'Cookie',
    'X-User-Id',
    'X-Sluice-Variant'
  ].map(name =>
    get('/v1/predict', [HOST, UNIT, `Connection: close, ${name}`], {
      status: [400],
      forwarded: false
    })
  ),
  get('/v1/predict', [HOST, UNIT, 'Via: 1.0 a, 1.1 b'], withLines('via: 1.0 a, 1.1 b')),
  get('/v1/predict', [HOST, UNIT, 'TE: trailers', 'Trailer: X'], without('te:', 'trailer:')),
  get(
    '/v1/predict',
    [HOST, UNIT, 'X-Forwarded-Port: 1', 'X-Forwarded-Proto: https'],
    withLines('x-forwarded-proto: http')
  ),
  get('/v1/predict', [HOST, UNIT, 'X-Request-Id: abc-1'], withLines('x-request-id: abc-1')),
  get('/v1/predict', [HOST, UNIT, 'traceparent: 00-a-b-01'], withLines('traceparent: 00-a-b-01')),
  post('expect-unknown', ['Expect: 200-maybe', 'Content-Length: 7'], REFUSED(417)),
  post('expect-no-body', ['Expect: 100-continue', 'Content-Length: 0'], without('expect'), ''),
  line('options-star-zero', `OPTIONS /v1/predict HTTP/1.1\r\n${HOST}\r\nMax-Forwards: 0\r\n\r\n`, {
    status: [204],
    forwarded: false
  }),
  line(
    'options-one',
    `OPTIONS /v1/predict HTTP/1.1\r\n${HOST}\r\nMax-Forwards: 5\r\n\r\n`,
    withLines('max-forwards: 4')
  ),
  // Units
  get('/v1/predict', [HOST, UNIT, UNIT], { status: [400], forwarded: false }),
  get('/v1/predict', [HOST, `X-User-Id: ${'u'.repeat(257)}`], { status: [400], forwarded: false }),
  get('/v1/predict', [HOST, `X-User-Id: ${'u'.repeat(256)}`], OK),
  get('/v1/predict', [HOST], OK)
]

t.setTimeout(400_000) // ends a hung run; nothing is measured by it
const recorder = await startRecorder()
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)

for (const c of cases) {
  t.test(`${sentence(c)} when it is sent ${c.what}`, async t => {
    await checkCase(t, c, await runRequestCase(c, port, recorder))
  })
}

t.test('answers 508 and forwards nothing when its own name is in Via', async t => {
  const from = recorder.requests.length
  await barrier(port)
  const names = recorder.requests.slice(from).map(r => headerOf(r, 'via')?.split(' ')[1] ?? '')
  t.equal(names.length, 1)
  const via = `Via: 1.1 other, 1.1 ${names[0]} (comment)`
  const c = get('/v1/predict', [HOST, UNIT, via], { status: [508], forwarded: false })
  await checkCase(t, c, await runRequestCase(c, port, recorder))
})

t.test('serves on when all cases of its own are over', async t => {
  await barrier(port)
  t.same(recorder.violations, [], 'every byte upstream belonged to a request')
  t.equal(sluice.logs().filter(l => Number(l.level) >= 60).length, 0, 'nothing fatal in the log')
})

/** A POST to the route; `started` = its head may have gone upstream, and is then aborted. */
function post(
  id: string,
  fields: readonly string[],
  expect: Expect,
  body = BODY,
  started = false
): RequestCase {
  const text = ['POST /v1/predict HTTP/1.1', HOST, UNIT, ...fields, '', body].join('\r\n')
  return { ...line(id, text, expect), ...(started && { note: 'MUST be aborted' }) }
}

function get(target: string, fields: readonly string[], expect: Expect): RequestCase {
  const text = [`GET ${target} HTTP/1.1`, ...fields, '', ''].join('\r\n')
  const told = fields.filter(f => f !== HOST && f !== UNIT).map(f => f.slice(0, 60))
  return line(['GET', target.slice(0, 60), ...told.slice(0, 3)].join(' '), text, expect)
}

function line(what: string, text: string, expect: Expect): RequestCase {
  const raw_request_base64 = Buffer.from(text, 'latin1').toString('base64')
  return { id: what, what, raw_request_base64, expect }
}

function many(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `X-${i}: 1`)
}

function big(count: number, size: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `X-${i}: ${'v'.repeat(size)}`)
}
