import { test } from 'tap'
import { createEventRing, type Waiting } from '../../src/io/event-ring.ts'

type Numbered = Waiting & { readonly n: number }

function ringOf(most: number, queues = 1) {
  const lost: number[] = []
  const ring = createEventRing<Numbered>({ queues, most }, event => lost.push(event.n))
  return { ring, lost }
}

const event = (n: number, size = 10): Numbered => ({ n, at: n, size })
const numbers = (events: readonly Numbered[]) => events.map(({ n }) => n)

test('gives events out in their order when some are taken while others come', async t => {
  const { ring, lost } = ringOf(1_000_000)
  const got: number[] = []
  for (let n = 0; n < 5_000; n++) {
    ring.push(0, event(n))
    if (n % 7 === 0) got.push(...numbers(ring.take(0, 45)))
  }
  while (ring.events(0) > 0) got.push(...numbers(ring.take(0, 1_000)))
  t.same(
    got,
    Array.from({ length: 5_000 }, (_, n) => n)
  )
  t.equal(ring.bytes(0), 0)
  t.same(lost, [])
})

test('takes at most the bytes that are asked for, but always one, when events are of any size', async t => {
  const { ring } = ringOf(1_000)
  for (const [n, size] of [100, 40, 50, 20].entries()) ring.push(0, event(n, size))
  t.same(numbers(ring.take(0, 90)), [0])
  t.same(numbers(ring.take(0, 90)), [1, 2])
  t.same(numbers(ring.take(0, 90)), [3])
  t.same(numbers(ring.take(0, 90)), [])
})

test('drops the oldest of all queues when the bytes over all pass the bound', async t => {
  const { ring, lost } = ringOf(50, 2)
  for (let n = 0; n < 5; n++) ring.push(n % 2, event(n))
  t.same(lost, [])
  ring.push(1, event(5, 25))
  t.same(lost, [0, 1, 2])
  t.same(numbers(ring.take(0, 99)), [4])
  t.same(numbers(ring.take(1, 99)), [3, 5])
})

test('drops what comes back first when newer events took its room', async t => {
  const { ring, lost } = ringOf(50)
  for (let n = 0; n < 4; n++) ring.push(0, event(n))
  const batch = ring.take(0, 99)
  for (let n = 4; n < 7; n++) ring.push(0, event(n))
  ring.putBack(0, batch)
  t.same(lost, [0, 1])
  t.same(numbers(ring.take(0, 999)), [2, 3, 4, 5, 6])
})

test('takes out what is older than a moment when it is asked to', async t => {
  const { ring, lost } = ringOf(1_000, 2)
  for (let n = 0; n < 6; n++) ring.push(n % 2, event(n))
  t.same(numbers(ring.expire(0, 4)), [0, 2])
  t.equal(ring.bytes(0), 10)
  t.equal(ring.events(1), 3)
  t.same(lost, [])
})

test('says so when a queue is asked for that is not there', async t => {
  const { ring } = ringOf(10)
  t.throws(() => ring.take(1, 1), RangeError)
})
