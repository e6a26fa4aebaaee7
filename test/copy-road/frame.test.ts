/** Copies as bytes: what comes out is what went in, however the bytes were cut. */
import { test } from 'tap'
import { CopyBatch } from '../../src/copy-road/batch.ts'
import { CopyReader } from '../../src/copy-road/frame.ts'
import type { AnswerCopy, RequestCopy } from '../../src/domain/shadow-copy.ts'
import { answerCopy } from '../helpers/copies.ts'

const request: RequestCopy = {
  kind: 'request',
  id: 2 ** 40 + 1,
  slots: [0, 1023],
  route: 'fraud',
  revision: '3-17',
  requestId: 'request-1',
  unit: '\u0000user \u00ff\n',
  unitHash: 0xffffffff,
  method: 'POST',
  target: '/v2/models/m/infer?a=%20',
  path: '/v2/models/m/infer',
  fields: ['content-type', 'application/json', 'x-empty', '', 'x-latin', 'caf\u00e9'],
  body: Buffer.from('{"inputs":[]}'),
  arrivedAt: 1_795_000_000_123,
  wholeAt: 1_795_000_000_456
}
const answer: AnswerCopy = {
  kind: 'answer',
  id: 7,
  variant: 'v3',
  outcome: 'bad_prediction',
  status: 200,
  latencyMs: 12.345678,
  firstMs: 0.1,
  contentType: 'application/octet-stream',
  contentEncoding: null,
  inferenceHeaderLength: 0,
  bytes: 2 ** 33,
  body: Buffer.alloc(40_000, 'b'),
  truncated: true,
  bad: ['nan', 'null'],
  credit: 32 * 1024 * 1024
}
const nothing = answerCopy(0, { variant: '', outcome: 'reset' })
const ALL = [
  request,
  answer,
  nothing,
  { ...request, unit: null, body: null, fields: [], slots: [3] },
  { ...request, unit: '', body: new Uint8Array(0) },
  { ...nothing, inferenceHeaderLength: 12, contentType: '', body: Buffer.alloc(1) }
]

/** Bodies as text: a view of another class is the same body. */
function plain(copies: readonly (RequestCopy | AnswerCopy)[]) {
  return copies.map(copy => ({
    ...copy,
    body: copy.body === null ? null : Buffer.from(copy.body).toString('latin1')
  }))
}

function chunksOf(copies: readonly (RequestCopy | AnswerCopy)[]): readonly Uint8Array[] {
  const batch = new CopyBatch()
  for (const copy of copies) batch.add(copy)
  return batch.take().chunks
}

test('gives every copy back as it was', t => {
  const bytes = Buffer.concat(chunksOf(ALL))
  t.strictSame(plain(new CopyReader().push(bytes)), plain(ALL))
  t.end()
})

test('gives the same however the bytes are cut', t => {
  const bytes = Buffer.concat(chunksOf(ALL))
  for (const size of [1, 2, 3, 5, 7, 64, 1000, 16_384]) {
    const reader = new CopyReader()
    const copies = []
    for (let at = 0; at < bytes.length; at += size) {
      copies.push(...reader.push(bytes.subarray(at, at + size)))
    }
    t.strictSame(plain(copies), plain(ALL), `pieces of ${size}`)
  }
  t.end()
})

test('writes a large body from where it is', t => {
  const { body } = answer
  t.ok(chunksOf([request, answer, nothing]).includes(body ?? new Uint8Array(0)))
  t.end()
})

test('gives each copy a body of its own, that can be released', t => {
  const bytes = Buffer.concat(chunksOf([request, request]))
  const [one, other] = new CopyReader().push(bytes)
  t.not(one?.body?.buffer, other?.body?.buffer)
  t.equal(one?.body?.buffer.byteLength, one?.body?.length)
  t.end()
})

test('refuses what is no frame', t => {
  t.throws(() => new CopyReader().push(Buffer.from('GET / HTTP/1.1\r\n')), RangeError)
  t.throws(() => new CopyReader().push(Buffer.alloc(4)), RangeError)
  t.end()
})

test('gives copies of any size back from memory that is used again', t => {
  const batch = new CopyBatch()
  const reader = new CopyReader()
  const before: ReturnType<CopyBatch['take']>[] = []
  for (let round = 0; round < 50; round++) {
    const sizes = [1, 300, 16_383, 16_384, 70_000, 200].map(size => size + round)
    const copies = sizes.map(size => ({ ...answer, body: Buffer.alloc(size, round) }))
    const long = { ...request, fields: ['x-long', 'l'.repeat(30_000 + 800 * round)] }
    const all = [...copies, long, ...copies]
    for (const copy of all) batch.add(copy)
    const { bytes } = batch
    const taken = batch.take()
    const sent = Buffer.concat(taken.chunks)
    t.equal(sent.length, bytes)
    t.equal(batch.bytes, 0)
    t.strictSame(plain(reader.push(sent)), plain(all))
    before.push(taken)
    const written = before.length > 2 ? before.shift() : undefined // two batches are under way
    if (written !== undefined) batch.reuse(written.slab)
  }
  t.end()
})

test('never writes over a batch that is under way', t => {
  const batch = new CopyBatch()
  batch.add(request)
  const { chunks } = batch.take()
  const text = Buffer.concat(chunks).toString('latin1')
  for (let i = 0; i < 100; i++) batch.add(answer)
  batch.take()
  t.equal(Buffer.concat(chunks).toString('latin1'), text)
  t.end()
})
