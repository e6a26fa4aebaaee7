import { writeFileSync } from 'node:fs'
import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { planReload } from '../../src/config/reload.ts'
import { configOf, smallConfig } from '../helpers/config-file.ts'

test('changes nothing when the file says the same in another order', async t => {
  const running = await configOf(t, smallConfig('limits: { body: 1MiB, inFlight: 5 }'))
  const next = await configOf(t, smallConfig('limits: { inFlight: 5, body: 1024KiB }'))
  t.same(planReload(running, next, { fraud: ['v3', 'v4'] }), {
    refusals: [],
    warnings: [],
    added: [],
    changed: [],
    removed: [],
    settings: []
  })
})

test('refuses what needs a restart, all at once, when listeners, threads, state or events change', async t => {
  const running = await configOf(t, smallConfig('', 'listen: 127.0.0.1:1\nthreads: 1'))
  const next = await configOf(
    t,
    smallConfig(
      '',
      'listen: 127.0.0.1:2\nthreads: 2\nadmin: { listen: "127.0.0.1:3" }\ntelemetry: { listen: "127.0.0.1:4" }\nstate: { directory: ./other }\nevents: { driver: file, directory: ./other, unitKey: { env: KEY } }'
    ),
    { KEY: 'k'.repeat(32) }
  )
  const { refusals } = planReload(running, next, {})
  t.match(refusals, [
    /^listen cannot change/,
    /^threads cannot change/,
    /^admin\.listen cannot/,
    /^telemetry\.listen cannot/,
    /^state\.directory cannot/,
    /^events\.driver cannot/,
    /^events\.directory cannot/,
    /^events\.unitKey cannot/
  ])
  t.equal(refusals.length, 8)
  t.notOk(refusals.join().includes('kkk'), 'a key is never shown')
})

test('goes on with a renewed certificate of a listener, and says that it is served later', async t => {
  const config = await configOf(t, smallConfig())
  const withCert = (cert: string): Config => ({
    ...config,
    listen: { ...config.listen, tls: { cert, key: 'key' } }
  })
  const plan = planReload(withCert('old'), withCert('new'), {})
  t.same(plan.refusals, [])
  t.match(plan.warnings, [
    /^listen\.tls: the certificate has changed; the old one is served until a restart/
  ])
  t.match(planReload(config, withCert('new'), {}).refusals, [/^listen cannot change/])
})

test('refuses that a variant with weight vanishes, and lets one without weight go', async t => {
  const running = await configOf(t, smallConfig())
  const next = await configOf(t, smallConfig().replace(/ +v4: .*\n/, ''))
  t.match(planReload(running, next, { fraud: ['v3', 'v4'] }).refusals, [
    /^routes\.fraud\.variants: v4 has weight and cannot vanish/
  ])
  t.same(planReload(running, next, { fraud: ['v3'] }).refusals, [])
  t.same(planReload(running, next, { fraud: ['v3', 'from-the-api'] }).refusals, [])
})

test('refuses another model under a known name, and takes other upstreams', async t => {
  const of = (settings: string) => configOf(t, smallConfig().replace(/v4: .*/, `v4: ${settings}`))
  const running = await of('{ upstreams: ["http://a"], model: { version: "4" } }')
  const other = await of('{ upstreams: ["http://a"], model: { version: "5" } }')
  t.match(planReload(running, other, { fraud: ['v3'] }).refusals, [
    /^routes\.fraud\.variants\.v4\.model: the model cannot change/
  ])
  const moved = await of('{ upstreams: ["http://b"], model: { version: "4" } }')
  const plan = planReload(running, moved, { fraud: ['v3', 'v4'] })
  t.same(plan.refusals, [])
  t.same(plan.changed, ['fraud'])
})

test('reports an edit as ignored when the state of the route is the truth', async t => {
  const running = await configOf(t, smallConfig('initialWeights: { v3: 95, v4: 5 }'))
  const next = await configOf(
    t,
    smallConfig('initialWeights: { v3: 50, v4: 50 }\nsalt: other').replace(
      'champion: v3',
      'champion: v4'
    )
  )
  const plan = planReload(running, next, { fraud: ['v3', 'v4'] })
  t.same(plan.refusals, [])
  t.match(plan.warnings, [
    /^routes\.fraud\.initialWeights: the edit is ignored/,
    /^routes\.fraud\.champion: the edit is ignored/,
    /^routes\.fraud\.salt: the edit is ignored/
  ])
})

test('adds and drains whole routes, also one that has weight, when the file names others', async t => {
  const route = (name: string) =>
    `  ${name}: { match: { paths: [/${name}] }, variants: { v: { upstreams: ["http://a"] } } }\n`
  const running = await configOf(t, `routes:\n${route('a')}${route('b')}`)
  const next = await configOf(
    t,
    `drain: { delay: 1s }\nroutes:\n${route('b')}${route('constructor')}`
  )
  t.same(planReload(running, next, { a: ['v'], b: ['v'] }), {
    refusals: [],
    warnings: [],
    added: ['constructor'],
    changed: [],
    removed: ['a'],
    settings: ['drain']
  })
})

