import { test } from 'tap'
import {
  type AddressRules,
  addressFault,
  checkUpstreamUrl
} from '../../src/domain/upstream-address.ts'

const rules: AddressRules = {
  ownPorts: [8080, 9911],
  ownAddresses: ['10.0.0.9', 'fd00::9'],
  stores: [
    { host: 'redis.svc', port: 7000 },
    { host: '10.0.0.7', port: 7000 }
  ],
  named: new Set(['127.0.0.1:5001', '::1:5001', '127.0.0.1:8080'])
}

function refused(url: string): boolean {
  return 'fault' in checkUpstreamUrl(url, rules)
}

test('takes plain origins when they are names or addresses of the network', t => {
  for (const [url, upstream] of [
    ['http://fraud-v4.ml.svc:8000', { secure: false, hostname: 'fraud-v4.ml.svc', port: 8000 }],
    ['HTTPS://Model.Example', { secure: true, hostname: 'model.example', port: 443 }],
    ['http://10.0.0.4:8080/', { secure: false, hostname: '10.0.0.4', port: 8080 }],
    ['http://[fd00::4]:80', { secure: false, hostname: 'fd00::4', port: 80 }],
    ['http://127.0.0.1:5001', { secure: false, hostname: '127.0.0.1', port: 5001 }],
    ['http://[::ffff:10.0.0.4]', { secure: false, hostname: '10.0.0.4', port: 80 }]
  ] as const)
    t.same(checkUpstreamUrl(url, rules), { upstream }, url)
  t.end()
})

test('refuses a URL when it is more than an origin or not plain text', t => {
  for (const url of [
    'ftp://m:8000',
    'grpc://m:8000',
    'file:///etc/passwd',
    'javascript:1',
    '//m:8000',
    'm:8000',
    '',
    'http://',
    'http:///x',
    'http://a:b@model:8000/',
    'http://a@model',
    'http://m:8000/path',
    'http://m?x',
    'http://m#x',
    'http://m\\evil',
    'http://model:8000/\r\nX: y',
    'http://m\n',
    'http://m x',
    'http://m%00',
    'http://m:0',
    'http://m:65536',
    'http://m:8e3',
    'http://m:',
    'http://mödel',
    'http://-m',
    'http://m..x',
    'http://m:80:80',
    'http://[::1',
    'http://[fe80::1%25eth0]',
    'http://[10.0.0.1]',
    `http://${'a'.repeat(3000)}`
  ])
    t.equal(refused(url), true, JSON.stringify(url))
  t.end()
})

test('refuses addresses that no model has when they are spelled in any way', t => {
  for (const host of [
    '169.254.169.254',
    '169.254.1.1',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '255.255.255.255',
    '[fe80::1]',
    '[ff02::1]',
    '[::]',
    '[fd00:ec2::254]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::169.254.169.254]',
    '[2002:a9fe:a9fe::1]',
    '[::169.254.169.254]',
    'metadata.google.internal',
    'metadata.google.internal.',
    'METADATA',
    '2852039166',
    '0xa9fea9fe',
    '0xa9.0xfe.0xa9.0xfe',
    '0251.0376.0251.0376',
    '169.254.43518',
    '0x7f.1',
    '127.1',
    '017700000001',
    '1.2.3.0x4',
    '1.2.3.08'
  ])
    t.equal(refused(`http://${host}:8000`), true, host)
  t.end()
})

test('refuses loopback when the configuration file does not name that very address', t => {
  t.equal(refused('http://127.0.0.1:5001'), false)
  t.equal(refused('http://127.0.0.1:5002'), true)
  t.equal(refused('http://127.0.0.2:5001'), true)
  t.equal(refused('http://localhost:5001'), true)
  t.equal(refused('http://a.localhost:5001'), true)
  t.equal(refused('http://[::1]:5001'), false)
  t.equal(refused('http://[::1]:5002'), true)
  t.equal(refused('http://[::ffff:127.0.0.1]:5002'), true)
  t.end()
})

test('refuses our own listeners and stores when the port is theirs', t => {
  t.equal(refused('http://127.0.0.1:8080'), true)
  t.equal(refused('http://10.0.0.9:9911'), true)
  t.equal(refused('http://[fd00::9]:8080'), true)
  t.equal(refused('http://10.0.0.9:8000'), false)
  t.equal(refused('http://10.0.0.4:6379'), true)
  t.equal(refused('http://kafka.svc:9092'), true)
  t.equal(refused('http://redis.svc:7000'), true)
  t.equal(refused('http://10.0.0.7:7000'), true)
  t.end()
})

test('judges each address again when a name has changed its mind', t => {
  t.equal(addressFault('10.1.2.3', 'model.svc', 8000, rules), null)
  t.match(addressFault('169.254.169.254', 'model.svc', 8000, rules), /metadata/)
  t.match(addressFault('127.0.0.1', 'model.svc', 5001, rules), /loopback/)
  t.match(addressFault('10.0.0.9', 'model.svc', 9911, rules), /our own/)
  t.match(addressFault('nonsense', 'model.svc', 8000, rules), /not an IP/)
  t.end()
})
