import { test } from 'tap'
import { targetOf } from '../../src/data-plane/target.ts'

test('takes a path and its query apart and keeps every byte when nothing is suspicious', async t => {
  for (const [raw, path, query] of [
    ['/', '/', ''],
    ['/v1/predict', '/v1/predict', ''],
    ['/v1/predict?', '/v1/predict', ''],
    ['/a?b=c?d=/../e%zz\\', '/a', 'b=c?d=/../e%zz\\'],
    ['/a%2Fb%20c/[...slug]/..a/a../.b?x=%26', '/a%2Fb%20c/[...slug]/..a/a../.b', 'x=%26'],
    ['/caf%C3%A9/%E2%82%AC/%F0%9F%98%80', '/caf%C3%A9/%E2%82%AC/%F0%9F%98%80', ''],
    ['/caf%e9/100%25', '/caf%e9/100%25', ''],
    ['/a%5cb;c=.;d=..', '/a%5cb;c=.;d=..', ''],
    ['//evil.test/x', '//evil.test/x', '']
  ] as const) {
    t.match(targetOf(raw), { path, query, origin: raw, host: null }, raw)
  }
})

test('refuses a path when another server could read it as another path', async t => {
  const refused = [
    '/..',
    '/.',
    '/a/..',
    '/a/./b',
    '/../a',
    '/%2e',
    '/%2E%2e/a',
    '/.%2e/',
    '/a/%2e%2e%2fb',
    '/a%2f..%2fb',
    '/a%5c..%5cb',
    '/%252e%252e/',
    '/%25252e%25252e/',
    '/a/..;x=1/b',
    '/a/%2e%2e;/b',
    '/.;/b',
    '/a\\b',
    '/a/\\..\\b',
    '/a#b',
    '/a?b#c',
    '/a%',
    '/a%4',
    '/a%zz',
    '/a%4g',
    '/%00',
    '/a%2500',
    '/%0d%0a',
    '/a%7f',
    '/%c0%ae',
    '/%c1%81',
    '/%e0%80%ae',
    '/%f0%80%80%ae',
    '/%25c0%25ae',
    '/\u00ff',
    '/a\u0001',
    '/a b',
    '/a?b\u0000',
    '/a?\u00e9'
  ]
  for (const raw of refused) t.type(targetOf(raw), 'string', JSON.stringify(raw))
})

test('takes the host from an absolute target when its scheme is http or https', async t => {
  t.match(targetOf('http://Router.TEST:80/v1?x'), {
    host: 'router.test',
    authority: 'Router.TEST:80',
    path: '/v1',
    query: 'x',
    origin: '/v1?x'
  })
  t.match(targetOf('HTTPS://router.test'), { host: 'router.test', path: '/', origin: '/' })
  t.match(targetOf('http://router.test?a=b'), { path: '/', query: 'a=b', origin: '/?a=b' })
  for (const raw of [
    'http://u@router.test/',
    'http:///x',
    'http://a b/',
    'file:///etc',
    'v1/predict',
    '',
    '*',
    'http://r\\x/'
  ]) {
    t.type(targetOf(raw), 'string', raw)
  }
})