const PEM_FILES = new URL('../fixtures/config/', import.meta.url).pathname
const stored = (redis: string) => smallConfig('', `state: { driver: redis, redis: ${redis} }`)

test('refuses another store, one sentence for each key, when the settings of Redis change', async t => {
  const running = await configOf(
    t,
    stored('{ url: "redis://a", username: x, password: { env: A } }'),
    {
      A: 'old-canary'
    }
  )
  const refusalsOf = async (redis: string) =>
    planReload(running, await configOf(t, stored(redis), { A: 'old-canary', B: 'new-canary' }), {})
      .refusals
  t.same(await refusalsOf('{ url: ["redis://A:6379/0"], username: x, password: { env: A } }'), [])
  t.match(await refusalsOf('{ url: "redis://a/1", username: x, password: { env: A } }'), [
    /^state\.redis\.url cannot change while the process runs; restart it/
  ])
  t.match(
    await refusalsOf(
      '{ url: "rediss://s", prefix: p, username: y, password: { env: B }, tls: { serverName: s }, sentinel: { master: m, password: { env: B } } }'
    ),
    [
      /^state\.redis\.url cannot/,
      /^state\.redis\.prefix cannot/,
      /^state\.redis\.username cannot/,
      /^state\.redis\.sentinel cannot/,
      /^state\.redis\.tls\.serverName cannot/,
      /^state\.redis\.password cannot/,
      /^state\.redis\.sentinel\.password cannot/
    ]
  )
  t.match(
    await refusalsOf('{ url: "redis://a", username: x, password: { env: A }, cluster: true }'),
    [/^state\.redis\.cluster cannot/]
  )
})

test('refuses a password that has rotated, and never shows it, when the file that holds it is the same', async t => {
  const file = `${t.testdir({ password: 'old-canary' })}/password`
  const text = stored(`{ password: { file: ${file} } }`)
  const running = await configOf(t, text)
  writeFileSync(file, 'new-canary\n')
  const plan = planReload(running, await configOf(t, text), {})
  t.match(plan.refusals, [
    /^state\.redis\.password cannot change while the process runs, also where its file .* restart one replica after the other/
  ])
  t.notOk(JSON.stringify(plan).includes('canary'))
})

test('goes on with renewed certificates of the store, and says that they are used later', async t => {
  const of = (ca: string) =>
    configOf(t, stored(`{ url: "rediss://a", tls: { ca: { file: ${PEM_FILES}${ca} } } }`))
  const plan = planReload(await of('cert.pem'), await of('ended.pem'), {})
  t.same(plan.refusals, [])
  t.match(plan.warnings, [
    /^state\.redis\.tls: the certificates have changed; the old ones are used/
  ])
  t.same(planReload(await of('cert.pem'), await of('cert.pem'), {}).warnings, [])
})

test('refuses another driver with one sentence when its settings come or go with it', async t => {
  const file = await configOf(t, smallConfig())
  const redis = await configOf(t, stored('{ url: "redis://a", prefix: b }'))
  for (const [running, next] of [
    [file, redis],
    [redis, file]
  ] as const) {
    t.match(planReload(running, next, {}).refusals, [/^state\.driver cannot change/])
  }
})

test('takes another policy for a lost store when nothing else changes', async t => {
  const of = (stale: string) => configOf(t, smallConfig('', `state: { driver: redis, ${stale} }`))
  const plan = planReload(
    await of('stale: {}'),
    await of('stale: { policy: champion, after: 5s }'),
    {}
  )
  t.same(plan.refusals, [])
  t.same(plan.settings, ['state'])
})

test('takes other shadows and other places of predictions when the process runs', async t => {
  const of = (route: string) => configOf(t, smallConfig(`protocol: json\n${route}`))
  const running = await of('shadows: [{ name: a, variant: v4, percent: 10 }]')
  for (const next of [
    '',
    'shadows: [{ name: a, variant: v4, percent: 20, capture: true }]',
    'shadows: [{ name: a, variant: v4, percent: 10 }, { name: b, variant: v4, percent: 1 }]',
    'shadows: [{ name: a, variant: v4, percent: 10 }]\npredictions: [/a]'
  ]) {
    t.match(planReload(running, await of(next), { fraud: ['v3', 'v4'] }), {
      refusals: [],
      warnings: [],
      changed: ['fraud']
    })
  }
})

test('takes another unit and says that users may change their variant, where there are several', async t => {
  const running = await configOf(t, smallConfig('hashOn: [{ header: a }]'))
  const next = await configOf(t, smallConfig('hashOn: [{ json: /user }, { header: a }]'))
  const plan = planReload(running, next, { fraud: ['v3', 'v4'] })
  t.same(plan.refusals, [])
  t.match(plan.warnings, [/^routes\.fraud\.hashOn: a request may have another unit now/])
  const one = (source: string) =>
    configOf(
      t,
      `routes: { a: { hashOn: [${source}], variants: { v: { upstreams: ["http://a"] } } } }`
    )
  const alone = planReload(await one('{ header: a }'), await one('{ header: b }'), { a: ['v'] })
  t.same(alone.warnings, [])
})
