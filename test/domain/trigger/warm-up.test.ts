import { test } from 'tap'
import { ADDRESS_FLAGS, ADDRESSES, AT, type Counters } from '../../../src/domain/counts.ts'
import { WarmUp } from '../../../src/domain/trigger/warm-up.ts'
import { freshCounters } from '../../helpers/observation.ts'

const add = (c: Counters, word: number, n: number, slot = 0) => {
  const at = AT.addresses + slot * ADDRESSES.size + word
  c.words[at] = (c.words[at] ?? 0) + n
}
const arm = (counters: Counters[], healthy = true, slots = [0]) => ({
  counters,
  addresses: slots.map(slot => ({ slot, healthy })),
  weight: 1000
})
const serve = (c: Counters, n: number) => {
  add(c, ADDRESSES.sent, n)
  add(c, ADDRESSES.answered, n)
}

test('an address is warm after 30 s and 200 requests, both', async t => {
  const c = freshCounters()
  const warmUp = new WarmUp()
  warmUp.tick(arm([c]), 0)
  serve(c, 300)
  t.strictSame(warmUp.tick(arm([c]), 1_000), [])
  t.strictSame(warmUp.tick(arm([c]), 30_999), [], 'many requests, too early')
  t.strictSame(warmUp.tick(arm([c]), 31_000), [{ slot: 0, warm: true }])
  t.equal(c.words[AT.addresses + ADDRESSES.flags], ADDRESS_FLAGS.warm)
  t.strictSame(warmUp.tick(arm([c]), 32_000), [])
  t.equal(warmUp.anyWarm, true)
  t.equal(warmUp.anyAnswered, true)
  t.equal(warmUp.firstSentAt, 1_000)
})

test('an address is warm after two minutes when it gets few requests', async t => {
  const c = freshCounters()
  const warmUp = new WarmUp()
  warmUp.tick(arm([c]), 0)
  t.strictSame(warmUp.tick(arm([c]), 200_000), [], 'not without any')
  serve(c, 1)
  warmUp.tick(arm([c]), 201_000)
  t.strictSame(warmUp.tick(arm([c]), 320_999), [])
  t.strictSame(warmUp.tick(arm([c]), 321_000), [{ slot: 0, warm: true }])
})

/** A warm address. */
function warm() {
  const c = freshCounters()
  c.words[AT.addresses + ADDRESSES.flags] = ADDRESS_FLAGS.warm
  const warmUp = new WarmUp()
  t0(warmUp, c)
  return { c, warmUp }
}
function t0(warmUp: WarmUp, c: Counters): void {
  warmUp.tick(arm([c]), 0)
  serve(c, 10)
  warmUp.tick(arm([c]), 250)
}

test('an address is cold again when it was unhealthy and answers', async t => {
  const { c, warmUp } = warm()
  t.equal(warmUp.anyWarm, true, 'the flag in the counters is believed at first')
  t.strictSame(warmUp.tick(arm([c], false), 500), [])
  t.strictSame(warmUp.tick(arm([c]), 750), [])
  serve(c, 1)
  t.strictSame(warmUp.tick(arm([c]), 1_000), [{ slot: 0, warm: false }])
  serve(c, 300)
  t.strictSame(warmUp.tick(arm([c]), 31_000), [{ slot: 0, warm: true }])
})

test('a refused connection among answers is no restart, one in a tick without answers is', async t => {
  const { c, warmUp } = warm()
  add(c, ADDRESSES.connectFailures, 1)
  serve(c, 1)
  t.strictSame(warmUp.tick(arm([c]), 500), [])
  serve(c, 1)
  t.strictSame(warmUp.tick(arm([c]), 750), [])
  add(c, ADDRESSES.connectFailures, 1)
  t.strictSame(warmUp.tick(arm([c]), 1_000), [])
  serve(c, 1)
  t.strictSame(warmUp.tick(arm([c]), 1_250), [{ slot: 0, warm: false }])
})

test('a new thread gets the flag when it appears', async t => {
  const { c, warmUp } = warm()
  const second = freshCounters()
  t.strictSame(warmUp.tick(arm([c, second]), 500), [{ slot: 0, warm: true }])
  t.equal(second.words[AT.addresses + ADDRESSES.flags], ADDRESS_FLAGS.warm)
})

test('a slot begins anew when its address left, or the variant is another', async t => {
  const { c, warmUp } = warm()
  warmUp.tick(arm([c], true, []), 500)
  t.equal(warmUp.anyWarm, false)
  t.equal(warmUp.anyAnswered, false)
  const other = freshCounters()
  serve(other, 500)
  warmUp.tick(arm([other]), 750)
  t.equal(warmUp.anyWarm, false)
  t.equal(warmUp.firstSentAt, -1)
})
