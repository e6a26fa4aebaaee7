/** `npm run demo -- --fleet`: all that it promises about two routers and a Redis happens, and nothing stays. */
import t from 'tap'
import { runDemo } from '../helpers/demo-run.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test('both routers roll back and Redis gets it back when it was killed and is empty', async t => {
  const run = runDemo(t, '--fleet', '--json', '--share', '20')
  t.equal(await run.code, 0, run.told())
  const events = run.events()
  const names = events.map(({ event }) => event).filter(event => event !== 'second')
  t.same(
    names.filter(event => event !== 'quarantined'),
    [
      'started',
      'changed',
      'broken',
      'decided',
      'killed',
      'refused',
      'returned',
      'put-back',
      'summary'
    ]
  )
  const seconds = events.filter(({ event }) => event === 'second')
  const same = (facts: object) => [facts, facts]
  t.match(seconds[0], { stored: '1-1', routers: same({ revision: '1-1', weights: { v4: 0 } }) })
  t.ok(
    seconds.some(({ stored }) => stored === 'gone'),
    'Redis was seen to be gone'
  )
  t.ok(
    seconds.some(({ routers }) =>
      /"fleetTriggers":\[\{"variant":"v4"/.test(JSON.stringify(routers))
    ),
    'what both counted is told'
  )
  const last = seconds.at(-1)
  const revision = String(last?.['stored'])
  t.match(revision, /^2-\d+$/, 'a rollback raises the epoch')
  t.match(last, {
    routers: same({ revision, weights: { v3: 100, v4: 0 }, phase: 'rolled-back' })
  })
  const summary = events.at(-1)
  t.match(summary, {
    rolledBack: true,
    fault: 'errors',
    change: { share: 20, ms: Number, revision: '1-2' },
    fall: {
      rollback: { trigger: /^(gross|errors)$/, evidence: Object },
      decision: { by: /^(quarantines|counters)$/, says: /\d/ },
      secondsToZero: [Number, Number],
      later: { v4: 0 }
    },
    outage: { failed: 0, raise: { status: 503, code: 'SLC_STORE_UNREACHABLE' } },
    back: {
      revision,
      phase: 'rolled-back',
      says: /put back/,
      raise: { status: 409, code: 'SLC_ROLLED_BACK' }
    }
  })
  t.same(run.processes(), [], 'no process stays')
  t.same(run.files(), [], 'no file stays')
})

t.test('no process and no file stays when Ctrl-C is pressed', async t => {
  const run = runDemo(t, '--fleet', '--json')
  await until('its start', () => run.events().some(({ event }) => event === 'started'))
  t.ok(
    run.processes().some(line => line.includes('redis-server')),
    'a Redis runs'
  )
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  t.same(run.processes(), [])
  t.same(run.files(), [])
})
