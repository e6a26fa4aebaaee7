/**
 * Which route a request belongs to: the most specific match wins (configuration.md).
 *
 * A route that names the host comes before one that takes any, then the longest path, then more conditions,
 * then the order of the configuration. A path that ends in '/' matches everything under it, any other matches
 * exactly, and both are compared with the raw path as received. A request without host (HTTP/1.0) is matched
 * by path alone. The cost does not grow with what a client sends: one lookup per configured prefix length.
 */
import { type Check, headerCheck, queryCheck } from './condition.ts'
import type { RequestFacts } from './facts.ts'
import type { RouteMatch } from './route.ts'

/** Routes by host and path; the numbers are indices into the list that it was built from. */
export type RouteIndex = {
  readonly byHost: ReadonlyMap<string, PathIndex>
  readonly anyHost: PathIndex
  readonly everyHost: PathIndex // for requests without a host
}

type PathIndex = {
  readonly exact: Map<string, Candidate[]>
  readonly prefixes: Map<string, Candidate[]>
  readonly lengths: number[] // of the prefixes, longest first
}

type Candidate = {
  readonly route: number
  readonly namesHost: boolean
  readonly checks: readonly Check[]
}

export function indexRoutes(matches: readonly RouteMatch[]): RouteIndex {
  const byHost = new Map<string, PathIndex>()
  const anyHost = emptyIndex()
  const everyHost = emptyIndex()
  matches.forEach((match, route) => {
    const candidate: Candidate = {
      route,
      namesHost: match.hosts.length > 0,
      checks: [
        ...Object.entries(match.headers).map(([name, test]) => headerCheck(name, test)),
        ...Object.entries(match.query).map(([name, test]) => queryCheck(name, test))
      ]
    }
    add(everyHost, match.paths, candidate)
    if (match.hosts.length === 0) add(anyHost, match.paths, candidate)
    for (const host of new Set(match.hosts)) {
      const index = byHost.get(host) ?? emptyIndex()
      byHost.set(host, index)
      add(index, match.paths, candidate)
    }
  })
  for (const index of [anyHost, everyHost, ...byHost.values()]) sortIndex(index)
  return { byHost, anyHost, everyHost }
}

/** Index of the route that a request belongs to, or -1. */
export function findRoute(index: RouteIndex, facts: RequestFacts): number {
  if (facts.host === '') return findPath(index.everyHost, facts)
  const named = index.byHost.get(facts.host)
  const route = named === undefined ? -1 : findPath(named, facts)
  return route >= 0 ? route : findPath(index.anyHost, facts)
}

/** Whether some route serves this host: by naming it, or by taking any. */
export function servesHost(index: RouteIndex, host: string): boolean {
  if (index.byHost.has(host)) return true
  return index.anyHost.exact.size + index.anyHost.prefixes.size > 0
}

function findPath(index: PathIndex, facts: RequestFacts): number {
  const { path } = facts
  const exact = findChecked(index.exact.get(path), facts)
  if (exact >= 0) return exact
  for (const length of index.lengths) {
    if (length > path.length || path.charCodeAt(length - 1) !== SLASH) continue
    const found = findChecked(index.prefixes.get(path.slice(0, length)), facts)
    if (found >= 0) return found
  }
  return -1
}

function findChecked(candidates: readonly Candidate[] | undefined, facts: RequestFacts): number {
  if (candidates === undefined) return -1
  for (const candidate of candidates) {
    if (passes(candidate.checks, facts)) return candidate.route
  }
  return -1
}

function passes(checks: readonly Check[], facts: RequestFacts): boolean {
  for (const check of checks) if (!check(facts, null)) return false
  return true
}

function add(index: PathIndex, paths: readonly string[], candidate: Candidate): void {
  for (const path of new Set(paths.length === 0 ? ['/'] : paths)) {
    const map = path.endsWith('/') ? index.prefixes : index.exact
    const candidates = map.get(path) ?? []
    map.set(path, candidates)
    candidates.push(candidate)
  }
}

/** More conditions first; without a host to compare, a route that takes any host first; then as configured. */
function sortIndex(index: PathIndex): void {
  index.lengths.push(...new Set([...index.prefixes.keys()].map(path => path.length)))
  index.lengths.sort((a, b) => b - a)
  for (const candidates of [...index.exact.values(), ...index.prefixes.values()]) {
    candidates.sort(
      (a, b) =>
        b.checks.length - a.checks.length ||
        Number(a.namesHost) - Number(b.namesHost) ||
        a.route - b.route
    )
  }
}

function emptyIndex(): PathIndex {
  return { exact: new Map(), prefixes: new Map(), lengths: [] }
}

const SLASH = 47
