import { test } from 'tap'
import {
  addressAnswered,
  addressFailed,
  EJECT_AFTER,
  EJECT_MS
} from '../../src/data-plane/ejection.ts'
import { ADDRESSES, AT, countersOver, regionBytes } from '../../src/domain/counts.ts'

function standing() {
  return { inFlight: 0, failures: 0, ejectedUntil: 0, ejections: 0 }
}

test('puts an address out when it failed several times in a row, and counts that', async t => {
  const counters = countersOver(new ArrayBuffer(regionBytes(0)), 0)
  const address = standing()
  for (let i = 1; i < EJECT_AFTER; i++) addressFailed(address, counters, 3, 1000)
  t.equal(address.ejectedUntil, 0)
  addressFailed(address, counters, 3, 1000)
  t.equal(address.ejectedUntil, 1000 + EJECT_MS)
  t.equal(counters.words[AT.addresses + 3 * ADDRESSES.size + ADDRESSES.ejected], 1)
  addressFailed(address, counters, 3, 1000 + EJECT_MS - 1)
  t.equal(address.ejectedUntil, 1000 + EJECT_MS, 'what was under way does not prolong it')
})

test('puts an address out for longer when its trial fails, and forgets all when it answers', async t => {
  const counters = countersOver(new ArrayBuffer(regionBytes(0)), 0)
  const address = standing()
  for (let i = 0; i < EJECT_AFTER; i++) addressFailed(address, counters, 0, 0)
  addressFailed(address, counters, 0, EJECT_MS)
  t.equal(address.ejectedUntil, EJECT_MS + 2 * EJECT_MS)
  for (let i = 0; i < 20; i++) addressFailed(address, counters, 0, address.ejectedUntil)
  t.ok(address.ejectedUntil < 20 * 60_000 + EJECT_MS, 'there is a longest time')
  addressAnswered(address)
  t.same(address, standing())
})

test('begins to count anew when an answer comes in between', async t => {
  const counters = countersOver(new ArrayBuffer(regionBytes(0)), 0)
  const address = standing()
  for (let i = 0; i < 20; i++) {
    addressFailed(address, counters, 0, i)
    if (i % 3 === 0) addressAnswered(address)
  }
  t.equal(address.ejectedUntil, 0)
})
