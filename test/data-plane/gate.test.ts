import { test } from 'tap'
import { gate, type Head, type Refusal, touchesUnit } from '../../src/data-plane/gate.ts'

function read(
  rawHeaders: readonly string[],
  changes: { method?: string; target?: string; version?: string } = {}
) {
  const raw = {
    method: 'POST',
    target: '/v1/predict',
    version: '1.1',
    rawHeaders: ['Host', 'router.test', ...rawHeaders]
  }
  return gate({ ...raw, ...changes }, 'sluice-1')
}

function passed(found: Head | Refusal): Head {
  if (found.kind === 'refusal') throw new Error(`${found.code} ${found.args.join()}`)
  return found
}

test('passes plain fields in their order and spelling when nothing is special about them', async t => {
  const fields = [
    'Content-Type',
    'a/b',
    'X-Any',
    '1',
    'x-any',
    '2',
    '__proto__',
    'x',
    'constructor',
    'y',
    'Cookie',
    'a=b'
  ]
  const head = passed(read(fields))
  t.same(
    head.fields,
    fields.filter((_, i) => fields[i - (i % 2)] !== '__proto__'),
    'a name with _ is dropped'
  )
  t.same(head.folded, ['--proto--'])
})

test('refuses a request when its framing could be read in two ways', async t => {
  for (const [fields, code] of [
    [['Content-Length', '1', 'Content-Length', '1'], 'SLC_BAD_REQUEST'],
    [['Content-Length', '1', 'Transfer-Encoding', 'chunked'], 'SLC_BAD_REQUEST'],
    [['Content-Length', '+1'], 'SLC_BAD_REQUEST'],
    [['Content-Length', ''], 'SLC_BAD_REQUEST'],
    [['Content-Length', '1, 1'], 'SLC_BAD_REQUEST'],
    [['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 'SLC_BAD_REQUEST'],
    [['Transfer-Encoding', 'chunked, chunked'], 'SLC_NOT_IMPLEMENTED'],
    [['Transfer-Encoding', 'identity'], 'SLC_NOT_IMPLEMENTED'],
    [['Transfer-Encoding', ''], 'SLC_NOT_IMPLEMENTED'],
    [['Transfer_Encoding', 'chunked'], 'SLC_BAD_REQUEST'],
    [['Host', 'router.test'], 'SLC_BAD_REQUEST'],
    [['Connection', 'Content-Length'], 'SLC_BAD_REQUEST'],
    [['Connection', 'close, transfer-encoding'], 'SLC_BAD_REQUEST'],
    [['Connection', 'X-Sluice-Variant'], 'SLC_BAD_REQUEST'],
    [['X_Sluice_Variant', '1'], 'SLC_BAD_REQUEST']
  ] as const) {
    t.match(read(fields), { kind: 'refusal', code }, fields.join(': '))
  }
  t.match(read(['Transfer-Encoding', 'chunked'], { version: '1.0' }), { code: 'SLC_BAD_REQUEST' })
  t.equal(passed(read(['Transfer-Encoding', 'Chunked'])).chunked, true)
  t.equal(passed(read(['Content-Length', '007'])).contentLength, 7)
  t.equal(passed(read(['Content-Length', '9'.repeat(400)])).contentLength, Number.MAX_SAFE_INTEGER)
})

test('refuses by size and count when a head is larger than the limits', async t => {
  const target = `/${'a'.repeat(8000)}`
  t.match(read([], { target }), { code: 'SLC_TARGET_TOO_LONG' })
  t.match(read([], { target: target.slice(0, 8000 - 'POST  HTTP/1.1'.length) }), { kind: 'head' })
  t.match(read(['A', 'a'.repeat(8192)]), { code: 'SLC_HEADERS_TOO_LARGE' })
  t.match(read(['A', 'a'.repeat(8000), 'B', 'a'.repeat(8000), 'C', 'a'.repeat(400)]), {
    code: 'SLC_HEADERS_TOO_LARGE'
  })
  const many = (count: number) => Array.from({ length: count }, (_, i) => [`A${i}`, '']).flat()
  t.match(read(many(99)), { kind: 'head' }, 'a hundred with Host')
  t.match(read(many(100)), { code: 'SLC_HEADERS_TOO_LARGE' })
})

test('refuses a version or a method when it is none of ours', async t => {
  for (const version of ['0.9', '2.0', '1.2'])
    t.match(read([], { version }), { code: 'SLC_HTTP_VERSION' })
  for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'post'])
    t.match(read([], { method }), { code: 'SLC_METHOD' })
  t.match(read([], { target: '*' }), { code: 'SLC_BAD_REQUEST' })
  t.match(read([], { target: '*', method: 'OPTIONS' }), { kind: 'head', path: '*' })
})

