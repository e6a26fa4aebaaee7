import { test } from 'tap'
import {
  historyKey,
  replicaSums,
  withoutTopReplica
} from '../../../src/domain/fleet/one-replica.ts'
import { KIND_ROW } from '../../../src/domain/fleet/totals.ts'
import { TickHistory } from '../../../src/domain/trigger/tick-history.ts'
import { rulesOf, TriggerDetectors } from '../../../src/domain/trigger/trigger.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const LOG_C = 20.25
const [ERRORS] = rulesOf(DEFAULTS)

/** Slots of several replicas with the same traffic; `failures` of a replica's challenger in each. */
function scene(calls: readonly number[], failures: (replica: number) => number) {
  if (!ERRORS) throw new Error('errors')
  const rule = { ...ERRORS, n: 0, x: 1 }
  const byReplica = new TickHistory(KIND_ROW.size)
  const detectors = new TriggerDetectors(rule, 1, LOG_C, 0)
  for (let slot = 1; slot <= 6; slot++) {
    const sums = { nc: 0, xc: 0, nb: 0, xb: 0 }
    calls.forEach((n, replica) => {
      const own = new Float64Array(KIND_ROW.size)
      const other = new Float64Array(KIND_ROW.size)
      own.set([n, failures(replica)])
      other.set([19 * n, 1])
      byReplica.push(slot, historyKey(replica, 0), own, other, 0)
      sums.nc += n
      sums.xc += failures(replica)
      sums.nb += 19 * n
      sums.xb += 1
    })
    detectors.add(slot, [sums], 1, null)
  }
  const finding = detectors.find()
  const found = withoutTopReplica({
    detectors,
    finding,
    byReplica,
    strata: 1,
    logC: LOG_C,
    phi: 1,
    frozen: null
  })
  return { finding, found, byReplica, rule }
}

test('evidence holds when all replicas see the failures', async t => {
  const { finding, found } = scene([5, 5, 5, 5, 5], () => 3)
  t.equal(finding.verdict, 'rollback')
  t.strictSame(found, finding)
})

test('evidence falls when one of five replicas has all failures', async t => {
  const { finding, found } = scene([5, 5, 5, 5, 5], replica => (replica === 3 ? 5 : 0))
  t.equal(finding.verdict, 'rollback')
  t.equal(found.verdict, 'none')
})

test('one replica is enough when it has 30 % of the calls', async t => {
  const { finding, found } = scene([8, 4, 4, 4, 4], replica => (replica === 0 ? 8 : 0))
  t.equal(finding.verdict, 'rollback')
  t.strictSame(found, finding)
})

test('counts of each replica are summed since a tick when evidence is shown', async t => {
  const { byReplica, rule } = scene([5, 10], replica => replica)
  t.strictSame(
    [...replicaSums(byReplica, rule, 5)],
    [
      [0, { nc: 10, xc: 0, nb: 190, xb: 2 }],
      [1, { nc: 20, xc: 2, nb: 380, xb: 2 }]
    ]
  )
})
