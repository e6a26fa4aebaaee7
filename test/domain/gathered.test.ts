import { test } from 'tap'
import { Gathered } from '../../src/domain/gathered.ts'
import { seeded } from '../helpers/seeded.ts'

test('gives the bytes as they came when they are in any pieces', t => {
  const random = seeded(1)
  for (let round = 0; round < 200; round++) {
    const body = Buffer.from(
      Array.from({ length: Math.floor(random() * 5000) }, () => random() * 256)
    )
    const gathered = new Gathered()
    for (let at = 0; at < body.length; ) {
      const size = random() < 0.5 ? 1 : Math.floor(random() * 3000)
      gathered.add(body.subarray(at, at + size))
      at += size
    }
    t.equal(gathered.bytes, body.length)
    t.ok(Buffer.from(gathered.whole() ?? []).equals(body))
  }
  t.end()
})

test('keeps no view of a piece, also when it is all there is', t => {
  const piece = Buffer.alloc(5000, 'a')
  const gathered = new Gathered()
  gathered.add(piece)
  piece.fill('b')
  t.equal(gathered.whole()?.[0], 97)
  t.equal(gathered.whole()?.buffer.byteLength, 5000)
  t.equal(new Gathered().whole(), null)
  t.end()
})
