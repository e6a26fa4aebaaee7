import { test } from 'tap'
import { formatProblem, hint, nearest, showPath } from '../../src/config/diagnostics.ts'

test('finds the word that was meant when it is near, and none when nothing is', t => {
  const keys = ['header', 'cookie', 'query', 'hashOn', 'champion']
  t.equal(nearest('haeder', keys), 'header')
  t.equal(nearest('HASHON', keys), 'hashOn')
  t.equal(nearest('champio', keys), 'champion')
  t.equal(nearest('v5', ['v3', 'v4']), 'v3')
  t.equal(nearest('zzzzzz', keys), null)
  t.equal(nearest('', keys), null)
  t.equal(nearest('a'.repeat(1_000_000), keys), null)
  t.end()
})

test('lists what is known when no word is near', t => {
  t.equal(hint('zzzzzz', ['a', 'bb']), '; known are a, bb')
  t.equal(hint('zz', []), '')
  t.end()
})

test('prints a path as one would write it when keys are odd', t => {
  t.equal(showPath(['routes', 'a', 'overrides', 0, 'when']), 'routes.a.overrides[0].when')
  t.equal(showPath(['routes', 'a.b']), 'routes."a.b"')
  t.equal(showPath(['\u001b[31mred']), '"\\u001b[31mred"')
  t.end()
})

test('prints place and path only where a problem has them', t => {
  const problem = { file: 'a.yaml', line: 9, column: 17, path: 'routes.a', message: 'is wrong' }
  t.equal(formatProblem(problem), 'a.yaml:9:17 routes.a: is wrong')
  t.equal(formatProblem({ ...problem, path: '' }), 'a.yaml:9:17: is wrong')
  t.equal(formatProblem({ ...problem, line: 0, path: '' }), 'a.yaml: is wrong')
  t.end()
})
