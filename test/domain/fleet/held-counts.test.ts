import { test } from 'tap'
import { HeldCounts } from '../../../src/domain/fleet/held-counts.ts'
import { KIND_ROW } from '../../../src/domain/fleet/totals.ts'
import { TwoSampleDetector } from '../../../src/domain/stats/e-detector.ts'
import { seeded } from '../../helpers/seeded.ts'

const CLIENT_ERRORS = 1

test('all counts of both arms are added when the champion was well', async t => {
  const held = new HeldCounts(2)
  held.add(0, 10, 3, 190, 2)
  held.add(1, 5, 0, 5, 1)
  held.add(0, 1, 1, 0, 0)
  t.strictSame(held.sums(), { n: 16, x: 4 })
  const totals = new Float64Array(4 * KIND_ROW.size)
  t.equal(held.release(totals, CLIENT_ERRORS, true), 0)
  const at = (row: number) => [...totals.subarray(row * KIND_ROW.size + 2, row * KIND_ROW.size + 4)]
  t.strictSame(
    [at(0), at(1), at(2), at(3)],
    [
      [11, 4],
      [190, 2],
      [5, 0],
      [5, 1]
    ]
  )
  t.strictSame(held.sums(), { n: 0, x: 0 })
  held.release(totals, CLIENT_ERRORS, true)
  t.strictSame(at(0), [11, 4], 'nothing is added twice')
})

test("failures beyond the champion's share are left out when it was not well", async t => {
  const held = new HeldCounts(1)
  const totals = new Float64Array(2 * KIND_ROW.size)
  held.add(0, 10, 9, 100, 45)
  t.equal(held.release(totals, 0, false), 5)
  t.strictSame([...totals.subarray(0, 2)], [10, 4])
  t.strictSame([...totals.subarray(KIND_ROW.size, KIND_ROW.size + 2)], [100, 45])
  held.add(0, 5, 5, 0, 0)
  t.equal(held.release(totals, 0, false), 5, 'all, while the champion has no answers at all')
})

test('evidence is never more than with all counts when failures were left out', async t => {
  const random = seeded(11)
  const number = (most: number) => Math.floor(random() * (most + 1))
  for (let run = 0; run < 300; run++) {
    const [all, less] = [new TwoSampleDetector(1, 1, 25, 0), new TwoSampleDetector(1, 1, 25, 0)]
    for (let tick = 0; tick < 30; tick++) {
      const [nc, nb] = [1 + number(50), 1 + number(500)]
      const [xc, xb] = [number(nc), number(nb)]
      const held = new HeldCounts(1)
      const totals = new Float64Array(2 * KIND_ROW.size)
      held.add(0, nc, xc, nb, xb)
      held.release(totals, 0, random() < 0.5)
      const [n = 0, x = 0] = totals
      const [m = 0, y = 0] = totals.subarray(KIND_ROW.size)
      all.open(tick)
      all.add(0, nc, nb, xc, xb, 1)
      less.open(tick)
      less.add(0, n, m, x, y, 1)
      for (let k = 0; k < all.logs.length; k++) {
        if ((less.logs[k] ?? 0) > (all.logs[k] ?? 0) + 1e-9) t.fail(`run ${run}, tick ${tick}`)
      }
    }
  }
  t.pass('never')
})

test('the first failure is the one sent first when several are held', async t => {
  const held = new HeldCounts(1)
  t.equal(held.first(), null)
  const failure = { unit: 1, kinds: 1, stratum: 0, count: 1 }
  held.failures.push(
    { ...failure, sentAt: 4_000, ms: 4_250 },
    { ...failure, sentAt: 1_000, ms: 4_500 }
  )
  t.strictSame(held.first(), { sentAt: 1_000, failedAt: 4_250 })
})
