import { test } from 'tap'
import { Slabs, type Slice } from '../../src/io/slabs.ts'
import { seeded } from '../helpers/seeded.ts'

const SLAB = 4 * 1024 * 1024

function write(slabs: Slabs, text: string): Slice {
  return slabs.write(text, Buffer.byteLength(text))
}

test('gives each text as it came when others come and go around it', async t => {
  const random = seeded(7)
  const slabs = new Slabs()
  const waiting: { readonly text: string; readonly slice: Slice }[] = []
  let wrong = 0
  for (let n = 0; n < 1_000; n++) {
    const text = `${n} ${'aäz€𝄞'.repeat(Math.floor(random() ** 4 * 20_000))}`
    waiting.push({ text, slice: write(slabs, text) })
    while (waiting.length > 40 * random()) {
      const [first] = waiting.splice(random() < 0.9 ? 0 : waiting.length - 1, 1)
      if (first?.slice.bytes().toString() !== first?.text) wrong++
      first?.slice.free()
    }
  }
  t.equal(wrong, 0)
})

test('holds little more than what waits, and next to nothing when nothing does', async t => {
  const slabs = new Slabs()
  const text = 'x'.repeat(100_000)
  const waiting: Slice[] = []
  for (let n = 0; n < 10_000; n++) {
    waiting.push(write(slabs, text))
    if (waiting.length > 300) waiting.shift()?.free()
  }
  t.ok(slabs.held <= 300 * 100_000 * 1.03 + 2 * SLAB, `${slabs.held} bytes`)
  for (const slice of waiting) slice.free()
  t.ok(slabs.held <= SLAB, `${slabs.held} bytes`)
})

test('gives a text a slab of its own when it is larger than one, and takes it back at its end', async t => {
  const slabs = new Slabs()
  const small = write(slabs, 'small')
  const large = write(slabs, 'l'.repeat(3 * SLAB))
  t.equal(slabs.held, 4 * SLAB)
  t.equal(large.bytes().length, 3 * SLAB)
  large.free()
  large.free()
  t.equal(slabs.held, SLAB)
  t.equal(small.bytes().toString(), 'small')
})
