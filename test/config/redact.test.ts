import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { redactConfig } from '../../src/config/redact.ts'
import { CONFIG_FIXTURES, configOf } from '../helpers/config-file.ts'

test('shows the shape of everything and nothing of a secret when the configuration is full of them', async t => {
  const at = (name: string) => `{ file: ${fileURLToPath(new URL(name, CONFIG_FIXTURES))} }`
  const tls = `tls: { cert: ${at('cert.pem')}, key: ${at('key.pem')} }`
  const config = await configOf(
    t,
    `listen: { address: "127.0.0.1:0", ${tls} }
admin: { listen: { address: "0.0.0.0:1", ${tls} }, tokens: [{ id: ops, role: operator, env: TOKEN }] }
telemetry: { listen: { address: "127.0.0.1:2", ${tls} } }
events: { unitKey: { env: UNIT_KEY } }
routes:
  a:
    variants:
      v:
        upstreams: ["https://a"]
        tls: { ca: ${at('cert.pem')}, cert: ${at('cert.pem')}, key: ${at('key.pem')} }
        rewrite: { headers: { set: { Authorization: "Bearer upstream-secret" } } }
`,
    { TOKEN: 'the-token-of-operators', UNIT_KEY: 'the-key-of-all-units' }
  )
  const text = JSON.stringify(redactConfig(config))
  for (const secret of [
    'BEGIN',
    'the-key-of',
    'the-token',
    'upstream-secret',
    config.admin.tokens[0]?.sha256 ?? '?'
  ]) {
    t.notOk(text.includes(secret), secret)
  }
  const tlsShown = { cert: '[redacted]', key: '[redacted]' }
  t.match(JSON.parse(text), {
    listen: { host: '127.0.0.1', port: 0, tls: tlsShown },
    admin: { listen: { tls: tlsShown }, tokens: [{ id: 'ops', role: 'operator' }] },
    telemetry: { listen: { tls: tlsShown } },
    events: { unitKey: '[redacted]' },
    drain: { delay: 5_000 },
    routes: {
      a: {
        champion: 'v',
        variants: {
          v: {
            upstreams: [{ url: 'https://a' }],
            tls: { ca: '[redacted]', verify: true },
            rewrite: { headers: { set: { authorization: '[redacted]' } } }
          }
        }
      }
    }
  })
})

test('shows where the store is and none of its secrets when the driver is redis', async t => {
  const at = (name: string) => `{ file: ${fileURLToPath(new URL(name, CONFIG_FIXTURES))} }`
  const config = await configOf(
    t,
    `state:
  driver: redis
  redis:
    url: [rediss://s1.test, rediss://s2.test]
    username: sluice
    password: { env: PW }
    sentinel: { master: fraud, username: watch, password: { env: SENTINEL_PW } }
    tls: { ca: ${at('cert.pem')}, cert: ${at('cert.pem')}, key: ${at('key.pem')}, serverName: redis.test }
routes: { a: { variants: { v: { upstreams: ["http://a"] } } } }
`,
    { PW: 'canary-of-redis', SENTINEL_PW: 'canary-of-sentinels' }
  )
  t.equal(config.state.redis?.password, 'canary-of-redis')
  const text = JSON.stringify(redactConfig(config))
  for (const secret of ['canary', 'BEGIN']) t.notOk(text.includes(secret), secret)
  t.match(JSON.parse(text).state, {
    driver: 'redis',
    firstStart: 'champion',
    redis: {
      mode: 'sentinel',
      nodes: [
        { host: 's1.test', port: 26_379 },
        { host: 's2.test', port: 26_379 }
      ],
      username: 'sluice',
      password: '[redacted]',
      sentinel: { master: 'fraud', username: 'watch', password: '[redacted]' },
      tls: { ca: '[redacted]', cert: '[redacted]', key: '[redacted]', serverName: 'redis.test' }
    }
  })
  const open = await configOf(
    t,
    'state: { driver: redis }\nroutes: { a: { variants: { v: { upstreams: ["http://a"] } } } }'
  )
  t.match(redactConfig(open), { state: { redis: { password: null, sentinel: null, tls: null } } })
})
