import t from 'tap'
import { gguf } from './gguf.ts'
import { tinyModel } from './tiny-model.ts'

t.test('a model file begins as the format says when it is written', async t => {
  const file = Buffer.from(
    gguf({ 'general.name': { text: 'tiny' }, n: { integers: [-1, 2] } }, [
      { name: 'w', dimensions: [2, 1], data: Float32Array.of(1, -2) }
    ])
  )
  t.equal(file.toString('latin1', 0, 4), 'GGUF')
  t.equal(file.readUInt32LE(4), 3, 'the version')
  t.equal(file.readBigUInt64LE(8), 1n, 'tensors')
  t.equal(file.readBigUInt64LE(16), 2n, 'values of metadata')
  t.equal(file.readBigUInt64LE(24), 12n, 'the length of the first key')
  t.equal(file.toString('utf8', 32, 44), 'general.name')
  t.equal(file.readUInt32LE(44), 8, 'a text')
  t.equal(file.length % 32, 0, 'data is aligned')
  t.equal(file.readFloatLE(file.length - 32), 1)
  t.equal(file.readFloatLE(file.length - 28), -2)
})

t.test('no file is written when a tensor has not the numbers of its dimensions', async t => {
  const tensors = [{ name: 'w', dimensions: [2, 2], data: Float32Array.of(1) }]
  t.throws(() => gguf({}, tensors), /w: 1 numbers for \[2, 2\]/)
})

t.test('a seed gives the same small model again, and another seed another one', async t => {
  const first = Buffer.from(tinyModel(1))
  t.ok(first.equals(tinyModel(1)))
  t.notOk(first.equals(tinyModel(2)))
  t.ok(first.length < 200_000, `${first.length} bytes`)
})
