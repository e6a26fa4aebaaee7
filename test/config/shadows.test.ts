import { test } from 'tap'
import type { ShadowSettings } from '../../src/domain/shadow.ts'
import { configOf, configWarningsOf, problemsOf, smallConfig } from '../helpers/config-file.ts'

type Teardown = { teardown(done: () => unknown): unknown }

const QUIET =
  'protocol: json\nhashOn: [{ header: x-user-id }]\ntriggers: { latency: { sla: 1s } }\n'
const withShadow = (settings: string, top = '') =>
  smallConfig(`${QUIET}shadows: [${settings}]`, top)

async function shadowsOf(t: Teardown, settings: string): Promise<readonly ShadowSettings[]> {
  return (await configOf(t, withShadow(settings))).routes[0]?.shadows ?? []
}

test('fills in every default of a shadow when name, variant and percent are given', async t => {
  t.same(await shadowsOf(t, '{ name: a, variant: v4, percent: 0.25 }'), [
    {
      name: 'a',
      variant: 'v4',
      percent: 0.25,
      sample: 'unit',
      timeout: 5000,
      concurrency: 64,
      maxBody: 1024 * 1024,
      methods: ['GET', 'HEAD', 'POST'],
      keepHeaders: [],
      rewriteModel: null,
      compare: true,
      ignore: [],
      tolerance: { relative: 0.01 },
      noise: 5,
      capture: false,
      redact: [],
      whileLive: false
    }
  ])
})

test('reads every setting of a shadow, each once, when all are given', async t => {
  const [shadow] = await shadowsOf(
    t,
    `{ name: a, variant: v4, percent: 100, sample: request, timeout: 250ms, concurrency: 3, maxBody: 2KiB,
      methods: [PUT, PUT], keepHeaders: [Authorization, authorization], rewriteModel: m-2, compare: false,
      ignore: [/id, /id, /a~1b/*], tolerance: { relative: 0 }, noise: 0, capture: true, redact: [""], whileLive: true }`
  )
  t.same(shadow, {
    name: 'a',
    variant: 'v4',
    percent: 100,
    sample: 'request',
    timeout: 250,
    concurrency: 3,
    maxBody: 2048,
    methods: ['PUT'],
    keepHeaders: ['authorization'],
    rewriteModel: 'm-2',
    compare: false,
    ignore: ['/id', '/a~1b/*'],
    tolerance: { relative: 0 },
    noise: 0,
    capture: true,
    redact: [''],
    whileLive: true
  })
})

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['{ variant: v4, percent: 1 }', /shadows\[0\]: name is missing/],
  ['{ name: a, percent: 1 }', /shadows\[0\]: variant is missing/],
  ['{ name: a, variant: v4 }', /shadows\[0\]: percent is missing/],
  ['{ name: A, variant: v4, percent: 1 }', /\.name: must be a name: lower-case/],
  [
    '{ name: a, variant: v5, percent: 1 }',
    /\.variant: variant "v5" does not exist, did you mean "v4"/
  ],
  ['{ name: a, variant: v3, percent: 1 }', /\.variant: v3 is the champion/],
  ['{ name: a, variant: v4, percent: 0.001 }', /\.percent: must be a weight from 0 to 100 with/],
  ['{ name: a, variant: v4, percent: 101 }', /\.percent: must be a weight/],
  ['{ name: a, variant: v4, percent: 10% }', /\.percent: .*weights carry no sign/],
  ['{ name: a, variant: v4, percent: 1, noise: 5% }', /\.noise: .*weights carry no sign/],
  ['{ name: a, variant: v4, percent: 1, methods: [post] }', /methods\[0\]: .*did you mean "POST"/],
  ['{ name: a, variant: v4, percent: 1, methods: [CONNECT] }', /methods\[0\]: must be one of GET/],
  ['{ name: a, variant: v4, percent: 1, methods: [] }', /methods: needs at least 1 entry/],
  [
    '{ name: a, variant: v4, percent: 1, keepHeaders: ["a b"] }',
    /keepHeaders\[0\]: must be the name/
  ],
  [
    '{ name: a, variant: v4, percent: 1, ignore: [id] }',
    /ignore\[0\]: "id" is no JSON Pointer.*"\/id"/
  ],
  ['{ name: a, variant: v4, percent: 1, redact: [/a~2] }', /redact\[0\]: "\/a~2" holds a ~/],
  ['{ name: a, variant: v4, percent: 1, redact: ["#/a"] }', /redact\[0\]: .*URI fragment.*"\/a"/],
  [
    '{ name: a, variant: v4, percent: 1, tolerance: { relative: -1 } }',
    /relative: must be a number/
  ],
  [
    '{ name: a, variant: v4, percent: 1, concurrency: 0 }',
    /concurrency: must be a whole number from 1/
  ],
  ['{ name: a, variant: v4, percent: 1, maxBody: 33MiB }', /maxBody: must be from 0B to 32MiB/],
  ['{ name: a, variant: v4, percent: 1, timeout: 0s }', /timeout: must be from 1ms/],
  ['{ name: a, variant: v4, percent: 1, sample: user }', /sample: must be one of unit, request/],
  [
    '{ name: a, variant: v4, percent: 1, whilelive: true }',
    /whilelive: unknown key, did you mean "whileLive"/
  ],
  ['{ name: a, variant: v4, percent: 1, capture: yes }', /capture: must be true or false/],
  ['{ name: a, variant: v4, percent: 1, rewriteModel: 3 }', /rewriteModel: must be/],
  [
    '{ name: a, variant: v4, percent: 1 }, { name: a, variant: v4, percent: 2 }',
    /shadows\[1\]\.name: "a" is the name of another shadow already/
  ]
]

