/** What a decision of a trigger does: here, in the fleet, and again and again. */
import { test } from 'tap'
import { challengerOf } from '../../src/domain/document.ts'
import { at, decision, outOn, rollbackOf, scene } from '../helpers/quarantine.ts'
import { pass, ROUTE } from '../helpers/replica.ts'
import { until } from '../helpers/until.ts'

test('rolls back at once when a decision is of the fleet', async t => {
  const s = await scene(t, 4)
  const b = at(s.replicas, 1)
  b.acting.act(b.live(), { ...decision, evidence: { scope: 'fleet' } })
  t.match(rollbackOf(s.fleet), { trigger: 'latency', reason: 'It is slow.' })
  t.equal(b.acting.rollbacks.get('fraud/latency'), 1)
  pass(s.fleet, s.replicas, 500)
  t.equal(outOn(s.replicas), 'abcd')
  t.equal(at(s.replicas, 0).acting.rollbacks.get('fraud/latency'), undefined, 'only its own')
})

test('begins one quarantine when a challenger alarms again and again', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  for (let i = 0; i < 3; i++) a.acting.act(a.live(), decision)
  t.equal(s.fleet.entries().length, 1)
  a.acting.act(a.live(), { ...decision, dryRun: true })
  a.acting.act(a.live(), { ...decision, action: 'notify' })
  t.same(
    s.fleet.entries().map(({ after }) => Object(after).action),
    ['quarantine', 'rollback', 'notify']
  )
})

test('says a rollback once when the fleet decides it again and again', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  const ofFleet = { ...decision, evidence: { scope: 'fleet' } }
  for (let i = 0; i < 5; i++) a.acting.act(a.live(), ofFleet)
  t.equal(a.lines.filter(({ level }) => level === 'warn').length, 1, 'said once')
  t.equal(a.acting.rollbacks.get('fraud/latency'), 1)
})

test('asks a store that is away for one pause, however often a trigger wants it', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  a.store.cut()
  for (let i = 0; i < 20; i++) {
    a.acting.act(a.live(), { ...decision, action: 'pause' })
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(a.store.refused(), 1, 'and again after a second')
  a.store.heal()
  await until('the pause', () => challengerOf(s.fleet.document(ROUTE), 'v4')?.paused ?? false)
  t.equal(s.fleet.entries().filter(({ type }) => type === 'pause').length, 1)
})

test('divides the false alarms among those that are there when their number changes', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  const threshold = () =>
    a.view().triggers.find(({ trigger }) => trigger === 'errors')?.threshold ?? Number.NaN
  const perDay = 345_600 / (0.001 / 6)
  t.ok(Math.abs(threshold() - Math.log(perDay * 5)) < 1e-9)
  pass(s.fleet, [a], 30_000)
  t.ok(Math.abs(threshold() - Math.log(perDay * 5)) < 1e-9, 'they may come back')
  pass(s.fleet, [a], 40_000)
  t.ok(Math.abs(threshold() - Math.log(perDay * 2)) < 1e-9)
})

test('says how many work with the same revision when others lag', async t => {
  const s = await scene(t, 3)
  const [a, b] = [at(s.replicas, 0), at(s.replicas, 1)]
  t.same(a.view().replicas, { applied: 3, of: 3 })
  const actor = { id: 'ops', requestId: 'r', reason: '' }
  const answer = await a.commands.rollback(ROUTE, 'v4', actor)
  t.same(answer.replicas, { applied: 1, of: 3 })
  b.tick()
  t.same(a.view().replicas, { applied: 2, of: 3 })
})
