import { test } from 'tap'
import { configOf, configWarningsOf, problemsOf, smallConfig } from '../helpers/config-file.ts'

/** The message of each problem, without its place. */
function told(problems: readonly string[]): readonly string[] {
  return problems.map(line => line.replace(/^\S+ /, ''))
}

test('adds weights in whole basis points when floats would not sum to 100', async t => {
  const config = await configOf(t, smallConfig('initialWeights: { v3: 99.71, v4: 0.29 }'))
  t.same(config.routes[0]?.initialWeights, { v3: 99.71, v4: 0.29 })
  t.same(told(await problemsOf(t, smallConfig('initialWeights: { v3: 99.71, v4: 0.3 }'))), [
    'routes.fraud.initialWeights: the weights sum to 100.01, and must sum to 100'
  ])
  t.same(told(await problemsOf(t, smallConfig('initialWeights: { v3: "95", v4: 5% }'))), [
    'routes.fraud.initialWeights.v3: must be a weight from 0 to 100 with at most two decimals, not "95"',
    'routes.fraud.initialWeights.v4: must be a weight from 0 to 100 with at most two decimals, not "5%"; weights carry no sign'
  ])
})

test('wants a champion when there are several variants, and takes the one when there is one', async t => {
  const one = 'routes: { a: { variants: { b: { upstreams: ["http://c"] } } } }'
  t.equal((await configOf(t, one)).routes[0]?.champion, 'b')
  t.match(told(await problemsOf(t, smallConfig().replace('    champion: v3\n', ''))), [
    /^routes\.fraud: champion is missing/
  ])
})

test('holds to 32 variants a route and 1,000 routes when a file has more', async t => {
  const variants = (n: number) =>
    Array.from({ length: n }, (_, i) => `v${i}: { upstreams: ["http://a"] }`).join(', ')
  const of = (n: number) => `routes: { a: { champion: v0, variants: { ${variants(n)} } } }`
  t.same(await problemsOf(t, of(32)), [])
  t.same(told(await problemsOf(t, of(33))), [
    'routes.a.variants: may have at most 32 entries, and has 33'
  ])
  const routes = (n: number) =>
    `routes:\n${Array.from({ length: n }, (_, i) => `  r${i}: { match: { paths: [/${i}] }, variants: { ${variants(1)} } }`).join('\n')}`
  t.same(await problemsOf(t, routes(1000)), [])
  t.same(told(await problemsOf(t, routes(1001))), [
    'routes: may have at most 1000 entries, and has 1001'
  ])
  t.same(told(await problemsOf(t, 'routes: {}')), ['routes: needs at least 1 entry, and has 0'])
})

test('refuses names that are none when a route or a variant carries them', async t => {
  for (const name of ['A', '-a', 'a_b', 'a.b', '"a b"', '""', 'a'.repeat(64)]) {
    const problems = await problemsOf(
      t,
      `routes: { ${name}: { variants: { ${name}: { upstreams: ["http://a"] } } } }`
    )
    t.match(told(problems), [/is not a name: lower-case letters/], name)
  }
})

test('refuses two routes that match the same when hosts, paths or the spelling of conditions hide it', async t => {
  const two = (a: string, b: string) => `routes:
  a: { match: ${a}, variants: { v: { upstreams: ["http://a"] } } }
  b: { match: ${b}, variants: { v: { upstreams: ["http://a"] } } }
`
  const same: readonly (readonly [string, string])[] = [
    ['{}', '{}'],
    ['{}', '{ paths: [/] }'],
    ['{ hosts: [x, A.test] }', '{ hosts: [a.TEST, y] }'],
    ['{ paths: [/a, /b] }', '{ paths: [/c, /b] }'],
    ['{ headers: { X-A: "1" } }', '{ headers: { x-a: { exact: "1" } } }'],
    ['{ headers: { a: "1", b: "2" } }', '{ headers: { b: "2", a: "1" } }']
  ]
  for (const [a, b] of same) {
    t.match(
      told(await problemsOf(t, two(a, b))),
      [/^routes\.b\.match: matches the same requests as route a/],
      `${a} ${b}`
    )
  }
  const different: readonly (readonly [string, string])[] = [
    ['{ hosts: [a] }', '{}'],
    ['{ hosts: [a] }', '{ hosts: [b] }'],
    ['{ paths: [/a] }', '{ paths: [/a/] }'],
    ['{ headers: { a: "1" } }', '{ headers: { a: "2" } }'],
    ['{ headers: { a: "1" } }', '{ query: { a: "1" } }']
  ]
  for (const [a, b] of different) t.same(await problemsOf(t, two(a, b)), [], `${a} ${b}`)
})

