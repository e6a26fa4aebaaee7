import { test } from 'tap'
import { type LiveRoute, liveRoute, withDocument } from '../../src/control-plane/live-route.ts'
import { createUpstreams, type Upstreams } from '../../src/control-plane/upstreams.ts'
import { applyOperation } from '../../src/domain/operations.ts'
import { SluiceError } from '../../src/errors.ts'
import type { HealthProbe, HealthTarget, Log, Resolver } from '../../src/ports.ts'
import { configOf } from '../helpers/config-file.ts'
import { author, first, means } from '../helpers/state-documents.ts'
import { until } from '../helpers/until.ts'

type Teardown = { teardown(done: () => unknown): unknown }
type Answer = Parameters<Parameters<Resolver['watch']>[2]>[0]

/** Names and checks that the test answers by hand. */
function world() {
  const names = new Map<string, (answer: Answer) => void>()
  const checks = new Map<string, { target: HealthTarget; tell: (healthy: boolean) => void }>()
  const known = new Map<string, readonly string[]>()
  const resolver: Resolver = {
    watch(hostname, _refresh, listener) {
      names.set(hostname, listener)
      return () => {
        if (names.get(hostname) === listener) names.delete(hostname)
      }
    },
    lookup: async hostname => known.get(hostname) ?? Promise.reject(new Error('ENOTFOUND')),
    ownAddresses: () => ['10.0.0.9']
  }
  const probe: HealthProbe = {
    watch(target, listener) {
      checks.set(target.ip, { target, tell: healthy => listener(healthy, 'test') })
      return () => checks.delete(target.ip)
    }
  }
  const lines: string[] = []
  const line = (_fields: unknown, text?: string) => lines.push(text ?? '')
  const log: Log = { debug: line, info: line, warn: line, error: line }
  const clock = { now: () => performance.now(), wall: () => new Date() }
  return { names, checks, known, lines, options: { resolver, probe, log, clock } }
}

const FILE = `routes:
  fraud:
    hashOn: [{ header: x-user-id }]
    variants:
      v3:
        upstreams: [{ url: "http://v3.test:8000", refresh: 1s }]
        health: { path: /ready, interval: 1s }
      v4: { upstreams: ["http://v4.test:8000", "http://127.0.0.1:5001"] }
    champion: v3
    initialWeights: { v3: 95, v4: 5 }
`

async function started(t: Teardown, ownPorts: readonly number[] = []) {
  const config = await configOf(t, FILE)
  const route = config.routes[0]
  if (!route) throw new Error('no route')
  const live = liveRoute(route, first('fraud'), 1)
  const { options, ...rest } = world()
  const upstreams = createUpstreams({
    ...options,
    ownPorts: () => ownPorts,
    stores: () => [{ host: '10.0.0.7', port: 6380 }]
  })
  t.teardown(() => upstreams.stop())
  upstreams.configure([live])
  return { upstreams, live, ...rest }
}

function given(live: LiveRoute, variant: string, urls: readonly string[]): LiveRoute {
  const { document } = live
  const expect = `${document.epoch}-${document.revision}`
  const entry = { upstreams: urls, model: null }
  const applied = applyOperation(
    document,
    { kind: 'variant', expect, name: variant, entry },
    author(),
    means
  )
  if (applied.status !== 'changed') throw new Error(JSON.stringify(applied))
  return withDocument(live, applied.document)
}

function ipsOf(upstreams: Upstreams, variant: string): string[] {
  return upstreams.addresses('fraud', variant).map(({ ip, healthy }) => `${ip} ${healthy}`)
}

test('joins names and health into the addresses of each variant', async t => {
  const { upstreams, names, checks } = await started(t)
  let changes = 0
  upstreams.onChange(() => changes++)
  names.get('v3.test')?.({ ips: ['192.0.2.1', '192.0.2.2'] })
  names.get('v4.test')?.({ ips: ['192.0.2.4'] })
  t.same(ipsOf(upstreams, 'v3'), ['192.0.2.1 true', '192.0.2.2 true'])
  t.same(ipsOf(upstreams, 'v4'), ['192.0.2.4 true'])
  t.same([...checks.keys()], ['192.0.2.1', '192.0.2.2'], 'only v3 is checked')
  t.match(checks.get('192.0.2.1')?.target, { hostname: 'v3.test', port: 8000, path: '/ready' })
  checks.get('192.0.2.2')?.tell(false)
  t.same(ipsOf(upstreams, 'v3'), ['192.0.2.1 true', '192.0.2.2 false'])
  await until('one call for all changes of a turn', () => changes === 1)
  t.same(upstreams.addresses('fraud', 'none'), [])
})

