/** Data threads are told of a shadow without room where that spares them copies, and of its room always. */
import { test } from 'tap'
import { Room } from '../../src/shadow/room.ts'

const SLOT = 7

function road() {
  const said: string[] = []
  return {
    said,
    credit: () => undefined,
    full: (slot: number, isFull: boolean) => said.push(`${slot} ${isFull ? 'full' : 'free'}`)
  }
}

/** Room for two, and two copies that came in at 0. */
function fullRoom(): Room {
  const room = new Room(SLOT)
  room.resize(2)
  room.enter(0)
  room.enter(0)
  return room
}

test('has room for so many at once', async t => {
  const room = fullRoom()
  t.notOk(room.enter(1))
  room.leave(2, 2)
  t.ok(room.enter(2))
  t.notOk(room.enter(2))
  room.resize(3)
  t.ok(room.enter(3))
  room.resize(1)
  room.leave(4, 4)
  room.leave(4, 4)
  t.notOk(room.enter(5), 'what is under way beyond a new limit counts')
  room.leave(6, 6)
  t.ok(room.enter(6))
})

test('tells each road once that a shadow which answers nothing is full', async t => {
  const room = fullRoom()
  const [one, other] = [road(), road()]
  room.refused(900, one)
  t.same(one.said, [], 'it may still be fast')
  room.refused(1_000, one)
  room.refused(1_001, one)
  room.refused(1_002, other)
  t.same([one.said, other.said], [['7 full'], ['7 full']])
  room.leave(1_500, 1_500)
  t.same(
    [one.said, other.said],
    [
      ['7 full', '7 free'],
      ['7 full', '7 free']
    ]
  )
  room.leave(1_501, 1_501)
  t.equal(one.said.length, 2, 'room for another one is no news')
})

test('says so at once where the last copy took long, and never where copies are fast', async t => {
  const slow = fullRoom()
  const told = road()
  slow.leave(3_000, 3_000)
  slow.enter(3_010)
  slow.refused(3_020, told)
  t.same(told.said, ['7 full'])
  const fast = fullRoom()
  const untold = road()
  for (let now = 10; now < 10_000; now += 10) {
    fast.leave(now, 20)
    fast.enter(now)
    fast.refused(now + 9, untold)
  }
  t.same(untold.said, [])
})

test('does not take the time before the first copy for one that it takes', async t => {
  const room = new Room(SLOT)
  room.resize(1)
  const { said, ...back } = road()
  room.enter(60_000)
  room.refused(60_010, back)
  room.leave(60_020, 20)
  room.enter(120_000)
  room.refused(120_010, back)
  t.same(said, [])
})

test('tells of room that a new limit gives, and of the end of the shadow', async t => {
  const [one, gone] = [road(), road()]
  const room = fullRoom()
  room.refused(2_000, one)
  room.refused(2_000, gone)
  room.forget(gone)
  room.resize(3)
  t.same(one.said, ['7 full', '7 free'])
  room.enter(2_001)
  room.refused(2_002, one)
  room.end()
  t.same(one.said, ['7 full', '7 free', '7 full', '7 free'])
  t.same(gone.said, ['7 full'], 'a road that has ended hears nothing')
})
