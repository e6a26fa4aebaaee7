import { test } from 'tap'
import type { RedisSettings } from '../../src/config/config.ts'
import { configOf, problemsOf, smallConfig } from '../helpers/config-file.ts'

type Teardown = { teardown(done: () => unknown): unknown }

const withRedis = (settings: string, driver = 'redis') =>
  smallConfig('', `state: { driver: ${driver}, redis: ${settings} }`)

async function settingsOf(t: Teardown, settings: string, env = {}): Promise<RedisSettings | null> {
  return (await configOf(t, withRedis(settings), env)).state.redis
}

const LOCAL: RedisSettings = {
  mode: 'standalone',
  nodes: [{ host: '127.0.0.1', port: 6379 }],
  database: 0,
  username: null,
  password: null,
  sentinel: null,
  tls: null,
  prefix: 'sluice'
}

test('fills in every default when the driver is redis and no more is said', async t => {
  for (const state of ['{ driver: redis }', '{ driver: redis, redis: {} }']) {
    const config = await configOf(t, smallConfig('', `state: ${state}`))
    t.match(config.state, { driver: 'redis', firstStart: 'champion', stale: { after: 30_000 } })
    t.same(config.state.redis, LOCAL, state)
  }
  const config = await configOf(t, smallConfig('', 'state:\n  driver: redis\n  redis:\n'))
  t.same(config.state.redis, LOCAL, 'an empty key')
})

test('starts a new route with its weights or the champion as the driver says when nobody else does', async t => {
  const of = async (state: string) =>
    (await configOf(t, smallConfig('', `state: { ${state} }`))).state.firstStart
  t.equal(await of('driver: file'), 'weights')
  t.equal(await of('driver: redis'), 'champion')
  t.equal(await of('driver: file, firstStart: champion'), 'champion')
  t.equal(await of('driver: redis, firstStart: weights'), 'weights')
})

test('knows no store when the driver is file, whatever stands under redis', async t => {
  const text = withRedis('{ url: "redis://a", password: { env: NOT_SET } }', 'file')
  const { state } = await configOf(t, text)
  t.equal(state.driver, 'file')
  t.equal(state.redis, null)
  t.match(await problemsOf(t, withRedis('{ url: "http://a" }', 'file')), [/must start with redis/])
})

test('reads address, database, user and password when one server is given', async t => {
  t.same(
    await settingsOf(
      t,
      '{ url: "redis://Redis.Test:7000/3", prefix: "a:b", username: sluice, password: { env: PW } }',
      { PW: 'secret\n' }
    ),
    {
      ...LOCAL,
      nodes: [{ host: 'redis.test', port: 7000 }],
      database: 3,
      username: 'sluice',
      password: 'secret',
      prefix: 'a:b'
    }
  )
  t.match(await settingsOf(t, '{ url: ["redis://[::1]/0"] }'), {
    nodes: [{ host: '::1', port: 6379 }],
    database: 0
  })
  t.match(await settingsOf(t, `{ url: "redis://${'$'}{HOST}:${'$'}{PORT:-1}" }`, { HOST: 'h' }), {
    nodes: [{ host: 'h', port: 1 }]
  })
})

test('lists sentinels with their own port and password when a master is named', async t => {
  t.same(
    await settingsOf(
      t,
      '{ url: ["redis://s1", "redis://s2:5000/2"], sentinel: { master: fraud.1, username: watch, password: { env: SPW } }, password: { env: PW } }',
      { PW: 'of-the-master', SPW: 'of-sentinels' }
    ),
    {
      ...LOCAL,
      mode: 'sentinel',
      nodes: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 5000 }
      ],
      database: 2,
      password: 'of-the-master',
      sentinel: { master: 'fraud.1', username: 'watch', password: 'of-sentinels' }
    }
  )
  const alone = await settingsOf(t, '{ url: "redis://s1", sentinel: { master: m } }')
  t.match(alone, { mode: 'sentinel', sentinel: { master: 'm', username: null, password: null } })
})

test('lists nodes to begin with when the store is a cluster', async t => {
  t.same(await settingsOf(t, '{ url: ["redis://a:1/0", "redis://b"], cluster: true }'), {
    ...LOCAL,
    mode: 'cluster',
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 6379 }
    ]
  })
})

