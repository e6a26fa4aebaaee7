/** Own alarms among several replicas: quarantines, and when they become the rollback of the fleet. */
import { test } from 'tap'
import { alarm, at, outOn, rollbackOf, scene } from '../helpers/quarantine.ts'
import { ordinary, pass, ROUTE, type TestReplica } from '../helpers/replica.ts'

test('rolls back for the fleet at once when the replica that alarms is alone', async t => {
  const s = await scene(t, 1)
  alarm(s, 'a')
  t.match(rollbackOf(s.fleet), { trigger: 'gross', by: 'trigger:gross' })
  t.match(s.fleet.entries(), [{ type: 'rollback' }])
  t.match(at(s.replicas, 0).view(), { quarantined: {}, phase: 'rolled-back' })
})

test('takes the challenger out here alone, and says so everywhere, when one of four alarms', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  alarm(s, 'a')
  pass(s.fleet, s.replicas, 5_000)
  t.equal(outOn(s.replicas), 'a')
  t.equal(rollbackOf(s.fleet), null)
  t.equal(s.fleet.document(ROUTE).revision, 1, 'no document')
  t.same(a.view().weights, { v3: 90, v4: 10 }, 'the shares are the fleet')
  const reason = /of the last 12 prediction calls of v4 went wrong/
  t.match(a.view().quarantined, { v4: { trigger: 'gross', reason, at: /^2026-/ } })
  t.match(a.degraded(), [/route fraud: v4 is in quarantine on this replica \(gross\): \d+ of/])
  t.same(at(s.replicas, 1).view().quarantined, {})
  const [entry, ...others] = s.fleet.entries()
  t.same(others, [])
  t.match(entry, {
    type: 'trigger',
    variant: 'v4',
    by: 'trigger:gross',
    reason,
    after: { action: 'quarantine' },
    evidence: { challenger: { failures: Number } },
    revision: null
  })
  t.equal(a.lines.filter(({ level }) => level === 'warn').length, 1, 'one page')
  t.equal(a.send('v4', 1), 0)
})

test('tells the others its calls of the minute before it took the challenger out', async t => {
  const s = await scene(t, 4)
  pass(s.fleet, s.replicas, 60_000)
  at(s.replicas, 0).health('v4', false)
  alarm(s, 'a')
  pass(s.fleet, s.replicas, 120_000)
  const seen = at(s.replicas, 1)
    .store.replicas(ROUTE)
    .find(({ id }) => id === 'a')
  t.equal(seen?.calls['v4'], 12 * 60)
  t.match(seen?.out, { v4: { trigger: 'gross' } })
})

test('becomes the rollback of the fleet when two replicas have it out', async t => {
  const s = await scene(t, 5)
  alarm(s, 'b')
  alarm(s, 'd')
  pass(s.fleet, s.replicas, 500)
  t.equal(outOn(s.replicas), 'abcde')
  const rollback = rollbackOf(s.fleet)
  t.equal(rollback?.trigger, 'gross')
  t.match(rollback?.reason, /^v4 is out on 2 of 5 replicas\. b: \d+ of the last 12 .* d: \d+ of/)
  const evidence = JSON.parse(JSON.stringify(rollback?.evidence))
  t.match(evidence, { scope: 'fleet', cause: 'replicas', replicas: 5 })
  t.match(evidence.out, [
    { replica: 'b', trigger: 'gross', reason: /went wrong/ },
    { replica: 'd', trigger: 'gross', reason: /went wrong/ }
  ])
  t.equal(s.fleet.entries().filter(({ type }) => type === 'rollback').length, 1, 'a join')
  for (const replica of s.replicas) t.same(replica.view().quarantined, {})
})

test('becomes the rollback of the fleet when those that have it out got 30 percent of its calls', async t => {
  const s = await scene(t, 4)
  const busyA = (replica: TestReplica) => {
    ordinary(replica)
    if (replica.id === 'a') replica.send('v4', 1)
  }
  pass(s.fleet, s.replicas, 60_000, busyA) // 4 of 13 calls
  alarm(s, 'a')
  pass(s.fleet, s.replicas, 500)
  t.equal(outOn(s.replicas), 'abcd')
  t.match(rollbackOf(s.fleet), {
    reason: /^v4 is out on 1 of 4 replicas, which got \d+ of its last \d+ calls\. a: /,
    evidence: { cause: 'share', out: [{ replica: 'a' }] }
  })
})

test('is decided by a replica that has it in when those that have it out cannot write', async t => {
  const s = await scene(t, 5)
  const [a, b] = [at(s.replicas, 0), at(s.replicas, 1)]
  for (const replica of [a, b]) replica.store.write = () => new Promise(() => undefined)
  alarm(s, 'a')
  alarm(s, 'b')
  pass(s.fleet, s.replicas, 1_000)
  t.match(rollbackOf(s.fleet), { id: /^rb-[cde]-/, evidence: { own: null } })
  t.equal(outOn(s.replicas), 'abcde')
})

test('becomes the rollback of the fleet when all others have left', async t => {
  const s = await scene(t, 4)
  alarm(s, 'a')
  const [a] = s.replicas
  if (!a) throw new Error('no replica')
  pass(s.fleet, [a], 10_000)
  t.equal(rollbackOf(s.fleet), null, 'they may come back')
  pass(s.fleet, [a], 10_000)
  t.match(rollbackOf(s.fleet), { reason: /^v4 is out on the only replica\. a: /, trigger: 'gross' })
})

test('stays undecided when the store forgets who is there', async t => {
  const s = await scene(t, 4)
  alarm(s, 'a')
  const [a] = s.replicas
  if (!a) throw new Error('no replica')
  s.fleet.forgetReplicas()
  pass(s.fleet, [a], 8_000)
  pass(s.fleet, s.replicas, 10_000)
  t.equal(rollbackOf(s.fleet), null)
  t.equal(outOn(s.replicas), 'a')
})

test('counts nobody while the store is away, and judges again when it is back', async t => {
  const s = await scene(t, 1)
  const a = at(s.replicas, 0)
  a.store.cut()
  pass(s.fleet, s.replicas, 4_000)
  alarm(s, 'a')
  pass(s.fleet, s.replicas, 20_000, ordinary)
  t.equal(outOn(s.replicas), 'a')
  t.equal(rollbackOf(s.fleet), null)
  t.match(a.view().quarantined, { v4: {} })
  a.store.heal()
  pass(s.fleet, s.replicas, 500)
  t.match(rollbackOf(s.fleet), { evidence: { cause: 'alone' } })
})

test('says nothing about the other replicas of a run that it did not see', async t => {
  const s = await scene(t, 5)
  alarm(s, 'a')
  const { clock } = s.fleet
  const out = { rolloutId: 'another', trigger: 'gross', reason: 'It is dead.', at: 'before' }
  const b = at(s.replicas, 1)
  b.store.announce(ROUTE, { calls: { v4: 9_999 }, out: { v4: out } })
  b.store.poll()
  clock.advance(250)
  at(s.replicas, 2).tick()
  t.equal(rollbackOf(s.fleet), null)
})
