import { test } from 'tap'
import { type Choosable, chooseAddress, isStarting } from '../../src/upstream-connection/choose.ts'
import { addressSnapshot } from '../helpers/route-snapshot.ts'

type Standing = { inFlight: number; ejectedUntil: number }
type Address = Choosable & { readonly standing: Standing }

function address(slot: number, changes: Parameters<typeof addressSnapshot>[1] = {}): Address {
  return { snapshot: addressSnapshot(slot, changes), standing: { inFlight: 0, ejectedUntil: 0 } }
}

function variant(
  addresses: readonly Address[],
  balance: 'least-in-flight' | 'unit-hash' = 'least-in-flight'
) {
  return { snapshot: { balance }, addresses }
}

/** How often each slot was chosen. */
function tally(of: ReturnType<typeof variant>, times: number, unit = (_: number) => 0): number[] {
  const counts = of.addresses.map(() => 0)
  for (let i = 0; i < times; i++) {
    const slot = chooseAddress(of, unit(i), null, 0)?.snapshot.slot ?? -1
    counts[slot] = (counts[slot] ?? 0) + 1
  }
  return counts
}

test('takes the address with the fewest requests in flight when all are in service', t => {
  const [a, b, c] = [address(0), address(1), address(2)]
  a.standing.inFlight = 3
  b.standing.inFlight = 1
  c.standing.inFlight = 2
  t.equal(chooseAddress(variant([a, b, c]), 0, null, 0), b)
  t.end()
})

test('takes turns when addresses are equal, also when two variants alternate', t => {
  const one = variant([address(0), address(1)])
  const two = variant([address(0), address(1)])
  const counts = [0, 0]
  for (let i = 0; i < 100; i++) {
    chooseAddress(two, 0, null, 0)
    const slot = chooseAddress(one, 0, null, 0)?.snapshot.slot ?? -1
    counts[slot] = (counts[slot] ?? 0) + 1
  }
  t.same(counts, [50, 50])
  t.same(tally(variant([address(0), address(1), address(2)]), 90), [30, 30, 30])
  t.end()
})

test('passes over unhealthy and ejected addresses while another is in service', t => {
  const [sick, out, well] = [address(0, { healthy: false }), address(1), address(2)]
  out.standing.ejectedUntil = 1000
  well.standing.inFlight = 50
  const all = variant([sick, out, well])
  t.equal(chooseAddress(all, 0, null, 999), well)
  t.equal(chooseAddress(all, 7, null, 999), well)
  t.equal(chooseAddress(all, 0, null, 1000), out, 'ejection ends')
  t.end()
})

test('uses all of them when none is in service', t => {
  const [sick, out] = [address(0, { healthy: false }), address(1)]
  out.standing.ejectedUntil = 1000
  t.same(tally(variant([sick, out]), 10), [5, 5])
  t.equal(chooseAddress(variant([]), 0, null, 0), null)
  t.end()
})

test('chooses another address when one has just refused, and none when there is no other', t => {
  const [a, b] = [address(0), address(1)]
  b.standing.inFlight = 9
  t.equal(chooseAddress(variant([a, b]), 0, a, 0), b)
  t.equal(chooseAddress(variant([a, b], 'unit-hash'), 5, a, 0), b)
  t.equal(chooseAddress(variant([a]), 0, a, 0), null)
  t.end()
})

test('gives a growing address its share of the choices, and nothing while it starts', t => {
  const counts = tally(variant([address(0), address(1, { ramp: 0.2 })]), 1000)
  t.ok((counts[1] ?? 0) > 80 && (counts[1] ?? 0) <= 200, `${counts}`)
  t.equal(tally(variant([address(0, { ramp: 0.1 })]), 10)[0], 10, 'alone it takes everything')
  const cold = [address(0, { ramp: 0, healthy: false })]
  t.equal(chooseAddress(variant(cold), 0, null, 0), null)
  t.equal(isStarting(cold), true)
  t.equal(isStarting([...cold, address(1)]), false)
  t.equal(isStarting([]), false)
  t.end()
})

test('keeps a unit on its address when balanced by unit, and moves few when one comes or goes', t => {
  const unit = (i: number) => Math.imul(i + 1, 2654435761) >>> 0 || 1
  const units = Array.from({ length: 4000 }, (_, i) => unit(i))
  const five = Array.from({ length: 5 }, (_, slot) => address(slot))
  const slots = (addresses: readonly Address[]) =>
    units.map(u => chooseAddress(variant(addresses, 'unit-hash'), u, null, 0)?.snapshot.slot)
  const before = slots(five)
  t.same(slots(five), before)
  for (const count of [0, 1, 2, 3, 4].map(slot => before.filter(s => s === slot).length))
    t.ok(count > 650 && count < 950, `${count} of 4000`)
  const without = slots(five.filter(({ snapshot }) => snapshot.slot !== 2))
  t.ok(
    without.every((slot, i) => before[i] === 2 || slot === before[i]),
    'only its own units move'
  )
  const growing = slots([...five, address(5, { ramp: 0.5 })])
  const grown = slots([...five, address(5)])
  t.ok(growing.every((slot, i) => slot === 5 || slot === before[i]))
  t.ok(
    growing.every((slot, i) => slot !== 5 || grown[i] === 5),
    'growth only adds units'
  )
  const [half, full] = [growing, grown].map(list => list.filter(slot => slot === 5).length)
  t.ok((half ?? 0) > (full ?? 0) * 0.35 && (half ?? 0) < (full ?? 0) * 0.65, `${half} of ${full}`)
  t.end()
})

test('takes turns when balanced by unit but the request has none', t => {
  t.same(tally(variant([address(0), address(1)], 'unit-hash'), 10), [5, 5])
  t.end()
})
