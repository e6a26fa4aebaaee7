/**
 * Routes that match the same requests with the same rank: nobody could say which one a request gets.
 *
 * Exports: `checkOverlaps`, `ambiguous`.
 *
 * The same means: a common host (or both any), a common path, and the same conditions. Routes whose conditions
 * differ but can hold together are legal, the first in the file wins, and `check` warns.
 */
import type { RouteMatch, ValueTest } from '../domain/route.ts'
import type { Report } from './diagnostics.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

type RouteFile = Loose<ConfigFile['routes'][string]>

/** Reports each pair of routes that match the same. Linear in the number of (host, path) pairs. */
export function checkOverlaps(
  routes: readonly (readonly [string, RouteFile | undefined])[],
  report: Report
): void {
  const taken = new Map<string, string>()
  for (const [name, route] of routes) {
    const match = route?.match
    if (!match?.hosts || !match.paths) continue
    const rest = JSON.stringify([sorted(match.headers, true), sorted(match.query, false)])
    const reported = new Set<string>()
    for (const key of places(match.hosts, match.paths)) {
      const other = taken.get(`${key} ${rest}`)
      if (other === undefined || other === name) {
        taken.set(`${key} ${rest}`, name)
        continue
      }
      if (reported.has(other)) continue
      reported.add(other)
      report(
        ['routes', name, 'match'],
        `matches the same requests as route ${other} (${key}); make one of them more specific`
      )
    }
  }
}

/** Pairs of routes of equal rank that a single request can meet both, with where. */
export function ambiguous(
  routes: readonly { readonly name: string; readonly match: RouteMatch }[]
): readonly { readonly first: string; readonly second: string; readonly at: string }[] {
  const found = new Map<string, { first: string; second: string; at: string }>()
  const taken = new Map<string, { readonly name: string; readonly match: RouteMatch }[]>()
  for (const route of routes) {
    const conditions = conditionsOf(route.match).length
    if (conditions === 0) continue
    for (const at of places(route.match.hosts, route.match.paths)) {
      const key = `${at} ${conditions}`
      const others = taken.get(key) ?? []
      taken.set(key, others)
      for (const other of others) {
        if (other.name === route.name || disjoint(other.match, route.match)) continue
        const pair = { first: other.name, second: route.name, at }
        found.set(`${pair.first} ${pair.second}`, pair)
      }
      others.push(route)
    }
  }
  return [...found.values()]
}

function places(
  hosts: readonly (string | undefined)[],
  paths: readonly (string | undefined)[]
): string[] {
  const named = hosts.length === 0 ? ['any host'] : hosts
  return named.flatMap(host =>
    paths.flatMap(path =>
      host === undefined || path === undefined ? [] : [`${host.toLowerCase()} ${path}`]
    )
  )
}

function sorted(tests: Readonly<Record<string, unknown>> | undefined, fold: boolean): unknown {
  return Object.entries(tests ?? {})
    .map(([name, test]) => [
      fold ? name.toLowerCase() : name,
      typeof test === 'string' ? { exact: test } : test
    ])
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
}

function conditionsOf(match: RouteMatch): [string, ValueTest][] {
  return [
    ...Object.entries(match.headers).map(([name, test]): [string, ValueTest] => [
      `h ${name}`,
      test
    ]),
    ...Object.entries(match.query).map(([name, test]): [string, ValueTest] => [`q ${name}`, test])
  ]
}

/** Whether some value is asked for by both, in ways that cannot hold together. */
function disjoint(a: RouteMatch, b: RouteMatch): boolean {
  const tests = new Map(conditionsOf(b))
  return conditionsOf(a).some(([name, test]) => {
    const other = tests.get(name)
    return other !== undefined && excludes(test, other)
  })
}

function excludes(a: ValueTest, b: ValueTest): boolean {
  if ('present' in a && 'present' in b) return a.present !== b.present
  if ('present' in a) return !a.present
  if ('present' in b) return !b.present
  const values = valuesOf(a) ?? valuesOf(b)
  if (values === null) {
    return (
      'prefix' in a &&
      'prefix' in b &&
      !a.prefix.startsWith(b.prefix) &&
      !b.prefix.startsWith(a.prefix)
    )
  }
  const other = valuesOf(a) === null ? a : b
  return !values.some(value => accepts(other, value))
}

function valuesOf(test: ValueTest): readonly string[] | null {
  if ('exact' in test) return [test.exact]
  return 'in' in test ? test.in : null
}

function accepts(test: ValueTest, value: string): boolean {
  if ('exact' in test) return test.exact === value
  if ('in' in test) return test.in.includes(value)
  return 'prefix' in test ? value.startsWith(test.prefix) : test.present
}
