import { test } from 'tap'
import {
  faultOfHost,
  faultOfPath,
  isLoopback,
  parseListen,
  parseOrigin
} from '../../src/config/address.ts'

test('splits an address to listen on when it is host and port', t => {
  t.same(parseListen('0.0.0.0:8080'), { host: '0.0.0.0', port: 8080 })
  t.same(parseListen('[::1]:0'), { host: '::1', port: 0 })
  t.same(parseListen('localhost:65535'), { host: 'localhost', port: 65_535 })
  for (const wrong of [
    '8080',
    ':8080',
    'a:',
    'a:65536',
    '::1:80',
    '[a]:80',
    '1.2.3:80',
    '256.1.1.1:1',
    'a b:1',
    'http://a:1'
  ]) {
    t.equal(parseListen(wrong), null, wrong)
  }
  t.end()
})

test('knows what only this machine can reach when it sees an address', t => {
  for (const host of [
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    'localhost',
    'LOCALHOST',
    '::ffff:127.0.0.1'
  ]) {
    t.ok(isLoopback(host), host)
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example']) {
    t.notOk(isLoopback(host), host)
  }
  t.end()
})

test('takes origins as they are when they are http or https with nothing more', t => {
  t.same(parseOrigin('http://Fraud-V3.ml.svc:8000/'), {
    url: 'http://fraud-v3.ml.svc:8000',
    secure: false,
    hostname: 'fraud-v3.ml.svc',
    port: 8000
  })
  t.same(parseOrigin('HTTPS://[2001:DB8:0::1]'), {
    url: 'https://[2001:db8::1]',
    secure: true,
    hostname: '2001:db8::1',
    port: 443
  })
  t.match(parseOrigin('http://model_server:80'), { url: 'http://model_server', port: 80 })
  t.end()
})

test('refuses upstreams with its one sentence when they speak HTTP/2 or gRPC', t => {
  const sentence =
    'HTTP/2 and gRPC upstreams are not available in this version; only http:// and https:// are'
  for (const url of ['grpc://a:1', 'grpcs://a:1', 'h2://a:1', 'h2c://a', 'GRPC://a:1']) {
    t.equal(parseOrigin(url), sentence, url)
  }
  t.end()
})

test('refuses what a URL parser would repair or carry along when an upstream is given', t => {
  for (const url of [
    '10.0.0.4:8000',
    'localhost:8000',
    'ftp://a',
    'unix:///run/a.sock',
    'http:/a',
    'http:a',
    'http://',
    'http://:80',
    'http://a:0',
    'http://a:65536',
    'http://a:b',
    'http://u@a',
    'http://u:p@a',
    'http://a/x',
    'http://a//',
    'http://a?x',
    'http://a#x',
    'http://a\\b',
    'http://127.1',
    'http://0x7f.1',
    'http://2130706433',
    'http://010.0.0.1',
    'http://1.2.3.4.5',
    'http://a b',
    'http://a..b',
    'http://-a',
    'http://[::1',
    'http://[fe80::1%25eth0]',
    'http://[127.0.0.1]',
    ' http://a',
    'http://a\n',
    'http://ä'
  ]) {
    t.type(parseOrigin(url), 'string', JSON.stringify(url))
  }
  t.end()
})

test('takes hosts of a match without wildcard and port, and those of the admin with a port', t => {
  for (const host of ['router.test', 'ROUTER.test', '10.0.0.1', '[::1]', 'a_b.c']) {
    t.equal(faultOfHost(host, 'no port'), null, host)
  }
  for (const host of [
    '*.a',
    'http://a',
    'a:80',
    '::1',
    '[::1]:80',
    'a..b',
    'a/b',
    '1.2.3',
    '[a]'
  ]) {
    t.type(faultOfHost(host, 'no port'), 'string', host)
  }
  for (const host of ['a:80', '[::1]:80', 'a'])
    t.equal(faultOfHost(host, 'port allowed'), null, host)
  t.type(faultOfHost('a:65536', 'port allowed'), 'string')
  t.end()
})

test('refuses paths that no request could have when a match names them', t => {
  for (const path of ['/', '/v2/models/fraud/', '/a%2Fb', '/a:predict', '/a..b', '/...', '//']) {
    t.equal(faultOfPath(path), null, path)
  }
  for (const path of [
    '',
    'a',
    '*',
    '/a*',
    '^/a',
    '/a?b',
    '/a#b',
    '/a b',
    '/ä',
    '/a\\b',
    '/%',
    '/%2',
    '/%zz',
    '/..',
    '/a/./b',
    '/%2e%2E/a',
    '/a%2f..'
  ]) {
    t.type(faultOfPath(path), 'string', JSON.stringify(path))
  }
  t.end()
})
