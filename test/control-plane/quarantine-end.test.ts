/** How a quarantine ends: by health checks, by a person, with the challenger; and by nothing else. */
import { test } from 'tap'
import { challengerOf } from '../../src/domain/document.ts'
import { configOf } from '../helpers/config-file.ts'
import { alarm, at, CHECKED, decision, fileOf, outOn, PLAIN, scene } from '../helpers/quarantine.ts'
import { pass, ROUTE } from '../helpers/replica.ts'
import { author, clear, weights } from '../helpers/state-documents.ts'

test('ends when all addresses passed their checks for a minute, and not before', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  a.acting.act(a.live(), decision)
  pass(s.fleet, s.replicas, 40_000)
  a.health('v4', false)
  pass(s.fleet, s.replicas, 1_000)
  a.health('v4', true)
  pass(s.fleet, s.replicas, 59_000)
  t.equal(outOn(s.replicas), 'a', 'the minute began again')
  pass(s.fleet, s.replicas, 1_500)
  t.equal(outOn(s.replicas), '')
  t.same(a.view().quarantined, {})
  t.match(s.fleet.entries().at(-1), {
    type: 'trigger',
    by: 'trigger:latency',
    after: { action: 'quarantine-ended' },
    reason: 'all its addresses passed their health checks for 60 s'
  })
})

test('waits longer than a minute when the checks need it to see a failure', async t => {
  const slow = CHECKED.replace('interval: 1s', 'interval: 30s, unhealthy: 3')
  const s = await scene(t, 4, fileOf(slow))
  const a = at(s.replicas, 0)
  a.acting.act(a.live(), decision)
  pass(s.fleet, s.replicas, 119_000)
  t.equal(outOn(s.replicas), 'a')
  pass(s.fleet, s.replicas, 2_000)
  t.equal(outOn(s.replicas), '')
})

test('starts its detectors again when it ended, and takes a challenger out that is still dead', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  alarm(s, 'a')
  pass(s.fleet, s.replicas, 61_000)
  t.equal(outOn(s.replicas), '')
  pass(s.fleet, s.replicas, 1_000)
  const fresh = a.view().triggers.filter(({ trigger }) => trigger === 'gross')
  t.match(fresh, [{ variant: 'v4', state: 'armed', logEvidence: 0 }])
  alarm(s, 'a')
  t.equal(outOn(s.replicas), 'a')
  t.match(
    s.fleet.entries().map(({ after }) => Object(after).action),
    ['quarantine', 'quarantine-ended', 'quarantine']
  )
})

test('ends by nothing but a person when no health check watches the challenger', async t => {
  const s = await scene(t, 4, fileOf(PLAIN))
  const a = at(s.replicas, 0)
  a.acting.act(a.live(), decision)
  pass(s.fleet, s.replicas, 600_000)
  t.equal(outOn(s.replicas), 'a')
  const actor = { id: 'ops', requestId: 'r1', reason: 'it was the switch' }
  const view = await a.commands.resume(ROUTE, 'v4', actor)
  t.same(view.quarantined, {})
  t.equal(outOn(s.replicas), '')
  t.match(s.fleet.entries().at(-1), {
    type: 'resume',
    variant: 'v4',
    by: 'ops',
    reason: 'it was the switch',
    requestId: 'r1',
    before: { quarantined: { trigger: 'latency', reason: 'It is slow.' } },
    after: { action: 'quarantine-ended' }
  })
  t.equal(s.fleet.entries().length, 2, 'the document was not paused')
})

test('ends a pause of the document too when both are resumed', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  await a.commands.pause(ROUTE, 'v4', { id: 'ops', requestId: 'r1', reason: '' })
  a.acting.act(a.live(), decision)
  const view = await a.commands.resume(ROUTE, null, { id: 'ops', requestId: 'r2', reason: '' })
  t.match(view, { quarantined: {}, phase: 'steady' })
  t.same(
    s.fleet.entries().map(({ type }) => type),
    ['pause', 'trigger', 'resume', 'resume']
  )
})

test('keeps a quarantine when its end cannot be written down', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  a.acting.act(a.live(), decision)
  a.store.audit = () => Promise.reject(new Error('disk full'))
  await t.rejects(a.commands.resume(ROUTE, 'v4', { id: 'ops', requestId: 'r', reason: '' }))
  t.equal(outOn(s.replicas), 'a')
})

test('ends when an operator rolls back, clears, or gives the challenger no traffic', async t => {
  const s = await scene(t, 4)
  const [a, b] = [at(s.replicas, 0), at(s.replicas, 1)]
  const actor = { id: 'ops', requestId: 'r', reason: '' }
  a.acting.act(a.live(), decision)
  const answer = await b.commands.rollback(ROUTE, null, actor)
  t.match(answer, { scope: 'fleet', rollbacks: [{ variant: 'v4' }] })
  pass(s.fleet, s.replicas, 250)
  t.same(a.view().quarantined, {}, 'an operator is always the fleet')
  t.equal(outOn(s.replicas), 'abcd')

  await b.store.write(ROUTE, clear(s.fleet.document(ROUTE), 'v4'), author())
  await b.store.write(ROUTE, weights(s.fleet.document(ROUTE), { v3: 90, v4: 10 }), author())
  pass(s.fleet, s.replicas, 250)
  t.equal(outOn(s.replicas), '', 'another run is not in quarantine')

  a.acting.act(a.live(), decision)
  await b.store.write(ROUTE, weights(s.fleet.document(ROUTE), { v3: 100 }), author())
  pass(s.fleet, s.replicas, 500)
  t.same(a.view().quarantined, {})
  t.match(s.fleet.entries().at(-1), { reason: 'it gets no traffic any more' })
})

test('ends when the challenger is of another run, though nothing else changed', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  a.acting.act(a.live(), decision)
  const { generation } = a.live()
  const document = s.fleet.document(ROUTE)
  const v4 = challengerOf(document, 'v4')
  if (v4 === null) throw new Error('no challenger')
  a.roster.setDocument({ ...document, challengers: { v4: { ...v4, rolloutId: 'next' } } })
  a.roster.publish()
  t.ok(a.isIn('v4'))
  t.equal(a.live().generation, generation + 1, 'what was sent before is no evidence')
})

test('survives a reload of the configuration when the route stays', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  a.acting.act(a.live(), decision)
  const other = await configOf(t, fileOf(CHECKED, '    triggers: { alphaPerDay: 0.0001 }\n'))
  a.roster.configure(other.routes, route => s.fleet.document(route))
  a.roster.publish()
  pass(s.fleet, s.replicas, 250)
  t.equal(outOn(s.replicas), 'a')
})
