import { test } from 'tap'
import { problemsOf, smallConfig } from '../helpers/config-file.ts'

const ROUTE: readonly (readonly [string, string])[] = [
  ['rollout: default', 'rollout'],
  ['probes: [{ path: / }]', 'probes'],
  ['slo: { objective: 99.9, window: 30d }', 'slo'],
  ['policy: { requirePlan: true }', 'policy'],
  ['session: { pin: 30m }', 'session'],
  ['lane: express', 'express']
]
const TOP: readonly (readonly [string, string])[] = [
  ['plans: { mine: { weights: [1, 100] } }', 'plans'],
  ['notify: [{ url: "http://a" }]', 'notify']
]

test('refuses with its place what is not available in this version when a route asks for it', async t => {
  for (const [line, word] of ROUTE) {
    const problems = await problemsOf(t, smallConfig(line))
    t.equal(problems.length, 1, line)
    t.match(
      problems[0],
      new RegExp(`^sluice\\.yaml:7:\\d+ .*${word} is not available in this version`),
      line
    )
  }
  const model = smallConfig().replace('8001"]', '8001"], rewrite: { model: other }')
  t.match(await problemsOf(t, model), [
    /^sluice\.yaml:4:\d+ .*model is not available in this version/
  ])
})

test('refuses with its place what is not available in this version when the file asks for it', async t => {
  for (const [line, word] of TOP) {
    const problems = await problemsOf(t, smallConfig('', line))
    t.equal(problems.length, 1, line)
    t.match(
      problems[0],
      new RegExp(`^sluice\\.yaml:1:\\d+ .*${word} is not available in this version`),
      line
    )
  }
})

test('accepts the same keys when they hold their default or nothing', async t => {
  const route = 'probes: []\nrollout:\nlane: general\nslo: null'
  t.same(await problemsOf(t, smallConfig(route, 'plans: {}\nnotify: []')), [])
})
