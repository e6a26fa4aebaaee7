/** Data threads are told of a shadow that takes no copies where that spares them some, and of the end of it always. */
import { test } from 'tap'
import type { RoadBack } from '../../src/copy-road/accept-roads.ts'
import type { ShadowClosed, ShadowDrop } from '../../src/domain/shadow.ts'
import { Room } from '../../src/shadow/room.ts'
import { until } from '../helpers/until.ts'

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

/** A copy comes; gives what became of it, then and later. */
function enter(room: Room, now: number, back: RoadBack): string[] {
  const became: string[] = []
  const entrant = { go: () => became.push('in'), refuse: (why: ShadowDrop) => became.push(why) }
  room.enter(now, back, entrant)
  return became
}

/** Room for two, and two copies that came in at 0. */
function fullRoom(): Room {
  const room = new Room(SLOT)
  room.renew(2, there, 0)
  enter(room, 0, road())
  enter(room, 0, road())
  return room
}

test('has room for so many at once, and who comes then waits for it', async t => {
  const room = fullRoom()
  const { said, ...back } = road()
  const first = enter(room, 1, back)
  t.same(first, [])
  room.leave(2, 2)
  t.same(first, ['in'])
  const [second, third] = [enter(room, 2, back), enter(room, 3, back)]
  room.renew(3, there, 4)
  t.same([second, third], [['in'], []], 'a new limit gives room, to the first in line')
  room.renew(1, there, 5)
  room.leave(6, 6)
  room.leave(6, 6)
  t.same(third, [], 'what is under way beyond a new limit counts')
  room.leave(7, 7)
  t.same(third, ['in'])
  t.same(said, [])
})

test('lets nobody wait for long, and not many', async t => {
  const room = fullRoom()
  const { said, ...back } = road()
  const waiting = Array.from({ length: 8 }, (_, i) => enter(room, i, back))
  t.same(enter(room, 8, back), ['concurrency'], 'four wait for each that is in')
  room.expire(249)
  t.same(waiting[0], [])
  room.expire(251)
  t.same(waiting.slice(0, 3), [['concurrency'], ['concurrency'], []])
  room.leave(254, 254)
  t.same(waiting.slice(2, 6), [['concurrency'], ['concurrency'], ['concurrency'], ['in']])
  await until('the last of them to have waited', () => waiting.every(({ length }) => length === 1))
  t.same(said, [], 'it may be fast all the same')
})

test('lets all in that find room, also where each is done at once', async t => {
  const room = fullRoom()
  const { said: _said, ...back } = road()
  let done = 0
  const atOnce = {
    go: () => {
      done++
      room.leave(1, 0)
    },
    refuse: () => t.fail('there is room')
  }
  for (let i = 0; i < 8; i++) room.enter(1, back, atOnce)
  room.leave(1, 1)
  t.equal(done, 8)
})

test('sends who waits away when the shadow cannot be reached, or is gone', async t => {
  const room = new Room(SLOT)
  const { said, ...back } = road()
  let isAway = false
  room.renew(1, { isAway: () => isAway }, 0)
  enter(room, 0, back)
  const [one, other] = [enter(room, 1, back), enter(room, 1, back)]
  isAway = true
  room.leave(2, 2)
  t.same([one, other, said], [['unreachable'], ['unreachable'], ['7 unreachable']])
  const last = fullRoom()
  const waits = enter(last, 1, back)
  last.end(2)
  t.same(waits, ['off'])
})

test('tells each road once that a shadow which answers nothing is full', async t => {
  const room = fullRoom()
  const [one, other] = [road(), road()]
  enter(room, 900, one)
  t.same(one.said, [], 'it may still be fast')
  enter(room, 1_000, one)
  enter(room, 1_001, one)
  enter(room, 1_002, other)
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
  enter(slow, 3_010, told)
  enter(slow, 3_020, told)
  t.same(told.said, ['7 concurrency'])
  const fast = fullRoom()
  const untold = road()
  for (let now = 10; now < 10_000; now += 10) {
    fast.leave(now, 20)
    enter(fast, now, untold)
    enter(fast, now + 9, untold)
  }
  t.same(untold.said, [])
})

test('does not take the time before the first copy for one that it takes', async t => {
  const room = new Room(SLOT)
  room.renew(1, there, 0)
  const { said, ...back } = road()
  enter(room, 60_000, back)
  enter(room, 60_010, back)
  room.leave(60_020, 20)
  room.leave(60_030, 10)
  enter(room, 120_000, back)
  enter(room, 120_010, back)
  t.same(said, [])
})

test('tells of room that a new limit gives, and of the end of the shadow', async t => {
  const [one, gone] = [road(), road()]
  const room = fullRoom()
  enter(room, 2_000, one)
  enter(room, 2_000, gone)
  room.forget(gone)
  room.renew(2, there, 0)
  t.same(one.said, ['7 concurrency'], 'the same limit gives none')
  room.renew(3, there, 0)
  t.same(one.said, ['7 concurrency', '7 open'])
  enter(room, 2_001, one)
  enter(room, 2_002, one)
  room.end(0)
  t.same(one.said, ['7 concurrency', '7 open', '7 concurrency', '7 open'])
  t.same(gone.said, ['7 concurrency'], 'a road that has ended hears nothing')
})

test('tells of a shadow that cannot be reached, and when it can be again', async t => {
  const [one, other] = [road(), road()]
  const room = new Room(SLOT)
  let isAway = false
  room.renew(2, { isAway: () => isAway }, 0)
  t.same(enter(room, 0, one), ['in'])
  isAway = true
  t.same(enter(room, 1, one), ['unreachable'])
  enter(room, 2, one)
  enter(room, 2, other)
  t.same([one.said, other.said], [['7 unreachable'], ['7 unreachable']])
  room.leave(3, 3)
  room.reachable()
  t.equal(one.said.length, 1, 'while no address is there nothing brings it back')
  isAway = false
  room.reachable()
  t.same([one.said[1], other.said[1]], ['7 open', '7 open'])
  t.same(enter(room, 30, one), ['in'])
})

test('goes by its new addresses when it gets others, and forgets them when it ends', async t => {
  const { said, ...back } = road()
  const room = new Room(SLOT)
  room.renew(1, away, 0)
  enter(room, 0, back)
  room.renew(2, away, 0)
  t.same(said, ['7 unreachable'], 'others that are not there either')
  room.renew(1, there, 0)
  t.same(enter(room, 1, back), ['in'])
  room.renew(1, away, 0)
  enter(room, 2, back)
  room.end(0)
  t.same(said, ['7 unreachable', '7 open', '7 unreachable', '7 open'])
})
