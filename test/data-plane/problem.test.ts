import { test } from 'tap'
import { countedAs, problem, rawProblem } from '../../src/data-plane/problem.ts'

test('says code, status and sentence when it is a problem of ours, and how long it is', async t => {
  const found = problem('SLC_SHED', ['variant v4'], 'abc')
  const body = JSON.parse(found.body)
  t.match(body, {
    status: 503,
    code: 'SLC_SHED',
    title: 'Service Unavailable',
    requestId: 'abc',
    type: 'about:blank'
  })
  t.match(body.detail, 'variant v4')
  const fields = new Map(pairs(found.fields))
  t.equal(fields.get('Content-Type'), 'application/problem+json')
  t.equal(fields.get('Content-Length'), String(Buffer.byteLength(found.body)))
  t.equal(fields.get('Retry-After'), '1')
  t.equal(fields.get('Proxy-Status'), 'sluice; error=connection_limit_reached')
})

test('is a whole answer that ends the connection when it is written as bytes', async t => {
  const text = rawProblem(problem('SLC_BAD_REQUEST', ['of a test'], ''))
  t.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/)
  t.match(text, /\r\nConnection: close\r\n\r\n\{/)
  t.notMatch(text, 'requestId')
})

test('counts refusals of requests, and faults of upstreams not', async t => {
  t.equal(countedAs('SLC_NO_ROUTE'), 'no_route')
  t.equal(countedAs('SLC_UNIT_INVALID'), 'unit')
  t.equal(countedAs('SLC_UPSTREAM_RESET'), null)
})

function pairs(fields: readonly string[]): readonly (readonly [string, string])[] {
  return fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ''] as const] : []))
}