test('says one thing with its place when one thing of a shadow is wrong', async t => {
  for (const [settings, expected] of WRONG) {
    const problems = await problemsOf(t, withShadow(settings))
    t.equal(problems.length, 1, `${settings}\n${problems.join('\n')}`)
    t.match(problems[0], expected)
    t.match(problems[0], /^sluice\.yaml:10:\d+ routes\.fraud\.shadows/)
  }
})

test('holds to 8 shadows a route and 1,024 in all when a file has more', async t => {
  const shadows = (n: number) =>
    Array.from({ length: n }, (_, i) => `{ name: s${i}, variant: b, percent: 1 }`).join(', ')
  t.equal((await shadowsOf(t, shadows(8).replaceAll('variant: b', 'variant: v4'))).length, 8)
  t.match(await problemsOf(t, withShadow(shadows(9).replaceAll('variant: b', 'variant: v4'))), [
    /shadows: may have at most 8 entries, and has 9/
  ])
  const routes = (n: number) =>
    `routes:\n${Array.from(
      { length: n },
      (_, i) =>
        `  r${i}: { match: { paths: [/${i}] }, champion: a, variants: { a: { upstreams: ["http://a"] }, b: { upstreams: ["http://b"] } }, shadows: [${shadows(8)}] }`
    ).join('\n')}`
  t.same(await problemsOf(t, routes(128)), [])
  t.match(await problemsOf(t, routes(130)), [
    /routes\.r128\.shadows: a router has at most 1024 shadows over all routes/
  ])
})

test('warns of shadows that are legal and dangerous when there are some, and else says nothing', async t => {
  const of = async (settings: string, route = '') =>
    (
      await configWarningsOf(
        t,
        smallConfig(`${QUIET}${route}shadows: [${settings}]`, 'events: { driver: file }')
      )
    )
      .filter(line => !line.includes('state.'))
      .map(line => line.replace(/^\S+ routes\.fraud\./, ''))
  const base = 'name: a, variant: v4, percent: 1'
  t.same(await of(`{ ${base} }`), [])
  const weighted = 'initialWeights: { v3: 95, v4: 5 }\n'
  t.match(await of(`{ ${base} }`, weighted), [
    /^shadows\[0\]\.variant: v4 begins with 5 % of the traffic, and the shadow pauses/
  ])
  t.same(await of(`{ ${base}, whileLive: true }`, weighted), [])
  t.match(await of(`{ ${base}, capture: true }`), [/^shadows\[0\]\.capture: whole answers go into/])
  t.same(await of(`{ ${base}, capture: true, redact: [/user] }`), [])
  t.match(await of(`{ ${base}, redact: [/user] }`), [/^shadows\[0\]\.redact: has no effect/])
  t.match(await of(`{ ${base}, compare: false, ignore: [/a] }`), [/\.ignore: has no effect/])
  t.match(await of(`{ ${base}, noise: 50 }`), [/\.noise: the champion gets 50 % of the copies/])
  t.match(await of(`{ ${base}, methods: [POST, DELETE] }`), [/\.methods: DELETE may change/])
  t.match(await of(`{ ${base}, keepHeaders: [X-Tenant] }`), [/\.keepHeaders: x-tenant is no cred/])
  t.match(await of('{ name: a, variant: v4, percent: 0 }'), [
    /\.percent: is 0, so nothing is copied/
  ])
})

test('warns of what a shadow cannot know when the route has no protocol or no unit', async t => {
  const of = async (route: string) =>
    (
      await configWarningsOf(
        t,
        smallConfig(`${route}\nshadows: [{ name: a, variant: v4, percent: 1 }]`)
      )
    ).filter(line => line.includes('shadows['))
  t.match(await of('hashOn: [clientIp]'), [/shadows\[0\]\.compare: under protocol opaque/])
  t.match(await of('protocol: json'), [/shadows\[0\]: the route has no unit.*sample: request/])
})

test('warns that pairs are written nowhere when a route has shadows and events have no driver', async t => {
  const of = async (top: string, shadows = '[{ name: a, variant: v4, percent: 1 }]') =>
    (await configWarningsOf(t, smallConfig(`${QUIET}shadows: ${shadows}`, top))).filter(line =>
      line.includes('events')
    )
  const nowhere = /events\.driver: is none, so the pairs of shadows are written nowhere/
  t.match(await of(''), [nowhere])
  t.match(await of('events: { driver: none }'), [
    /^sluice\.yaml:1:19 events\.driver: is none, so the pairs/
  ])
  t.same(await of('events: { driver: file }'), [])
  t.same(await of('', '[]'), [])
})
