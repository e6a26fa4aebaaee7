import { test } from 'tap'
import { GROUPS } from '../../../src/domain/counts.ts'
import { GROUPS_LABEL, GROUPS_SHAPE } from '../../../src/domain/fleet/contribution.ts'
import { FleetWatch } from '../../../src/domain/fleet/fleet-watch.ts'
import { KIND_ROW, packTotals } from '../../../src/domain/fleet/totals.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const ARMS = { kind: 'arms', rows: 2 } as const

/** A watch, and replicas whose champion has 10 calls in every group of units and slot. */
function scene(replicas: number) {
  const watch = new FleetWatch(DEFAULTS, 0)
  const words = Array.from({ length: replicas }, () => new Float64Array(GROUPS * KIND_ROW.size))
  let slot = 100
  /** `failures` of a group on a replica, in this slot. */
  const next = (failures: (group: number, replica: number) => number, champion = 'stable') => {
    words.forEach((own, replica) => {
      for (let g = 0; g < GROUPS; g++) {
        for (const at of [0, 2])
          own[g * KIND_ROW.size + at] = (own[g * KIND_ROW.size + at] ?? 0) + 10
        const x = g * KIND_ROW.size + 1
        own[x] = (own[x] ?? 0) + failures(g, replica)
      }
    })
    const totals = new Map(
      words.map((own, i) => [
        `replica-${i}`,
        packTotals(
          { label: GROUPS_LABEL, era: 1, words: own, units: [], leftOut: 0, restarts: 0 },
          GROUPS_SHAPE
        )
      ])
    )
    watch.takeGroups(champion, [{ slot: ++slot, totals }])
  }
  const phi = () => {
    const empty = { label: 'now', era: 1, units: [], leftOut: 0, restarts: 0 }
    const text = packTotals({ ...empty, words: new Float64Array(2 * KIND_ROW.size) }, ARMS)
    watch.takeArms('canary', [{ slot, totals: new Map([['replica-0', text]]) }], {
      label: 'now',
      now: slot * 5_000,
      replicas,
      championLive: true,
      championHealthy: true
    })
    return watch.statuses(slot * 5_000).find(({ trigger }) => trigger === 'errors')?.phi
  }
  return { watch, next, phi }
}

test('phi is 1 when the failures of all replicas are spread evenly, and 3 before five minutes', async t => {
  const { next, phi } = scene(3)
  for (let i = 0; i < 40; i++) next(() => 0)
  t.equal(phi(), 3)
  for (let i = 0; i < 40; i++) next(() => 0)
  t.equal(phi(), 1)
})

test('phi sees units that fail a little on every replica', async t => {
  const { next, phi } = scene(10)
  for (let i = 0; i < 80; i++) next(group => (group < 2 ? 1 : 0))
  t.equal(phi(), 10)
})

test('phi sees failures that come together in time when each replica has few', async t => {
  const { next, phi } = scene(10)
  for (let i = 0; i < 160; i++) next((group, replica) => (i % 8 < 2 && group === replica ? 1 : 0))
  t.ok((phi() ?? 0) > 5)
})

test('phi is unknown again when another variant becomes champion', async t => {
  const { next, phi } = scene(3)
  for (let i = 0; i < 80; i++) next(() => 0)
  t.equal(phi(), 1)
  next(() => 0, 'other')
  t.equal(phi(), 3)
})

test('a challenger has no state when it is not kept', async t => {
  const { watch, next, phi } = scene(1)
  next(() => 0)
  phi()
  t.equal(watch.statuses(0).length, 4)
  watch.keep(() => false)
  t.strictSame(watch.statuses(0), [])
})
