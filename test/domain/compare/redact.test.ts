import { test } from 'tap'
import { redactBody } from '../../../src/domain/compare/redact.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const JSON_TYPE = 'application/json; charset=utf-8'
const redact = (text: string, pointers: readonly string[], cap = 1_000, type = JSON_TYPE) =>
  redactBody(bytes(text), type, pointers, cap)

test('a body is kept as it is when nothing is to be removed', async t => {
  t.strictSame(redact('{"a": 1}', []), {
    text: '{"a": 1}',
    encoding: 'utf-8',
    truncated: false
  })
  t.strictSame(redact('{"a"', []), { text: '{"a"', encoding: 'utf-8', truncated: false })
  t.strictSame(redactBody(Uint8Array.of(255, 0, 1), 'image/png', [], 9), {
    text: '/wAB',
    encoding: 'base64',
    truncated: false
  })
})

test('values are replaced and the rest stays byte by byte when pointers name them', async t => {
  const text =
    '{ "user": {"name":"Ann", "n" :NaN}, "p":[{"id":"x","s":1.50},{"id":[2]}], "k/e~y":1 }'
  t.equal(
    redact(text, ['/user/name', '/p/*/id', '/k~1e~0y', '/none', '/p/9'])?.text,
    '{ "user": {"name":"[redacted]", "n" :NaN}, "p":[{"id":"[redacted]","s":1.50},{"id":"[redacted]"}], "k/e~y":"[redacted]" }'
  )
  t.equal(redact(text, ['/user/*', '/user'])?.text.startsWith('{ "user": "[redacted]", "p"'), true)
  t.equal(redact('"secret"', [''])?.text, '"[redacted]"')
  t.equal(redact('{"\\u0061":"secret"}', ['/a'])?.text, '{"\\u0061":"[redacted]"}')
})

test('nothing is captured when a body cannot be read and something is to be removed', async t => {
  for (const text of [
    '{"a":"secret"',
    '{"a":"secret","a":1}',
    'secret',
    '',
    '\ufeff{"a":"secret"}',
    'data: {"a":"secret"}\n\n',
    '{"a":"secret"}\n{"a":"secret"}\n',
    `[${'1,'.repeat(200_000)}1]`
  ]) {
    t.equal(redact(text, ['/a']), null, text.slice(0, 20))
  }
  t.equal(redactBody(Uint8Array.of(0x22, 0xff, 0x22), JSON_TYPE, ['/a'], 9), null)
  t.equal(redact('{"a":1}', ['/a'], 99, 'text/event-stream'), null)
  t.equal(redact('{"a":1}', ['/a'], 99, 'application/octet-stream'), null)
  t.equal(redact('{"a":1}', ['/a'], 99, 'application/x-ndjson'), null)
})

test('a body is cut at the cap after values are removed, and between characters', async t => {
  const secret = 'x'.repeat(500)
  t.strictSame(redact(`{"a":"${secret}","b":1}`, ['/a'], 25), {
    text: '{"a":"[redacted]","b":1}',
    encoding: 'utf-8',
    truncated: false
  })
  t.strictSame(redact(`{"b":"é€","a":"${secret}"}`, ['/a'], 9), {
    text: '{"b":"é',
    encoding: 'utf-8',
    truncated: true
  })
  t.equal(redact(`{"b":1,"a":"${secret}"}`, ['/a'], 12)?.text, '{"b":1,"a":"')
  t.strictSame(redactBody(Uint8Array.of(255, 0, 1, 2), null, [], 3), {
    text: '/wAB',
    encoding: 'base64',
    truncated: true
  })
  t.strictSame(redact('{}', [], 0), { text: '', encoding: 'utf-8', truncated: true })
})