test('warns when a request can meet two routes of equal rank, and not when their conditions exclude each other', async t => {
  const of = async (a: string, b: string) =>
    (
      await configWarningsOf(
        t,
        `routes:
  a: { match: { headers: ${a} }, variants: { v: { upstreams: ["http://a"] } } }
  b: { match: { headers: ${b} }, variants: { v: { upstreams: ["http://a"] } } }
`
      )
    ).filter(line => line.includes('can meet both'))
  t.match(await of('{ x: "1" }', '{ y: "1" }'), [/routes\.b\.match: .*route a .*a wins/])
  t.match(await of('{ x: "1" }', '{ x: { present: true } }'), [/can meet both/])
  t.match(await of('{ x: { prefix: ab } }', '{ x: { prefix: a } }'), [/can meet both/])
  t.same(await of('{ x: { prefix: ab } }', '{ x: { prefix: ac } }'), [])
  t.same(await of('{ x: { in: [a, b] } }', '{ x: { in: [c] } }'), [])
  t.same(await of('{ x: { exact: a } }', '{ x: { present: false } }'), [])
  t.same(await of('{ x: { prefix: a } }', '{ x: { exact: b } }'), [])
  t.same(await of('{ x: "1" }', '{ x: "1", y: "1" }'), [], 'more conditions win')
})

test('refuses an open admin when it listens on more than loopback', async t => {
  const of = async (admin: string) => told(await problemsOf(t, smallConfig('', `admin: ${admin}`)))
  t.same(await of('{ listen: "127.0.0.1:1" }'), [])
  t.same(await of('{ listen: "[::1]:1" }'), [])
  t.match(await of('{ listen: "0.0.0.0:1" }'), [
    /is not loopback, so the admin API needs tls and tokens/
  ])
  t.match(
    await of(
      `{ listen: "10.0.0.1:1", tokens: [{ id: a, role: admin, sha256: ${'a'.repeat(64)} }] }`
    ),
    [/needs tls; add it/]
  )
})

test('gives each listener an address of its own when ports are named', async t => {
  const of = async (top: string) => told(await problemsOf(t, smallConfig('', top)))
  t.match(await of('listen: 127.0.0.1:9911'), [
    /^admin\.listen: port 9911 is taken by listen already/
  ])
  t.match(await of('listen: 0.0.0.0:9911'), [/taken/])
  t.same(await of('listen: 127.0.0.1:0\nadmin: { listen: "127.0.0.1:0" }'), [])
  t.match(await of('telemetry: { listen: "0.0.0.0:8080" }'), [
    /^telemetry\.listen: port 8080 is taken/
  ])
})

test('refuses to rewrite or hash what frames a message when a variant or a route says so', async t => {
  for (const name of [
    'Content-Length',
    'transfer-encoding',
    'Connection',
    'host',
    'X-Sluice-Variant'
  ]) {
    const variant = `routes: { a: { variants: { v: { upstreams: ["http://a"], rewrite: { headers: { set: { ${name}: "1" } } } } } } }`
    t.equal((await problemsOf(t, variant)).length, 1, name)
    const remove = variant.replace(/\{ set: .*?\} /, `{ remove: [${name}] `)
    t.equal((await problemsOf(t, remove)).length, 1, name)
    t.match(told(await problemsOf(t, smallConfig(`hashOn: [{ header: ${name} }]`))), [
      /cannot be a unit/
    ])
  }
  const injected =
    'routes: { a: { variants: { v: { upstreams: ["http://a"], rewrite: { headers: { set: { a: "b\\r\\nc: d" } } } } } } }'
  t.match(told(await problemsOf(t, injected)), [/must be a string of printable ASCII/])
})

test('merges a rewrite in lower case, and drops one that changes nothing', async t => {
  const of = async (rewrite: string) =>
    (
      await configOf(
        t,
        `routes: { a: { variants: { v: { upstreams: ["http://a"], rewrite: ${rewrite} } } } }`
      )
    ).routes[0]?.variants[0]?.rewrite
  t.equal(await of('{}'), null)
  t.equal(
    await of('{ host: null, path: null, model: null, headers: { set: {}, remove: [] } }'),
    null
  )
  t.same(await of('{ headers: { set: { X-A: "1" }, remove: [X-a, X-B] }, host: "b:1" }'), {
    path: null,
    host: 'b:1',
    headers: { set: { 'x-a': '1' }, remove: ['x-b'] }
  })
})

test('keeps quantities within what can be served when they are odd', async t => {
  t.match(told(await problemsOf(t, smallConfig('timeouts: { connect: 0s, idle: 300d }'))), [
    /connect: must be from 10ms to 1m, not "0s"/,
    /idle: must be from 10ms to 1d, not "300d"/
  ])
  t.match(told(await problemsOf(t, smallConfig('limits: { body: 1GB, inFlight: 1.5 }'))), [
    /body: must be a size/,
    /inFlight: must be a whole number from 1 to 1000000, not 1.5/
  ])
  t.match(told(await problemsOf(t, smallConfig('limits: { inFlight: .inf }'))), [/not Infinity/])
})

test('takes networks of both families as trusted proxies, and writes an address as a network', async t => {
  const config = await configOf(
    t,
    smallConfig('', 'trustedProxies: [10.0.0.0/8, 192.168.1.1, "fd00::/8", "::1"]')
  )
  t.same(config.trustedProxies, ['10.0.0.0/8', '192.168.1.1/32', 'fd00::/8', '::1/128'])
  for (const wrong of ['10.0.0.0/33', '10.0.0', 'a', 'fe80::1%eth0', '10.0.0.0/', '*']) {
    t.match(
      told(await problemsOf(t, smallConfig('', `trustedProxies: ["${wrong}"]`))),
      [/is not an address or a CIDR/],
      wrong
    )
  }
})
