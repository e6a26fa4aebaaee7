import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { formatProblem, loadConfig } from '../../src/config/load.ts'
import {
  CONFIG_FIXTURES,
  configOf,
  problemsOf,
  smallConfig,
  writeConfig
} from '../helpers/config-file.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

test('says every fault of a file at once, each with line, column, path and the near word, when nearly all is wrong', async t => {
  const path = fileURLToPath(new URL('everything-wrong.yaml', CONFIG_FIXTURES))
  const loaded = await loadConfig(path, {})
  t.notOk(loaded.ok)
  if (loaded.ok) return
  const lines = loaded.problems.map(p => formatProblem({ ...p, file: 'everything-wrong.yaml' }))
  const expected = readFileSync(new URL('problems.txt', CONFIG_FIXTURES), 'utf8')
  t.same(lines, expected.trimEnd().split('\n'))
})

test('prints a fault of a weight at the variant and with the path of the map when a variant does not exist', async t => {
  t.same(await problemsOf(t, smallConfig('initialWeights: { v3: 95, v5: 5 }')), [
    'sluice.yaml:7:31 routes.fraud.initialWeights: variant "v5" does not exist, did you mean "v3"?'
  ])
})

test('fills in every default when a file gives the least', async t => {
  const config = await configOf(t, smallConfig())
  t.match(config, {
    listen: { host: '0.0.0.0', port: 8080, tls: null },
    admin: { listen: { host: '127.0.0.1', port: 9911 }, allowedHosts: [], tokens: [] },
    telemetry: null,
    state: { driver: 'file', directory: resolve('state'), firstStart: 'weights' },
    events: { driver: 'none', directory: resolve('events'), unitKey: null },
    accessLog: null,
    trustedProxies: [],
    drain: { delay: 5_000, grace: 20_000 }
  })
  const [route] = config.routes
  t.match(route, {
    name: 'fraud',
    match: { hosts: [], paths: ['/'], headers: {}, query: {} },
    protocol: 'opaque',
    hashOn: [],
    onMissingUnit: 'champion',
    champion: 'v3',
    initialWeights: { v3: 100, v4: 0 },
    overrides: [],
    salt: 'fraud.0',
    onUnavailable: 'champion',
    lane: 'auto',
    timeouts: { connect: 1_000, firstByte: 60_000, idle: 30_000, streamIdle: 300_000 },
    stream: { graceMs: 600_000, cut: false },
    limits: { body: 33_554_432, inFlight: 1024 },
    headers: { variant: true, revision: true, reason: false }
  })
  t.same(route?.triggers, {
    alphaPerDay: 0.001,
    errors: { ratio: 5, max: 0.1, action: 'rollback', dryRun: false },
    clientErrors: { ratio: 5, action: 'rollback', dryRun: false },
    badPredictions: {
      max: 0.01,
      kinds: ['nan', 'infinite', 'null', 'unparsable', 'shape'],
      action: 'rollback',
      dryRun: false
    },
    latency: null,
    absence: { after: 'auto', startup: 300_000, action: 'rollback', dryRun: false },
    gross: { action: 'rollback', dryRun: false }
  })
  t.same(route?.variants[0], {
    name: 'v3',
    upstreams: [
      {
        url: 'http://127.0.0.1:8001',
        secure: false,
        hostname: '127.0.0.1',
        port: 8001,
        resolve: 'all',
        refresh: 5_000
      }
    ],
    model: {},
    health: null,
    balance: 'least-in-flight',
    keepAliveMs: 1_500,
    tls: null,
    rewrite: null
  })
})

test('waits ten minutes for a first byte and counts empty answers when the protocol is openai', async t => {
  const [route] = (await configOf(t, smallConfig('protocol: openai'))).routes
  t.equal(route?.timeouts.firstByte, 600_000)
  t.ok(route?.triggers.badPredictions?.kinds.includes('empty'))
  const [own] = (await configOf(t, smallConfig('protocol: openai\ntimeouts: { firstByte: 5s }')))
    .routes
  t.equal(own?.timeouts.firstByte, 5_000)
})

