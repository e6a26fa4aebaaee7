/** A replica whose store does not confirm any more. */
import { type Test, test } from 'tap'
import { configOf } from '../helpers/config-file.ts'
import { memoryFleet } from '../helpers/memory-fleet.ts'
import { pass, ROUTE, startReplica } from '../helpers/replica.ts'

async function scene(t: Test, policy: 'hold' | 'champion') {
  const config = await configOf(
    t,
    `state: { stale: { policy: ${policy}, after: 10s } }
routes:
  fraud:
    hashOn: [{ header: x-user-id }]
    variants:
      v3: { upstreams: ["http://v3.test:8000"] }
      v4: { upstreams: ["http://v4.test:8000"] }
    champion: v3
    initialWeights: { v3: 90, v4: 10 }
`
  )
  const fleet = memoryFleet([ROUTE])
  const replica = startReplica(fleet, 'a', config)
  t.teardown(() => replica.acting.stop())
  pass(fleet, [replica], 5_000)
  return { fleet, replica }
}

test('gives all to the champion while its store is away for long, when that is the policy', async t => {
  const { fleet, replica } = await scene(t, 'champion')
  replica.store.cut()
  pass(fleet, [replica], 9_500)
  t.ok(replica.isIn('v4'))
  t.equal(replica.view().stale, false)
  pass(fleet, [replica], 1_500)
  t.notOk(replica.isIn('v4'))
  t.ok(replica.isIn('v3'))
  t.match(replica.view(), { stale: true, quarantined: {}, weights: { v4: 10 } })
  t.same(replica.degraded(), [
    'route fraud: the store has not confirmed its state for 11 s, so its challengers are out of traffic here'
  ])
  const { generation } = replica.live()
  pass(fleet, [replica], 60_000)
  t.equal(replica.live().generation, generation)
  const told = replica.lines.filter(({ text }) => text.includes('out of traffic here'))
  t.match(told, [{ level: 'warn' }], 'told once')

  replica.store.heal()
  pass(fleet, [replica], 250)
  t.ok(replica.isIn('v4'))
  t.equal(replica.view().stale, false)
  t.equal(replica.live().generation, generation + 1, 'what was sent before is no evidence')
  t.same(replica.degraded(), [])
  t.match(replica.lines.at(-1), { level: 'info', text: /confirms the state of a route again/ })
})

test('holds what it knows while its store is away, and says how old that is', async t => {
  const { fleet, replica } = await scene(t, 'hold')
  const { generation } = replica.live()
  replica.store.cut()
  pass(fleet, [replica], 4_000)
  t.same(replica.degraded(), [])
  pass(fleet, [replica], 4_000)
  t.match(replica.degraded(), [/^route fraud: the store has not confirmed its state for 8 s$/])
  t.equal(replica.view().stale, false)
  pass(fleet, [replica], 60_000)
  t.ok(replica.isIn('v4'))
  t.equal(replica.view().stale, true)
  t.equal(replica.live().generation, generation, 'its evidence goes on')
  t.match(replica.degraded(), [/^route fraud: the store has not confirmed its state for 68 s$/])
  t.equal(replica.lines.filter(({ level }) => level === 'warn').length, 1)
})
