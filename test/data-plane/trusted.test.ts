import { test } from 'tap'
import { clientAddressOf, clientSecure, trustsOf } from '../../src/data-plane/trusted.ts'
import { requestFacts } from '../helpers/route-snapshot.ts'

const proxies = ['10.0.0.0/8', 'fd00::/8', '192.0.2.1/32']

function clientOf(peer: string, ...rawHeaders: string[]): string | null {
  return clientAddressOf(requestFacts({ peer, rawHeaders }), trustsOf(proxies))
}

test('trusts a peer when its address lies in a network, in either family', t => {
  const trusts = trustsOf(proxies)
  for (const peer of ['10.9.8.7', '::ffff:10.9.8.7', '::ffff:a09:807', 'fd12::1', '192.0.2.1'])
    t.equal(trusts(peer), true, peer)
  for (const peer of ['11.0.0.1', '::ffff:11.0.0.1', 'fe80::1', '192.0.2.2', '::1', '', 'x'])
    t.equal(trusts(peer), false, peer)
  t.equal(trustsOf([])('10.0.0.1'), false)
  t.equal(trustsOf(['::1/128'])('::1%lo'), true)
  t.end()
})

test('takes the peer for the client when it is not trusted, whatever it says', t => {
  t.equal(clientOf('203.0.113.5', 'X-Forwarded-For', '10.0.0.1'), '203.0.113.5')
  t.equal(clientOf('::ffff:203.0.113.5'), '203.0.113.5')
  t.equal(clientOf('2001:DB8:0::5'), '2001:db8::5')
  t.equal(clientOf(''), null)
  t.end()
})

test('reads forwarded addresses from the right when the peer is trusted', t => {
  const list = (...values: string[]) => values.flatMap(value => ['X-Forwarded-For', value])
  t.equal(clientOf('10.0.0.1', ...list('1.1.1.1, 203.0.113.5')), '203.0.113.5')
  t.equal(clientOf('10.0.0.1', ...list('1.1.1.1, 203.0.113.5, 10.0.0.2')), '203.0.113.5')
  t.equal(clientOf('10.0.0.1', ...list('203.0.113.5', '10.0.0.2')), '203.0.113.5')
  t.equal(clientOf('10.0.0.1', ...list('10.0.0.3, 10.0.0.2')), '10.0.0.3')
  t.equal(clientOf('10.0.0.1', ...list('203.0.113.5, unknown')), '10.0.0.1')
  t.equal(clientOf('10.0.0.1', ...list('203.0.113.5:4711')), '203.0.113.5')
  t.equal(clientOf('10.0.0.1', ...list('[2001:db8::5]:4711')), '2001:db8::5')
  t.equal(clientOf('10.0.0.1', ...list('::ffff:203.0.113.5')), '203.0.113.5')
  t.equal(clientOf('10.0.0.1'), '10.0.0.1')
  t.end()
})

test('reads Forwarded when there is no X-Forwarded-For', t => {
  const forwarded = 'for=1.1.1.1, proto=https;For="[2001:db8::5]:80";by=x, for=10.0.0.2'
  t.equal(clientOf('10.0.0.1', 'Forwarded', forwarded), '2001:db8::5')
  t.equal(clientOf('10.0.0.1', 'Forwarded', 'for=_hidden'), '10.0.0.1')
  t.equal(clientOf('10.0.0.1', 'Forwarded', 'by=x'), '10.0.0.1')
  t.end()
})

test('believes that the client spoke TLS when a trusted proxy says so', t => {
  const https = requestFacts({ rawHeaders: ['X-Forwarded-Proto', 'https'] })
  t.equal(clientSecure(https, true), true)
  t.equal(clientSecure(https, false), false)
  t.equal(clientSecure(requestFacts({ secure: true }), false), true)
  t.equal(clientSecure(requestFacts(), true), false)
  t.end()
})
