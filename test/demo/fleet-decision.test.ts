/** Who decided is read from the evidence, so that the demo says what the routers say and nothing else. */
import t from 'tap'
import { decisionOf } from '../../demo/fleet-decision.ts'

const IDS = ['host-aa', 'host-bb']
const rollback = (evidence: Readonly<Record<string, unknown>> | null, reason = 'why') => ({
  id: 'rb-1',
  trigger: 'gross',
  by: 'trigger:gross',
  at: '2026-01-01T00:00:00.000Z',
  reason,
  evidence
})

t.test('routers are named by their numbers when quarantines decided', async t => {
  const out = [{ replica: 'host-bb', trigger: 'gross', reason: 'r', at: 'a', calls: 3 }]
  const evidence = { scope: 'fleet', test: 'quorum', cause: 'share', replicas: 2, calls: 5, out }
  t.same(decisionOf(rollback(evidence, 'out on 1. host-bb: 9 of 12.'), IDS), {
    by: 'quarantines',
    trigger: 'gross',
    routers: [2],
    says: 'out on 1. router 2: 9 of 12.'
  })
})

t.test('those that counted are named when the sums of the fleet decided', async t => {
  const counts = { 'host-bb': { challenger: {} }, 'host-aa': { challenger: {} } }
  const replicas = { contributed: 2, leftOut: 0, counts }
  t.match(decisionOf(rollback({ scope: 'fleet', test: 'two-sample', replicas }), IDS), {
    by: 'counters',
    routers: [1, 2]
  })
})

t.test(
  'it is said that one router decided when the evidence is its own, or there is none',
  async t => {
    for (const evidence of [null, { test: 'errors' }]) {
      t.match(decisionOf(rollback(evidence), IDS), { by: 'one router', routers: [] })
    }
  }
)

t.test('nobody is named when evidence has another shape', async t => {
  for (const evidence of [
    { scope: 'fleet', test: 'quorum', out: 'host-aa' },
    { scope: 'fleet', test: 'quorum', out: [null, 'host-aa', { replica: 1 }] },
    { scope: 'fleet', replicas: 2 },
    { scope: 'fleet', replicas: { counts: null } }
  ]) {
    t.same(decisionOf(rollback(evidence), IDS).routers, [])
  }
})