test('needs a Host when the request is HTTP/1.1, and none when it is HTTP/1.0', async t => {
  const raw = { method: 'GET', target: '/', rawHeaders: [] }
  t.match(gate({ ...raw, version: '1.1' }, 'sluice'), { code: 'SLC_BAD_REQUEST' })
  t.match(gate({ ...raw, version: '1.0' }, 'sluice'), { kind: 'head', host: '', http10: true })
  const absolute = {
    ...raw,
    version: '1.1',
    target: 'http://other.test/',
    rawHeaders: ['Host', 'router.test']
  }
  t.match(gate(absolute, 'sluice'), { host: 'other.test', authority: 'other.test', absolute: true })
})

test('finds a loop when our name in Via received the request, and only then', async t => {
  for (const via of ['1.1 sluice-1', '1.0 a, 1.1 sluice-1 (x)', 'HTTP/1.1 sluice-1']) {
    t.match(read(['Via', via]), { code: 'SLC_LOOP' }, via)
  }
  for (const via of ['1.1 sluice-11', '1.1 a (sluice-1)', '1.1 my-sluice-1']) {
    t.same(passed(read(['Via', via])).fields, ['Via', via], via)
  }
})

test('expects only 100-continue, and nothing of an HTTP/1.0 client', async t => {
  t.equal(passed(read(['Expect', '100-Continue'])).expects, true)
  for (const value of ['', '200', '100-continue, 200'])
    t.match(read(['Expect', value]), { code: 'SLC_EXPECTATION' })
  t.equal(passed(read(['Expect', 'anything'], { version: '1.0' })).expects, false)
})

test('upgrades to WebSocket alone, and only when Connection says so', async t => {
  t.equal(
    passed(read(['Upgrade', 'WebSocket', 'Connection', 'keep-alive, Upgrade'])).websocket,
    true
  )
  t.equal(passed(read(['Upgrade', 'websocket'])).websocket, false)
  t.equal(
    passed(read(['Upgrade', 'h2c', 'Connection', 'Upgrade, HTTP2-Settings', 'HTTP2-Settings', 'x']))
      .websocket,
    false
  )
  t.equal(passed(read(['Upgrade', 'websocket, h2c', 'Connection', 'Upgrade'])).websocket, false)
})

test('takes out what Connection names, whatever its spelling', async t => {
  const head = passed(
    read(['X-Named', '1', 'Connection', 'close, x-named , ,KEEP-ALIVE', 'X-Kept', '2'])
  )
  t.same(head.fields, ['X-Kept', '2'])
  t.same(head.nominated, ['x-named'])
  const nominated = ['Connection', 'X-Forwarded-For, X-Request-Id, Forwarded']
  const hidden = passed(
    read(['X-Forwarded-For', 'a', 'X-Request-Id', 'b', 'Forwarded', 'for=a', ...nominated])
  )
  t.match(hidden, { forwardedFor: '', requestId: '' })
  t.same(hidden.ownForwarded, [])
})

test('keeps a request id when it is one of plain characters and occurs once', async t => {
  t.equal(passed(read(['X-Request-Id', 'aZ09-_.:+/=~'])).requestId, 'aZ09-_.:+/=~')
  for (const id of ['', 'a b', 'a"b', 'a\u00e9', 'a'.repeat(129), '{jndi}', 'a;b', 'a,b']) {
    t.equal(passed(read(['X-Request-Id', id])).requestId, '', id)
  }
  t.equal(passed(read(['X-Request-Id', 'a', 'X-Request-Id', 'b'])).requestId, '')
})

test('tells when Connection or a folded name touches a field that carries a unit', async t => {
  const units = new Set(['x-user-id'])
  t.equal(touchesUnit(passed(read(['Connection', 'X-User-Id'])), units), true)
  t.equal(touchesUnit(passed(read(['X_User-Id', 'a'])), units), true)
  t.equal(touchesUnit(passed(read(['X-Other', 'a', 'Connection', 'X-Other'])), units), false)
})

test('does not forward what only a trusted proxy may say, but hands it over', async t => {
  const head = passed(
    read([
      'X-Forwarded-For',
      'a',
      'x-forwarded-for',
      'b',
      'X-Forwarded-Proto',
      'https',
      'X-Forwarded-Host',
      'h',
      'Forwarded',
      'for=a',
      'X-Real-Ip',
      'a',
      'X-Forwarded-Prefix',
      '/p'
    ])
  )
  t.same(head.fields, [])
  t.match(head, { forwardedFor: 'a, b', forwardedProto: 'https', forwardedHost: 'h' })
  t.same(head.ownForwarded, ['Forwarded', 'for=a', 'X-Real-Ip', 'a', 'X-Forwarded-Prefix', '/p'])
})