const CONTRADICTIONS: readonly (readonly [string, RegExp])[] = [
  ['{ url: ["redis://a", "redis://b"] }', /redis\.url\[1\]: several URLs are .* keep one URL/],
  ['{ sentinel: { master: m }, cluster: true }', /redis\.cluster: sentinel and cluster are two/],
  ['{ sentinel: {} }', /redis\.sentinel: master is missing/],
  ['{ sentinel: { master: "a b" } }', /sentinel\.master: must be the name of a master/],
  ['{ url: "redis://a/1", cluster: true }', /redis\.url: a cluster has database 0 .* remove \/1/],
  [
    '{ url: ["redis://a/1", "redis://b/2"], sentinel: { master: m } }',
    /url\[1\]: names database 2/
  ],
  [
    '{ url: ["redis://a", "rediss://b"], cluster: true }',
    /url\[1\]: is rediss:\/\/, and the first/
  ],
  ['{ url: ["rediss://a", "redis://b"], cluster: true }', /url\[1\]: is redis:\/\/, and the first/],
  ['{ url: ["redis://A:6379", "redis://a:6379"], cluster: true }', /url\[1\]: is the address of/],
  ['{ tls: {} }', /redis\.tls: is for rediss:\/\/ alone; write rediss/],
  ['{ url: "rediss://a", tls: { verify: false } }', /tls\.verify: unknown key/],
  ['{ url: "rediss://a", tls: { serverName: "a b" } }', /tls\.serverName: .* not a valid host/],
  ['{ url: "rediss://a", tls: { serverName: 10.0.0.1 } }', /serverName: .*TLS asks for names/],
  ['{ url: "rediss://a", tls: { cert: { env: NONE } } }', /tls\.cert: needs key beside it/],
  ['{ username: a }', /redis\.username: needs password beside it/],
  ['{ sentinel: { master: m, username: a } }', /sentinel\.username: needs password beside it/],
  ['{ username: "a b", password: { env: PW } }', /username: must be a user name without spaces/],
  ['{ url: [] }', /redis\.url: needs at least 1 entry/],
  ['{ url: 6379 }', /redis\.url: must be a URL such as/],
  ['{ url: { host: a } }', /redis\.url: must be a URL such as .* or a list/],
  ['{ prefix: "{sluice}" }', /redis\.prefix: must be a prefix/],
  ['{ prefix: "" }', /redis\.prefix: must be a prefix/],
  [`{ prefix: ${'a'.repeat(65)} }`, /redis\.prefix: must be a prefix/],
  ['{ prefix: "a b" }', /redis\.prefix: must be a prefix/],
  ['{ passwd: { env: PW } }', /redis\.passwd: unknown key, did you mean "password"/],
  ['{ password: { env: NONE } }', /password\.env: the environment variable NONE is not set/],
  ['{ cluster: yes }', /redis\.cluster: must be true or false/],
  ['redis', /state\.redis: must be a map/]
]

test('refuses with its place and what to do when settings contradict each other', async t => {
  for (const [settings, expected] of CONTRADICTIONS) {
    const problems = await problemsOf(t, withRedis(settings), { PW: 'secret' })
    const lines = problems.filter(line => expected.test(line))
    t.equal(lines.length, 1, `${settings}\n${problems.join('\n')}`)
    t.match(lines[0], /^sluice\.yaml:1:\d+ /, settings)
  }
})

test('says one thing when one thing is wrong', async t => {
  const once = CONTRADICTIONS.filter(([settings]) => !/cert: /.test(settings))
  for (const [settings] of once) {
    t.equal((await problemsOf(t, withRedis(settings), { PW: 'secret' })).length, 1, settings)
  }
})

test('never quotes a password when it stands where it should not', async t => {
  const canary = 'hunter2-hunter2'
  const long = `${canary}${'x'.repeat(90)}`
  for (const state of [
    `{ driver: redis, redis: { url: "redis://:${canary}@a" } }`,
    `{ driver: redis, redis: { url: "redis://user:${canary}@a:1/0?x=y" } }`,
    `{ driver: redis, redis: { url: "user:${canary}@a:1" } }`,
    `{ driver: redis, redis: { url: ["redis://a", "rediss://:${long}@b"], cluster: true } }`,
    `{ driver: redis, redis: { url: "redis://:${canary}${'x'.repeat(5000)}@a" } }`,
    `{ driver: redis, redis: { url: "redis://a?password=${canary}" } }`,
    `{ driver: redis, redis: { url: "redis://a/${canary}" } }`,
    `{ driver: redis, redis: { url: "${canary}" } }`,
    `{ driver: redis, redis: "redis://:${canary}@a" }`,
    `{ driver: redis, redis: "${canary}@a" }`,
    `{ driver: "redis://:${long}@a" }`,
    `"redis://:${long}@a"`,
    `{ driver: redis, redis: { password: ${canary} } }`,
    `{ driver: redis, redis: { password: { value: ${canary} } } }`,
    `{ driver: redis, redis: { sentinel: { master: m, password: "${canary}" } } }`,
    `{ driver: redis, redis: { url: "rediss://a", tls: { key: "${canary}" } } }`,
    `{ driver: redis, redis: { "redis://:${canary}@a": } }`,
    `\n  redis: { url: redis://:${canary}@a: }`,
    `\n  redis:\n    password: |${canary}`
  ]) {
    const problems = await problemsOf(t, smallConfig('', `state: ${state}`))
    t.ok(problems.length > 0, state)
    t.notOk(problems.join('\n').includes('hunter2'), problems.join('\n'))
  }
})

test('names the key for a password when a URL holds one', async t => {
  t.same(await problemsOf(t, withRedis('{ url: "redis://:pw@a" }')), [
    'sluice.yaml:1:39 state.redis.url: must not hold a user or password; write username: NAME and password: { env: NAME } beside url'
  ])
})
