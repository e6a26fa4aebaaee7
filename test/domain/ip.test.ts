import { isIPv4, isIPv6 } from 'node:net'
import { test } from 'tap'
import { inNetwork, ipText, parseIp, parseNetwork } from '../../src/domain/ip.ts'

test('agrees with the system on what an address is when the spelling is odd', t => {
  const texts = [
    '1.2.3.4',
    '255.255.255.255',
    '256.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '',
    '.',
    '1..2.3',
    '::',
    '::1',
    '1::',
    '1::2::3',
    ':1',
    '1:',
    ':::',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '1::3:4:5:6:7:8',
    '2001:DB8::1',
    '12345::',
    'g::',
    '::ffff:1.2.3.4',
    '::1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::ffff:1.2.3',
    '::ffff:01.2.3.4',
    '1.2.3.4::',
    '64:ff9b::192.0.2.1'
  ]
  for (const text of texts)
    t.equal(parseIp(text) !== null, isIPv4(text) || isIPv6(text), JSON.stringify(text))
  t.end()
})

test('writes one text for one address when it has several spellings', t => {
  const cases: [string, string][] = [
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0'],
    ['fe80::1%eth0', 'fe80::1']
  ]
  for (const [text, expected] of cases)
    t.equal(ipText(parseIp(text) ?? new Uint16Array(8)), expected)
  t.end()
})

test('knows what lies in a network when families are mixed', t => {
  const cases: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.129', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::1', '::1', true],
    ['203.0.113.9', '203.0.113.9', true],
    ['203.0.113.9', '203.0.113.8', false]
  ]
  for (const [network, ip, expected] of cases) {
    const parsed = parseNetwork(network)
    const address = parseIp(ip)
    t.equal(parsed && address && inNetwork(parsed, address), expected, `${ip} in ${network}`)
  }
  for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/08', 'x/8'])
    t.equal(parseNetwork(text), null, text)
  t.end()
})
