import { test } from 'tap'
import { findRoute, indexRoutes, servesHost } from '../../src/domain/match.ts'
import type { RouteMatch } from '../../src/domain/route.ts'
import { requestFacts } from '../helpers/route-snapshot.ts'

function match(changes: Partial<RouteMatch>): RouteMatch {
  return { hosts: [], paths: ['/'], headers: {}, query: {}, ...changes }
}

function found(matches: RouteMatch[], facts: Parameters<typeof requestFacts>[0]): number {
  return findRoute(indexRoutes(matches), requestFacts(facts))
}

test('prefers a route that names the host when another has the longer path', t => {
  const routes = [match({ paths: ['/v1/predict'] }), match({ hosts: ['a.test'], paths: ['/'] })]
  t.equal(found(routes, { host: 'a.test', path: '/v1/predict' }), 1)
  t.equal(found(routes, { host: 'b.test', path: '/v1/predict' }), 0)
  t.equal(found(routes, { host: 'b.test', path: '/v1' }), -1)
  t.end()
})

test('falls back to a route of any host when the named one has no such path', t => {
  const routes = [match({ hosts: ['a.test'], paths: ['/only'] }), match({ paths: ['/v1/'] })]
  t.equal(found(routes, { host: 'a.test', path: '/v1/x' }), 1)
  t.equal(found(routes, { host: 'a.test', path: '/v2' }), -1)
  t.end()
})

test('takes the longest path when several prefixes hold', t => {
  const routes = [
    match({ paths: ['/v1/'] }),
    match({ paths: ['/v1/m/'] }),
    match({ paths: ['/v1/m/x'] })
  ]
  t.equal(found(routes, { path: '/v1/m/x' }), 2)
  t.equal(found(routes, { path: '/v1/m/x/' }), 1)
  t.equal(found(routes, { path: '/v1/m/' }), 1)
  t.equal(found(routes, { path: '/v1/m' }), 0)
  t.equal(found(routes, { path: '/v1' }), -1)
  t.equal(found(routes, { path: '/v10/m/x' }), -1)
  t.end()
})

test('matches exactly or under a slash when paths look alike', t => {
  const routes = [match({ paths: ['/v1/predict', '/v1/predict/'] })]
  for (const path of ['/v1/predict', '/v1/predict/', '/v1/predict/a/b%2Fc']) {
    t.equal(found(routes, { path }), 0, path)
  }
  for (const path of ['/v1/predictx', '/v1//predict', '/V1/predict', '/v1/%70redict', '*', '']) {
    t.equal(found(routes, { path }), -1, path)
  }
  t.end()
})

test('takes the route with more conditions when hosts and paths are equal', t => {
  const routes = [
    match({}),
    match({ headers: { 'x-tier': { exact: 'gold' } } }),
    match({ headers: { 'x-tier': { exact: 'gold' } }, query: { beta: { present: true } } })
  ]
  const gold = ['X-Tier', 'gold']
  t.equal(found(routes, { rawHeaders: [] }), 0)
  t.equal(found(routes, { rawHeaders: gold }), 1)
  t.equal(found(routes, { rawHeaders: gold, query: 'a=1&beta' }), 2)
  t.equal(found(routes, { rawHeaders: ['X-Tier', 'silver'], query: 'beta=1' }), 0)
  t.end()
})

test('matches by path alone when an HTTP/1.0 request has no host', t => {
  const routes = [match({ hosts: ['a.test'], paths: ['/v1/predict'] }), match({ paths: ['/v1/'] })]
  t.equal(found(routes, { host: '', path: '/v1/predict' }), 0)
  t.equal(found(routes, { host: '', path: '/v1/other' }), 1)
  t.equal(found(routes, { host: '', path: '/' }), -1)
  t.end()
})

test('knows the hosts that it serves when an absolute target names one', t => {
  const named = indexRoutes([match({ hosts: ['a.test', 'b.test'] })])
  t.equal(servesHost(named, 'b.test'), true)
  t.equal(servesHost(named, 'c.test'), false)
  t.equal(servesHost(named, '__proto__'), false)
  t.equal(servesHost(indexRoutes([match({})]), 'c.test'), true)
  t.end()
})

test('finds its route among a thousand when a path is nothing but slashes', t => {
  const routes = Array.from({ length: 1000 }, (_, i) => match({ paths: [`/r${i}/`, `/e${i}`] }))
  t.equal(found(routes, { path: '/r999/deep/path' }), 999)
  t.equal(found(routes, { path: '/e500' }), 500)
  t.equal(found(routes, { path: '/'.repeat(8000) }), -1)
  t.end()
})
