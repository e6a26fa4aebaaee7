/** What people are told of failures: variants that answer nobody, and what failed when a trigger decided. */
import { type Test, test } from 'tap'
import { challengerOf } from '../../src/domain/document.ts'
import { configOf } from '../helpers/config-file.ts'
import { type MemoryFleet, memoryFleet } from '../helpers/memory-fleet.ts'
import { deadFor, pass, ROUTE, startReplica, type TestReplica } from '../helpers/replica.ts'

const FILE = `routes:
  fraud:
    hashOn: [{ header: x-user-id }]
    variants:
      v3: { upstreams: [{ url: "http://v3.test:8000" }] }
      v4: { upstreams: [{ url: "http://v4.test:8000" }] }
    champion: v3
    initialWeights: { v3: 90, v4: 10 }
`

type Scene = { readonly fleet: MemoryFleet; readonly replica: TestReplica }

async function scene(t: Test): Promise<Scene> {
  const fleet = memoryFleet([ROUTE])
  const replica = startReplica(fleet, 'a', await configOf(t, FILE))
  t.teardown(() => replica.acting.stop())
  pass(fleet, [replica], 5_000)
  pass(fleet, [replica], 1_000, () => undefined) // all of it was read
  return { fleet, replica }
}

test('names a champion that answers nobody, without health checks, when every request fails', async t => {
  const { fleet, replica } = await scene(t)
  t.same(replica.view().failing, {})
  t.same(replica.degraded(), [])

  pass(fleet, [replica], 3_000, ({ send }) => void send('v3', 3, 'connect'))
  const { v3: sentence = '', ...others } = replica.view().failing
  t.match(
    sentence,
    /^each of its last \d\d requests failed \(no connection\); check that http:\/\/v3\.test:8000 runs and can be reached from here$/
  )
  t.same(others, {})
  t.same(replica.degraded(), [`route fraud: champion v3 answers nobody: ${sentence}`])

  pass(fleet, [replica], 1_000, ({ send }) => void send('v3', 1))
  t.same(replica.view().failing, {}, 'one answer is enough')
  t.same(replica.degraded(), [])
})

test('counts an answer with a fault as none, and one that the client caused as one, when it looks', async t => {
  const { fleet, replica } = await scene(t)
  pass(fleet, [replica], 2_000, ({ send }) => void send('v3', 2, 'upstream_error'))
  t.match(replica.view().failing, { v3: /\(status 5xx\); check that .* is well, its log may say/ })
  pass(fleet, [replica], 1_000, ({ send }) => void send('v3', 1, 'client_error'))
  t.same(replica.view().failing, {})
})

test('says nothing when few requests failed, when that was long ago, or of a challenger that is out', async t => {
  const { fleet, replica } = await scene(t)
  replica.send('v3', 4, 'connect')
  pass(fleet, [replica], 1_000, () => undefined)
  t.same(replica.view().failing, {}, '4 in a row')
  replica.send('v3', 1, 'connect')
  pass(fleet, [replica], 1_000, () => undefined)
  t.match(replica.view().failing, { v3: /last 5 requests/ })
  pass(fleet, [replica], 61_000, () => undefined)
  t.same(replica.view().failing, {}, 'nobody has asked it for a minute')

  pass(fleet, [replica], 20_000)
  pass(fleet, [replica], 5_000, deadFor('a'))
  t.ok(challengerOf(fleet.document(ROUTE), 'v4')?.rollback)
  t.same(replica.view().failing, {})
})

test('says in a rollback what failed, in its sentence, the log and the evidence, when it was counted', async t => {
  const { fleet, replica } = await scene(t)
  pass(fleet, [replica], 20_000)
  pass(fleet, [replica], 5_000, deadFor('a'))
  const rollback = challengerOf(fleet.document(ROUTE), 'v4')?.rollback
  const reason = /went wrong .* What failed: no connection\.$/
  t.match(rollback, { trigger: 'gross', reason, evidence: { causes: { connect: Number } } })
  t.match(fleet.entries(), [{ type: 'rollback', reason, evidence: { causes: {} } }])
  t.match(
    replica.lines.filter(({ level }) => level === 'warn').map(({ text }) => text),
    [reason]
  )
})

test('tells causes of the time of the evidence only when others came before', async t => {
  const { fleet, replica } = await scene(t)
  const mixed = (outcome: 'reset' | 'upstream_error', every: number) => {
    let n = 0
    return ({ send }: TestReplica) => {
      send('v3', 9)
      send('v4', 3, n++ % every === 0 ? outcome : 'ok')
    }
  }
  pass(fleet, [replica], 60_000, ({ send }) => {
    send('v3', 9, 'reset')
    send('v4', 3, 'reset')
  })
  pass(fleet, [replica], 600_000)
  pass(fleet, [replica], 30_000, mixed('upstream_error', 2))
  const rollback = challengerOf(fleet.document(ROUTE), 'v4')?.rollback
  t.match(rollback, { reason: /What failed: status 5xx\.$/ })
})

test('leaves a decision as it is when it has no time that it is about', async t => {
  const { replica } = await scene(t)
  const decision = {
    variant: 'v4',
    trigger: 'errors',
    action: 'notify',
    dryRun: false,
    sentence: 'It is odd.',
    evidence: { test: 'quorum' }
  } as const
  replica.acting.act(replica.live(), decision)
  t.match(replica.lines.at(-1), { level: 'warn', text: 'It is odd.' })
})

test('keeps a bounded number of samples, and what failed long ago, when failures never end', async t => {
  const { fleet, replica } = await scene(t)
  let n = 0
  pass(fleet, [replica], 300_000, ({ send }) => {
    send('v3', 9)
    send('v3', 1, 'reset')
    send('v4', 3, n++ % 12 === 0 ? 'timeout' : 'ok')
  })
  replica.acting.act(replica.live(), {
    variant: 'v4',
    trigger: 'errors',
    action: 'notify',
    dryRun: false,
    sentence: 'It fails.',
    evidence: { test: 'ratio', windowMs: 290_000 }
  })
  t.match(replica.lines.at(-1), { text: 'It fails. What failed: no answer in time.' })
})
