/** Bytes that wait: their order, their room, and what small pieces cost. */
import { test } from 'tap'
import { HeldBody } from '../../src/data-plane/held-body.ts'
import { ByteBudget } from '../../src/domain/byte-budget.ts'

function emptied(held: HeldBody): Buffer {
  const pieces: Buffer[] = []
  for (let piece = held.next(); piece !== null; piece = held.next()) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('gives back every byte in its order and all of the room when pieces are small and large', t => {
  const budget = new ByteBudget(1 << 20)
  const held = new HeldBody(budget)
  const wanted: Buffer[] = []
  for (let i = 0; i < 400; i++) {
    const piece = Buffer.alloc([1, 13, 700, 4095, 4096, 9000][i % 6] ?? 1, i)
    wanted.push(piece)
    if (!held.add(piece)) {
      wanted.pop()
      break
    }
  }
  const all = Buffer.concat(wanted)
  t.ok(all.length > 500_000)
  t.ok(budget.held <= 1 << 20)
  t.ok(emptied(held).subarray(0, all.length).equals(all))
  t.equal(budget.held, 0)
  t.equal(held.dropped, false)
  t.end()
})

test('takes room for about as many bytes as it holds when they come one by one', t => {
  const budget = new ByteBudget(1 << 24)
  const held = new HeldBody(budget)
  for (let i = 0; i < 100_000; i++) held.add(Buffer.from([i & 0xff]))
  t.equal(held.bytes, 100_000)
  t.ok(budget.held >= 100_000 && budget.held < 120_000, `${budget.held}`)
  const first = new HeldBody(budget)
  const before = budget.held
  first.add(Buffer.from('x'))
  t.equal(budget.held - before, 1024, 'a body that has begun takes little')
  t.end()
})

test('holds nothing more when the thread has no room, and gives its room back when it is dropped', t => {
  const budget = new ByteBudget(20_000)
  const held = new HeldBody(budget)
  t.equal(held.add(Buffer.alloc(15_000)), true)
  const other = new HeldBody(budget)
  t.equal(other.add(Buffer.alloc(6000)), false)
  held.drop()
  held.drop()
  t.equal(budget.held, 0)
  t.equal(held.dropped, true)
  t.equal(held.next(), null)
  t.equal(new HeldBody(budget).add(Buffer.alloc(20_000)), true)
  t.end()
})