test('keeps the last answer and counts when a name cannot be resolved', async t => {
  const { upstreams, names } = await started(t)
  names.get('v3.test')?.({ ips: ['192.0.2.1'] })
  names.get('v3.test')?.({ failed: 'ENOTFOUND' })
  names.get('v3.test')?.({ failed: 'EAI_AGAIN' })
  t.same(ipsOf(upstreams, 'v3'), ['192.0.2.1 true'])
  t.equal(upstreams.dnsErrors('fraud', 'v3'), 2)
  t.equal(upstreams.dnsErrors('fraud', 'v4'), 0)
})

test('is settled when every name was answered and every address checked', async t => {
  const { upstreams, names, checks } = await started(t)
  let settled = false
  const done = upstreams.settled(10_000).then(() => {
    settled = true
  })
  names.get('127.0.0.1')?.({ ips: ['127.0.0.1'] })
  names.get('v3.test')?.({ ips: ['192.0.2.1'] })
  names.get('v4.test')?.({ failed: 'ENOTFOUND' })
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(settled, false, 'an address is not checked yet')
  checks.get('192.0.2.1')?.tell(true)
  await done
  await upstreams.settled(0)
})

test('keeps what it knows when weights change and forgets a variant that is gone', async t => {
  const { upstreams, live, names, checks } = await started(t)
  names.get('v3.test')?.({ ips: ['192.0.2.1'] })
  checks.get('192.0.2.1')?.tell(false)
  const listener = names.get('v3.test')
  upstreams.configure([live])
  t.equal(names.get('v3.test'), listener, 'nothing is watched anew')
  t.same(ipsOf(upstreams, 'v3'), ['192.0.2.1 false'])
  upstreams.configure([])
  t.same(ipsOf(upstreams, 'v3'), [])
  t.equal(names.size + checks.size, 0, 'nothing is watched any more')
})

test('replaces upstreams when the API gives others and holds their addresses to the rules', async t => {
  const { upstreams, live, names } = await started(t, [8000])
  names.get('v4.test')?.({ ips: ['192.0.2.4'] })
  const next = given(live, 'v4', ['http://v4.test:8000', 'http://new.test:8000'])
  upstreams.configure([next])
  t.same(ipsOf(upstreams, 'v4'), ['192.0.2.4 true'], 'what stays keeps its address')
  t.same([...names.keys()].sort(), ['new.test', 'v3.test', 'v4.test'])
  const bad = ['169.254.169.254', '127.0.0.1', '::1', '10.0.0.9', '::ffff:169.254.1.1', '224.0.0.1']
  names.get('new.test')?.({ ips: [...bad, '192.0.2.5'] })
  t.same(ipsOf(upstreams, 'v4'), ['192.0.2.4 true', '192.0.2.5 true'])
  names.get('v3.test')?.({ ips: ['127.0.0.1'] })
  t.same(ipsOf(upstreams, 'v3'), ['127.0.0.1 true'], 'the file may name what it likes')
})

test('refuses a URL of the API when its spelling or its present address is forbidden', async t => {
  const { upstreams, known } = await started(t, [9911])
  known.set('good.test', ['192.0.2.1'])
  known.set('evil.test', ['192.0.2.1', '169.254.169.254'])
  known.set('self.test', ['10.0.0.9'])
  known.set('store.test', ['10.0.0.7'])
  for (const url of ['http://good.test:8000', 'http://not-yet.test', 'http://127.0.0.1:5001'])
    await t.resolves(upstreams.check(url), url)
  for (const url of [
    'http://evil.test',
    'http://self.test:9911',
    'http://127.0.0.1:5002',
    'http://10.0.0.7:6380',
    'http://store.test:6380',
    'http://0xa9fea9fe/',
    'http://a:b@good.test',
    'http://good.test/\r\nX: y'
  ]) {
    const error = await upstreams.check(url).then(
      () => null,
      (thrown: unknown) => thrown
    )
    t.ok(error instanceof SluiceError && error.code === 'SLC_UPSTREAM_ADDRESS', url)
    t.notOk(String(error).includes('\r'), 'no line of a log can be forged')
  }
})

test('tells health by upstream when it is asked for metrics', async t => {
  const { upstreams, names, checks } = await started(t)
  names.get('v3.test')?.({ ips: ['192.0.2.1', '192.0.2.2'] })
  checks.get('192.0.2.1')?.tell(false)
  t.match(
    upstreams.health().filter(({ variant }) => variant === 'v3'),
    [{ route: 'fraud', variant: 'v3', upstream: 'http://v3.test:8000', healthy: true }]
  )
  checks.get('192.0.2.2')?.tell(false)
  t.equal(upstreams.health().find(({ variant }) => variant === 'v3')?.healthy, false)
})
