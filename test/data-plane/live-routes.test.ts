/** What a data thread carries from one snapshot to the next, and what it does again. */
import { test } from 'tap'
import { decide } from '../../src/data-plane/decide.ts'
import { LiveRoutes, type LiveTable } from '../../src/data-plane/live-routes.ts'
import { AT, regionBytes } from '../../src/domain/counts.ts'
import type { RouteSnapshot, VariantSnapshot } from '../../src/domain/snapshot.ts'
import { changeBetween } from '../../src/domain/snapshot-change.ts'
import { forbidden } from '../../src/upstream-connection/forbidden.ts'
import { Pools } from '../../src/upstream-connection/pools.ts'
import {
  addressSnapshot,
  requestFacts,
  routeSnapshot,
  snapshotOf,
  variantSnapshot
} from '../helpers/route-snapshot.ts'

type Teardown = { teardown(done: () => unknown): unknown }

/** A table as a thread has it: the first snapshot whole, the others as cloned changes. */
function thread(t: Teardown, first: readonly RouteSnapshot[]) {
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const live = new LiveRoutes(pools, 1, 0)
  let current = snapshotOf(first)
  const table = live.build(structuredClone(current), [region(), region(), region(), region()])
  const change = (routes: readonly RouteSnapshot[], added = 0): LiveTable => {
    const next = snapshotOf(routes, { sequence: current.sequence + 1 })
    const message = structuredClone(changeBetween(current, next))
    current = next
    return live.change(message, Array.from({ length: added }, region))
  }
  return { table, change }
}

const region = () => new SharedArrayBuffer(regionBytes(0))

function route(name: string, at: number, changes: Partial<RouteSnapshot> = {}): RouteSnapshot {
  return routeSnapshot({ name, match: matching(`${name}.test`), variants: two(at), ...changes })
}

function matching(host: string): RouteSnapshot['match'] {
  return { hosts: [host], paths: ['/v1/predict'], headers: {}, query: {} }
}

/** Variants with counters `at` and `at + 1`. */
function two(at: number, changes: Partial<VariantSnapshot> = {}): readonly VariantSnapshot[] {
  return [
    variantSnapshot('v3', { counters: at, ...changes }),
    variantSnapshot('v4', { counters: at + 1 })
  ]
}

function named(table: LiveTable, name: string) {
  const live = table.byName.get(name)
  if (live === undefined) throw new Error(`no route ${name}`)
  return live
}

function addressesOf(table: LiveTable, name: string) {
  return named(table, name).variants.flatMap(({ addresses }) => addresses)
}

function routeFor(table: LiveTable, host: string): string | null {
  const decision = decide(table.decisions, requestFacts({ host }))
  return decision.kind === 'forward' ? decision.route.name : null
}

test('carries a route as a whole when another one changed', async t => {
  const [a, b] = [route('a', 0), route('b', 2)]
  const { table, change } = thread(t, [a, b])
  const next = change([{ ...a, revision: '1-2' }, b])
  t.equal(named(next, 'b'), named(table, 'b'))
  t.not(named(next, 'a'), named(table, 'a'))
  t.equal(named(next, 'a').snapshot.revision, '1-2')
  t.equal(next.decisions.routes[1], table.decisions.routes[1], 'and its compiled plan')
  t.equal(next.decisions.index, table.decisions.index, 'and the index of all')
  t.equal(next.sequence, 2)
})

test('keeps load, standing, counters and pools of a route when its weights changed', async t => {
  const a = route('a', 0)
  const { table, change } = thread(t, [a])
  const [old] = addressesOf(table, 'a')
  named(table, 'a').load.inFlight = 3
  if (old) old.standing.failures = 2
  const next = change([{ ...a, ranges: [{ start: 0, end: 10_000, variant: 1 }], generation: 2 }])
  const [address] = addressesOf(next, 'a')
  t.equal(named(next, 'a').load, named(table, 'a').load)
  t.equal(address?.standing, old?.standing)
  t.equal(address?.pool, old?.pool)
  const counters = named(next, 'a').variants[0]?.counters
  t.equal(counters, named(table, 'a').variants[0]?.counters)
  t.equal(counters?.words[AT.generations], 2, 'the generation of the new ranges has begun')
})

test('closes the pool of an address that left, and of no other', async t => {
  const [a, b] = [route('a', 0), route('b', 2)]
  const { table, change } = thread(t, [a, b])
  const [v3, v4] = addressesOf(table, 'a')
  const moved = addressSnapshot(0, { ip: '192.0.2.99' })
  const next = change([{ ...a, variants: two(0, { addresses: [moved] }) }, b])
  t.equal(v3?.pool.closed, true)
  t.equal(v4?.pool.closed, false)
  t.not(addressesOf(next, 'a')[0]?.pool, v3?.pool)
  t.equal(addressesOf(next, 'b')[0]?.pool.closed, false)
})

test('closes the pools of a route that left, and opens new ones when it is back', async t => {
  const [a, b] = [route('a', 0), route('b', 2)]
  const { table, change } = thread(t, [a, b])
  const old = addressesOf(table, 'a')
  t.equal(change([b]).byName.has('a'), false)
  t.strictSame(
    old.map(({ pool }) => pool.closed),
    [true, true]
  )
  const back = change([a, b])
  t.strictSame(
    addressesOf(back, 'a').map(({ pool }) => pool.closed),
    [false, false]
  )
  t.equal(addressesOf(back, 'a')[0]?.standing.failures, 0)
})

test('finds routes by their new hosts when a match changed', async t => {
  const [a, b] = [route('a', 0), route('b', 2)]
  const { table, change } = thread(t, [a, b])
  t.equal(routeFor(table, 'a.test'), 'a')
  const next = change([{ ...a, match: matching('other.test') }, b])
  t.equal(routeFor(next, 'a.test'), null)
  t.equal(routeFor(next, 'other.test'), 'a')
  t.equal(routeFor(next, 'b.test'), 'b')
})

test('follows the order of routes when only that changed', async t => {
  const [a, b] = [route('a', 0), route('b', 2)].map(r => ({ ...r, match: matching('x.test') }))
  if (a === undefined || b === undefined) throw new Error('no routes')
  const { table, change } = thread(t, [a, b])
  t.equal(routeFor(table, 'x.test'), 'a')
  t.equal(routeFor(change([b, a]), 'x.test'), 'b')
})

test('gives a new variant the region that came with it', async t => {
  const a = route('a', 0)
  const { change } = thread(t, [a])
  const variants = [...a.variants, variantSnapshot('v5', { counters: 4 })]
  const next = change([{ ...a, variants }], 1)
  t.ok(named(next, 'a').variants[2]?.counters.words.buffer instanceof SharedArrayBuffer)
})

test('makes a route with the next change when it could not be made with the last one', async t => {
  const [a, b] = [route('a', 0), route('b', 2)]
  const { change } = thread(t, [a, b])
  const renamed = { ...b, variants: [variantSnapshot('v6', { counters: 4 })] }
  t.throws(() => change([a, renamed]), RangeError, 'its region is not there')
  const next = change([{ ...a, revision: '1-2' }, renamed], 1)
  t.equal(named(next, 'a').snapshot.revision, '1-2')
  t.equal(named(next, 'b').variants[0]?.snapshot.name, 'v6')
})

test('refuses a change when no snapshot came before it', async t => {
  const live = new LiveRoutes(new Pools(forbidden([])), 1, 0)
  const change = changeBetween(snapshotOf([]), snapshotOf([]))
  t.throws(() => live.change(change, []), RangeError)
})
