/** Own alarms among several replicas: quarantines, when they become the fleet's rollback, and how they end. */
import { type Test, test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { challengerOf } from '../../src/domain/document.ts'
import type { TriggerDecision } from '../../src/domain/watch.ts'
import { configOf } from '../helpers/config-file.ts'
import { type MemoryFleet, memoryFleet } from '../helpers/memory-fleet.ts'
import {
  deadFor,
  ordinary,
  pass,
  ROUTE,
  startReplica,
  type TestReplica
} from '../helpers/replica.ts'
import { author, clear, weights } from '../helpers/state-documents.ts'
import { until } from '../helpers/until.ts'

const CHECKED = '{ url: "http://v4.test:8000" }], health: { path: /ready, interval: 1s } }'
const PLAIN = '{ url: "http://v4.test:8000" }] }'

function fileOf(challenger = CHECKED, more = ''): string {
  return `routes:
  fraud:
    hashOn: [{ header: x-user-id }]
    variants:
      v3: { upstreams: ["http://v3.test:8000"] }
      v4: { upstreams: [${challenger}
    champion: v3
    initialWeights: { v3: 90, v4: 10 }
${more}`
}

type Scene = { readonly fleet: MemoryFleet; readonly replicas: readonly TestReplica[] }

/** Replicas a, b, c, … after 20 s of ordinary traffic. */
async function scene(t: Test, count: number, text = fileOf()): Promise<Scene> {
  const config: Config = await configOf(t, text)
  const fleet = memoryFleet([ROUTE])
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, count)
  const replicas = ids.map(id => startReplica(fleet, id, config))
  t.teardown(() => {
    for (const { acting } of replicas) acting.stop()
  })
  pass(fleet, replicas, 20_000)
  return { fleet, replicas }
}

function at(replicas: readonly TestReplica[], index: number): TestReplica {
  const replica = replicas[index]
  if (replica === undefined) throw new Error(`no replica ${index}`)
  return replica
}

function outOn(replicas: readonly TestReplica[]): string {
  return replicas
    .filter(replica => !replica.isIn('v4'))
    .map(({ id }) => id)
    .join('')
}

/** The challenger is dead for one replica until it is out there. */
function alarm({ fleet, replicas }: Scene, id: string): void {
  for (let i = 0; i < 40 && !outOn(replicas).includes(id); i++) {
    pass(fleet, replicas, 250, deadFor(id))
  }
}

function rollbackOf(fleet: MemoryFleet) {
  return challengerOf(fleet.document(ROUTE), 'v4')?.rollback ?? null
}

const decision: TriggerDecision = {
  variant: 'v4',
  trigger: 'latency',
  action: 'rollback',
  dryRun: false,
  sentence: 'It is slow.',
  evidence: { test: 'share' }
}

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

test('says a rollback once when the fleet decides it again and again', async t => {
  const s = await scene(t, 4)
  const a = at(s.replicas, 0)
  const ofFleet = { ...decision, evidence: { scope: 'fleet' } }
  for (let i = 0; i < 5; i++) a.acting.act(a.live(), ofFleet)
  t.equal(a.lines.filter(({ level }) => level === 'warn').length, 1, 'said once')
  t.equal(a.acting.rollbacks.get('fraud/latency'), 1)
})