test('turns triggers off and takes a bare null as a kind when a route says so', async t => {
  const [route] = (
    await configOf(
      t,
      smallConfig(
        'triggers: { errors: off, clientErrors: false, badPredictions: { kinds: [null, nan], max: 2.5% }, latency: { sla: 250ms, of: first-byte, percentile: 99.9, action: pause }, absence: { after: 20s }, gross: { dryRun: true } }'
      )
    )
  ).routes
  t.match(route?.triggers, {
    errors: null,
    clientErrors: null,
    badPredictions: { kinds: ['null', 'nan'], max: 0.025 },
    latency: { sla: 250, of: 'first-byte', percentile: 99.9, action: 'pause', dryRun: false },
    absence: { after: 20_000 },
    gross: { action: 'rollback', dryRun: true }
  })
})

test('carries rules over in lower case and in one form when they are written in several', async t => {
  const [route] = (
    await configOf(
      t,
      smallConfig(`match: { hosts: [Router.Test, "[::1]"], headers: { X-Tier: gold, X-B: { prefix: a } }, query: { Q: { in: [a, b] } } }
hashOn: [{ header: X-User-Id }, { cookie: Uid }, clientIp, { clientIp: true }, { setCookie: {} }, { request: random }]
overrides:
  - { name: a, from: trusted, variant: v4, when: { not: { any: [{ header: { name: X-A, present: true } }, { unit: { exact: "1" } }] } } }
  - { name: b, split: { v3: 33.33, v4: 66.67 }, when: { cookie: { name: Beta, exact: "" } } }`)
    )
  ).routes
  t.same(route?.match, {
    hosts: ['router.test', '[::1]'],
    paths: ['/'],
    headers: { 'x-tier': { exact: 'gold' }, 'x-b': { prefix: 'a' } },
    query: { Q: { in: ['a', 'b'] } }
  })
  t.same(route?.hashOn, [
    { header: 'x-user-id' },
    { cookie: 'Uid' },
    { clientIp: true },
    { clientIp: true },
    { setCookie: { name: 'sluice-unit', maxAge: 2_592_000 } },
    { request: 'random' }
  ])
  t.same(route?.overrides, [
    {
      name: 'a',
      from: 'trusted',
      variant: 'v4',
      when: { not: { any: [{ header: { name: 'x-a', present: true } }, { unit: { exact: '1' } }] } }
    },
    {
      name: 'b',
      from: 'any',
      split: { v3: 33.33, v4: 66.67 },
      when: { cookie: { name: 'Beta', exact: '' } }
    }
  ])
})

test('keeps the names of variants apart from those of JavaScript when they are the same word', async t => {
  const [route] = (
    await configOf(
      t,
      'routes: { constructor: { variants: { constructor: { upstreams: ["http://a"] }, valueof: { upstreams: ["http://b"] } }, champion: valueof } }'
    )
  ).routes
  t.equal(route?.name, 'constructor')
  t.same(route?.initialWeights, { constructor: 0, valueof: 100 })
})

test('accepts the examples of the repository when they are loaded as they are', async t => {
  for (const name of ['sluice.yaml', 'complete.yaml']) {
    const loaded = await loadConfig(join(ROOT, 'config', name), {})
    t.same(loaded.ok ? [] : loaded.problems.map(formatProblem), [], name)
  }
})

test('accepts JSON when a configuration is written in it', async t => {
  const json = JSON.stringify({ routes: { a: { variants: { b: { upstreams: ['http://c'] } } } } })
  t.equal((await configOf(t, json)).routes[0]?.champion, 'b')
})

test('says what is wrong with the file itself when it cannot be a configuration', async t => {
  const path = writeConfig(t, smallConfig())
  const folder = dirname(path)
  mkdirSync(join(folder, 'folder'))
  const of = async (file: string) => {
    const loaded = await loadConfig(file, {})
    return loaded.ok ? [] : loaded.problems.map(p => p.message)
  }
  t.match(await of(join(folder, 'none.yaml')), [/there is no such file/])
  t.match(await of(join(folder, 'folder')), [/is a directory/])
  t.match(await problemsOf(t, new Uint8Array([0x61, 0x3a, 0xff, 0xfe])), [/is not UTF-8/])
  t.match(await problemsOf(t, ''), [/sluice\.yaml:1:1: the file is empty/])
  t.match(await problemsOf(t, '# only a comment\n'), [/the file is empty/])
  t.match(await problemsOf(t, '42'), [/must be a map, not 42/])
  chmodSync(path, 0)
  const mayReadAll = process.getuid?.() === 0
  t.match(await of(path), mayReadAll ? [] : [/permission denied/])
})
