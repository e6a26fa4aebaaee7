import { test } from 'tap'
import { parseRedisUrl } from '../../src/config/redis-url.ts'

const READ: readonly (readonly [string, ReturnType<typeof parseRedisUrl>])[] = [
  ['redis://a', { secure: false, host: 'a', port: null, database: null }],
  ['redis://a/', { secure: false, host: 'a', port: null, database: null }],
  ['redis://127.0.0.1:6379', { secure: false, host: '127.0.0.1', port: 6379, database: null }],
  ['REDISS://Redis.Test:1/0', { secure: true, host: 'redis.test', port: 1, database: 0 }],
  ['redis://[::1]:65535/15', { secure: false, host: '::1', port: 65_535, database: 15 }],
  ['redis://[2001:DB8:0::1]', { secure: false, host: '2001:db8::1', port: null, database: null }],
  ['redis://a_b.c:7/65535', { secure: false, host: 'a_b.c', port: 7, database: 65_535 }]
]

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['', /must start with/],
  ['a:6379', /must start with/],
  ['http://a', /must start with redis:\/\/ or, for TLS, rediss:\/\//],
  ['redis:a', /must start with/],
  ['unix:///run/redis.sock', /must start with/],
  ['redis://', /no valid host and port/],
  ['redis://:6379', /no valid host and port/],
  ['redis://a:', /no valid host and port/],
  ['redis://a:b', /no valid host and port/],
  ['redis://a:123456', /no valid host and port/],
  ['redis://::1:6379', /no valid host and port/],
  ['redis://[::1', /no valid host and port/],
  ['redis://[a]:1', /no valid host and port/],
  ['redis://[fe80::1%25eth0]', /no valid host and port/],
  ['redis://a b', /no valid host and port/],
  ['redis://a\n', /no valid host and port/],
  ['redis://a,b', /no valid host and port/],
  ['redis://0x7f.1', /no valid host and port/],
  ['redis://127.1', /no valid host and port/],
  ['redis://a:0', /port that is not from 1 to 65535/],
  ['redis://a:65536', /port that is not from 1 to 65535/],
  ['redis://a?db=1', /must not hold a query/],
  ['redis://a/1?password=x', /must not hold a query/],
  ['redis://a/1#x', /must not hold a query or fragment/],
  ['redis://a/-1', /not the number of a database/],
  ['redis://a/01', /not the number of a database/],
  ['redis://a/65536', /not the number of a database/],
  ['redis://a/1/2', /not the number of a database/],
  ['redis://a/fraud', /not the number of a database/],
  ['redis://:secret@a', /password: \{ env: NAME \}/],
  ['redis://user@a', /must not hold a user or password/],
  ['redis://a/@', /must not hold a user or password/],
  ['user:secret@a:1', /must not hold a user or password/],
  ['redis://u:p@ss@a', /must not hold a user or password/]
]

test('reads scheme, host, port and database when a URL has them', t => {
  for (const [text, expected] of READ) t.same(parseRedisUrl(text), expected, text)
  t.end()
})

test('says what is wrong and never quotes it when a URL is none of a store', t => {
  for (const [text, expected] of REFUSED) {
    const fault = parseRedisUrl(text)
    t.match(fault, expected, JSON.stringify(text))
    t.notOk(String(fault).includes('secret'), text)
  }
  t.end()
})
