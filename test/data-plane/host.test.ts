import { test } from 'tap'
import { hostOf } from '../../src/data-plane/host.ts'

test('gives the host in lower case without its port when the authority is valid', async t => {
  for (const [authority, host] of [
    ['router.test', 'router.test'],
    ['Router.TEST:8080', 'router.test'],
    ['router.test:', 'router.test'],
    ['10.0.0.1:80', '10.0.0.1'],
    ['a_b-c~d.e', 'a_b-c~d.e'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::1]:443', '[2001:db8::1]'],
    ['[::ffff:10.0.0.1]:1', '[::ffff:10.0.0.1]'],
    [`${'a'.repeat(255)}:65535`, 'a'.repeat(255)]
  ] as const) {
    t.equal(hostOf(authority), host, authority)
    t.equal(hostOf(authority), host, `${authority}, again`)
  }
})

test('refuses an authority when it is not one host and one port', async t => {
  const refused = [
    '',
    ':80',
    'a b',
    'a,b',
    'a/b',
    'a@b',
    'a:80abc',
    'a:65536',
    'a:123456',
    'a:b',
    'a\u00ff',
    'a\\b',
    'a%41',
    'a?b',
    'a#b',
    '[::1',
    '[]',
    '[a]',
    '[::1]x',
    '[::g]',
    '::1',
    'a'.repeat(256)
  ]
  for (const authority of refused) t.equal(hostOf(authority), null, JSON.stringify(authority))
})
