import { test } from 'tap'
import { type LiveRoute, liveRoute, withDocument } from '../../src/control-plane/live-route.ts'
import { createRegions } from '../../src/control-plane/regions.ts'
import { createRouting, type RoutingInput } from '../../src/control-plane/routing.ts'
import { createShadowCounts } from '../../src/control-plane/shadow-counts.ts'
import { applyOperation } from '../../src/domain/operations.ts'
import type { AddressSnapshot, Snapshot } from '../../src/domain/snapshot.ts'
import { configOf, smallConfig } from '../helpers/config-file.ts'
import { addressSnapshot } from '../helpers/route-snapshot.ts'
import { author, first, means, rollback, weights } from '../helpers/state-documents.ts'

type Teardown = { teardown(done: () => unknown): unknown }

/** Two routes, `fraud` and `risk`, with addresses that the test sets. */
async function world(t: Teardown) {
  const [config] = (await configOf(t, smallConfig())).routes
  if (config === undefined) throw new Error('no route')
  const routes = ['fraud', 'risk'].map(name => liveRoute({ ...config, name }, first(name), 1))
  const addresses = new Map<string, readonly AddressSnapshot[]>()
  const regions = createRegions(1)
  const shadowCounts = createShadowCounts(1)
  const routing = createRouting()
  let sequence = 0
  const build = (live: readonly LiveRoute[]): Snapshot => {
    const input: RoutingInput = {
      sequence: ++sequence,
      routes: live,
      trustedProxies: [],
      pseudonym: 'test',
      accessLog: null,
      regions,
      shadowCounts,
      addresses: (route, variant) => addresses.get(`${route}/${variant}`) ?? NONE
    }
    return routing(input)
  }
  return { routes: routes as [LiveRoute, LiveRoute], addresses, build }
}

const NONE: readonly AddressSnapshot[] = []

function changed(route: LiveRoute, operation: Parameters<typeof applyOperation>[1]): LiveRoute {
  const applied = applyOperation(route.document, operation, author(), means)
  if (applied.status !== 'changed') throw new Error(applied.status)
  return withDocument(route, applied.document)
}

test('hands on every route but the one whose weights changed', async t => {
  const { routes, build } = await world(t)
  const [fraud, risk] = routes
  const before = build(routes)
  const raised = changed(fraud, weights(fraud.document, { v3: 80, v4: 20 }))
  const after = build([raised, risk])
  t.equal(after.sequence, before.sequence + 1)
  t.not(after.routes[0], before.routes[0])
  t.match(after.routes[0], { revision: '1-2', generation: 2 })
  t.equal(after.routes[1], before.routes[1])
})

test('says that a variant is rolled back when its route has a rollback, and of no other route', async t => {
  const { routes, build } = await world(t)
  const [fraud, risk] = routes
  const before = build(routes)
  const after = build([changed(fraud, rollback('v4')), risk])
  t.strictSame(
    after.routes[0]?.variants.map(({ rolledBack }) => rolledBack),
    [false, true]
  )
  t.equal(after.routes[1], before.routes[1])
})

test('makes a route anew when an address of one of its variants changed', async t => {
  const { routes, addresses, build } = await world(t)
  addresses.set('risk/v4', [addressSnapshot(0)])
  const before = build(routes)
  addresses.set('risk/v4', [addressSnapshot(0, { healthy: false })])
  const after = build(routes)
  t.equal(after.routes[0], before.routes[0])
  t.strictSame(after.routes[1]?.variants[1]?.addresses, [addressSnapshot(0, { healthy: false })])
})

test('hands on a route that was replaced by one that routes as before', async t => {
  const { routes, addresses, build } = await world(t)
  addresses.set('risk/v4', [addressSnapshot(0)])
  const before = build(routes)
  addresses.set('risk/v4', [addressSnapshot(0)])
  const after = build(routes.map(route => ({ ...route })))
  t.equal(after.routes[0], before.routes[0])
  t.equal(after.routes[1], before.routes[1])
  t.equal(build(routes).routes[1], before.routes[1])
})

test('forgets a route that left, and makes it anew when it is back', async t => {
  const { routes, build } = await world(t)
  const [fraud, risk] = routes
  const before = build(routes)
  t.strictSame(
    build([risk]).routes.map(({ name }) => name),
    ['risk']
  )
  const after = build([fraud, risk])
  t.not(after.routes[0], before.routes[0])
  t.strictSame(after.routes, before.routes)
})
