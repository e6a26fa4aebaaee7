/** Data threads are told of a shadow that takes no copies where that spares them some, and of the end of it always. */
import { test } from 'tap'
import type { ShadowClosed } from '../../src/domain/shadow.ts'
import { Room } from '../../src/shadow/room.ts'

const SLOT = 7
const there = { isAway: () => false }
const away = { isAway: () => true }

function road() {
  const said: string[] = []
  return {
    said,
    credit: () => undefined,
    closed: (slot: number, why: ShadowClosed | null) => said.push(`${slot} ${why ?? 'open'}`)
  }
}

/** Room for two, and two copies that came in at 0. */
function fullRoom(): Room {
  const room = new Room(SLOT)
  room.renew(2, there)
  room.enter(0, road())
  room.enter(0, road())
  return room
}

test('has room for so many at once', async t => {
  const room = fullRoom()
  const { said, ...back } = road()
  t.equal(room.enter(1, back), 'concurrency')
  room.leave(2, 2)
  t.equal(room.enter(2, back), null)
  t.equal(room.enter(2, back), 'concurrency')
  room.renew(3, there)
  t.equal(room.enter(3, back), null)
  room.renew(1, there)
  room.leave(4, 4)
  room.leave(4, 4)
  t.equal(room.enter(5, back), 'concurrency', 'what is under way beyond a new limit counts')
  room.leave(6, 6)
  t.equal(room.enter(6, back), null)
  t.same(said, [])
})

test('tells each road once that a shadow which answers nothing is full', async t => {
  const room = fullRoom()
  const [one, other] = [road(), road()]
  room.enter(900, one)
  t.same(one.said, [], 'it may still be fast')
  room.enter(1_000, one)
  room.enter(1_001, one)
  room.enter(1_002, other)
  t.same([one.said, other.said], [['7 concurrency'], ['7 concurrency']])
  room.leave(1_500, 1_500)
  t.same(
    [one.said, other.said],
    [
      ['7 concurrency', '7 open'],
      ['7 concurrency', '7 open']
    ]
  )
  room.leave(1_501, 1_501)
  t.equal(one.said.length, 2, 'room for another one is no news')
})

test('says so at once where the last copy took long, and never where copies are fast', async t => {
  const slow = fullRoom()
  const told = road()
  slow.leave(3_000, 3_000)
  slow.enter(3_010, told)
  slow.enter(3_020, told)
  t.same(told.said, ['7 concurrency'])
  const fast = fullRoom()
  const untold = road()
  for (let now = 10; now < 10_000; now += 10) {
    fast.leave(now, 20)
    fast.enter(now, untold)
    fast.enter(now + 9, untold)
  }
  t.same(untold.said, [])
})

test('does not take the time before the first copy for one that it takes', async t => {
  const room = new Room(SLOT)
  room.renew(1, there)
  const { said, ...back } = road()
  room.enter(60_000, back)
  room.enter(60_010, back)
  room.leave(60_020, 20)
  room.enter(120_000, back)
  room.enter(120_010, back)
  t.same(said, [])
})

test('tells of room that a new limit gives, and of the end of the shadow', async t => {
  const [one, gone] = [road(), road()]
  const room = fullRoom()
  room.enter(2_000, one)
  room.enter(2_000, gone)
  room.forget(gone)
  room.renew(2, there)
  t.same(one.said, ['7 concurrency'], 'the same limit gives none')
  room.renew(3, there)
  t.same(one.said, ['7 concurrency', '7 open'])
  room.enter(2_001, one)
  room.enter(2_002, one)
  room.end()
  t.same(one.said, ['7 concurrency', '7 open', '7 concurrency', '7 open'])
  t.same(gone.said, ['7 concurrency'], 'a road that has ended hears nothing')
})

test('tells of a shadow that cannot be reached, and when it can be again', async t => {
  const [one, other] = [road(), road()]
  const room = new Room(SLOT)
  let isAway = false
  room.renew(2, { isAway: () => isAway })
  t.equal(room.enter(0, one), null)
  isAway = true
  t.equal(room.enter(1, one), 'unreachable')
  room.enter(2, one)
  room.enter(2, other)
  t.same([one.said, other.said], [['7 unreachable'], ['7 unreachable']])
  room.leave(3, 3)
  room.reachable()
  t.equal(one.said.length, 1, 'while no address is there nothing brings it back')
  isAway = false
  room.reachable()
  t.same([one.said[1], other.said[1]], ['7 open', '7 open'])
  t.equal(room.enter(30, one), null)
})

test('goes by its new addresses when it gets others, and forgets them when it ends', async t => {
  const { said, ...back } = road()
  const room = new Room(SLOT)
  room.renew(1, away)
  room.enter(0, back)
  room.renew(2, away)
  t.same(said, ['7 unreachable'], 'others that are not there either')
  room.renew(1, there)
  t.equal(room.enter(1, back), null)
  room.renew(1, away)
  room.enter(2, back)
  room.end()
  t.same(said, ['7 unreachable', '7 open', '7 unreachable', '7 open'])
})
