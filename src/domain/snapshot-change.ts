/**
 * The difference of two routing snapshots: what a data thread gets, so that a change of one route costs what one
 * route costs and not what all of them do.
 *
 * Routes are compared by identity: whoever builds a snapshot hands on the routes that stayed as they were. The
 * law is `withChange(from, changeBetween(from, to))` = `to`, with the unchanged routes being those of `from`.
 */
import type { RouteSnapshot, Snapshot, SnapshotChange } from './snapshot.ts'

export function changeBetween(from: Snapshot, to: Snapshot): SnapshotChange {
  const { routes, ...rest } = to
  const known = new Set(from.routes)
  return {
    ...rest,
    changed: routes.filter(route => !known.has(route)),
    order: sameOrder(from.routes, routes) ? null : routes.map(({ name }) => name)
  }
}

/** Throws a RangeError for a change that was made from another snapshot. */
export function withChange(from: Snapshot, change: SnapshotChange): Snapshot {
  const { changed, order, ...rest } = change
  const latest = new Map(changed.map(route => [route.name, route]))
  if (order === null) {
    return { ...rest, routes: from.routes.map(route => latest.get(route.name) ?? route) }
  }
  const known = new Map(from.routes.map(route => [route.name, route]))
  const named = (name: string): RouteSnapshot => {
    const route = latest.get(name) ?? known.get(name)
    if (route === undefined) throw new RangeError(`a change names ${name}, which nothing defines`)
    return route
  }
  return { ...rest, routes: order.map(named) }
}

function sameOrder(before: readonly RouteSnapshot[], after: readonly RouteSnapshot[]): boolean {
  return before.length === after.length && before.every(({ name }, i) => name === after[i]?.name)
}
