import { isDeepStrictEqual } from 'node:util'
import { test } from 'tap'
import type { RouteSnapshot, Snapshot } from '../../src/domain/snapshot.ts'
import { changeBetween, withChange } from '../../src/domain/snapshot-change.ts'
import { routeSnapshot, snapshotOf } from '../helpers/route-snapshot.ts'
import { seeded } from '../helpers/seeded.ts'

const [a, b, c] = ['a', 'b', 'c'].map(name => routeSnapshot({ name })) as [
  RouteSnapshot,
  RouteSnapshot,
  RouteSnapshot
]

test('names one route and no order when one of many has changed', async t => {
  const next = { ...b, revision: '1-2' }
  const change = changeBetween(snapshotOf([a, b, c]), snapshotOf([a, next, c], { sequence: 2 }))
  t.strictSame(change.changed, [next])
  t.equal(change.order, null)
  t.equal(change.sequence, 2)
})

test('keeps the object of every route that is the same when a change is applied', async t => {
  const before = snapshotOf([a, b, c])
  const next = { ...b, revision: '1-2' }
  const { routes } = withChange(before, changeBetween(before, snapshotOf([a, next, c])))
  t.equal(routes[0], a)
  t.strictSame(routes[1], next)
  t.equal(routes[2], c)
})

test('names the order and no route when routes only moved or left', async t => {
  const before = snapshotOf([a, b, c])
  t.match(changeBetween(before, snapshotOf([c, a, b])), { changed: [], order: ['c', 'a', 'b'] })
  t.match(changeBetween(before, snapshotOf([a, c])), { changed: [], order: ['a', 'c'] })
})

test('takes over what belongs to no route when it changes', async t => {
  const before = snapshotOf([a])
  const accessLog = { sample: 0.5, unitKey: Uint8Array.of(1, 2) }
  const after = snapshotOf([a], { sequence: 9, trustedProxies: ['10.0.0.0/8'], accessLog })
  t.strictSame(withChange(before, changeBetween(before, after)), after)
})

test('refuses a change that was made from another snapshot when it names what is not there', async t => {
  const change = changeBetween(snapshotOf([a, b]), snapshotOf([b, a]))
  t.throws(() => withChange(snapshotOf([a]), change), RangeError)
})

test('gives the very snapshot again after a clone when routes come, go, move and change at random', async t => {
  const faults: string[] = []
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed)
    let ours: Snapshot = snapshotOf([])
    let theirs: Snapshot = snapshotOf([])
    for (let step = 1; step <= 15; step++) {
      const next = snapshotOf(anyRoutes(ours.routes, step, random), { sequence: step })
      theirs = withChange(theirs, structuredClone(changeBetween(ours, next)))
      ours = next
      if (!isDeepStrictEqual(theirs, ours)) faults.push(`seed ${seed} step ${step}`)
    }
  }
  t.strictSame(faults, [])
})

/** Some of the routes, some of them changed, some moved, and perhaps a new one or one that is back. */
function anyRoutes(
  routes: readonly RouteSnapshot[],
  step: number,
  random: () => number
): readonly RouteSnapshot[] {
  const next = routes
    .filter(() => random() > 0.1)
    .map(route => (random() < 0.3 ? { ...route, revision: `1-${step}` } : route))
  const name = `r${Math.floor(random() * 8)}`
  if (random() < 0.6 && !next.some(route => route.name === name)) {
    next.splice(Math.floor(random() * (next.length + 1)), 0, routeSnapshot({ name }))
  }
  return random() < 0.2 ? next.reverse() : next
}
