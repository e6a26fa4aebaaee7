/** Decoding the observed copy: every coding, in any pieces, bounded, broken or not known. */
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync
} from 'node:zlib'
import { test } from 'tap'
import { contentDecoder, type DecodingEnd } from '../../src/data-plane/content-decoder.ts'
import { codingsOf } from '../../src/domain/content-coding.ts'
import { SCAN_BYTES } from '../../src/domain/payload/reading.ts'

const TEXT = Buffer.from(JSON.stringify({ predictions: Array.from({ length: 2000 }, (_, i) => i) }))

type Decoded = { readonly bytes: Buffer; readonly end: DecodingEnd }

async function decodedIn(
  coding: string,
  body: Buffer,
  size: number,
  turns = false
): Promise<Decoded> {
  const codings = codingsOf(coding)
  if (codings === null) throw new Error(`${coding} is not known`)
  const chunks: Buffer[] = []
  let told = 0
  const { promise, resolve } = Promise.withResolvers<DecodingEnd>()
  const decoder = contentDecoder(
    codings,
    chunk => chunks.push(Buffer.from(chunk)),
    how => {
      told++
      resolve(how)
    }
  )
  for (let at = 0; at < body.length; at += size) {
    decoder.write(body.subarray(at, at + size))
    if (turns) await new Promise(resolve => setImmediate(resolve))
  }
  decoder.end()
  const how = await promise
  await new Promise(resolve => setImmediate(resolve))
  if (told !== 1) throw new Error(`the end was told ${told} times`)
  return { bytes: Buffer.concat(chunks), end: how }
}

test('undoes every coding that clients ask for when it comes whole or in pieces', async t => {
  const cases: readonly (readonly [string, Buffer])[] = [
    ['gzip', gzipSync(TEXT)],
    ['X-GZIP', gzipSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['zstd', zstdCompressSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['deflate', deflateRawSync(TEXT)],
    ['gzip, identity, br', brotliCompressSync(gzipSync(TEXT))],
    ['gzip', Buffer.concat([gzipSync(TEXT.subarray(0, 999)), gzipSync(TEXT.subarray(999))])]
  ]
  for (const [coding, body] of cases) {
    for (const size of [body.length, 97, 1]) {
      const { bytes, end } = await decodedIn(coding, body, size)
      t.equal(end, 'whole', `${coding} by ${size}`)
      t.ok(bytes.equals(TEXT))
    }
  }
})

test('says that a coding is broken when it is, or ends before its end', async t => {
  const body = gzipSync(TEXT)
  const flipped = Buffer.from(body)
  flipped[body.length - 6] = (flipped[body.length - 6] ?? 0) ^ 0xff
  for (const broken of [flipped, body.subarray(0, -9), TEXT, Buffer.from('\x1f')]) {
    t.equal((await decodedIn('gzip', broken, 500)).end, 'broken')
  }
  t.equal((await decodedIn('zstd', TEXT, 500)).end, 'broken')
  t.equal((await decodedIn('br', brotliCompressSync(TEXT).subarray(0, -3), 500)).end, 'broken')
})

test('stops with the beginning when a small body would become a large one', async t => {
  const zeros = Buffer.alloc(64 * 1024 * 1024, '0')
  for (const [coding, body] of [
    ['gzip', gzipSync(zeros)],
    ['br', brotliCompressSync(zeros)],
    ['zstd', zstdCompressSync(zeros)],
    ['gzip, gzip', gzipSync(gzipSync(zeros))]
  ] as const) {
    const { bytes, end } = await decodedIn(coding, body, 16_384, true)
    t.equal(end, 'more', coding)
    t.ok(bytes.length > SCAN_BYTES && bytes.length < SCAN_BYTES + 200_000, `${bytes.length}`)
  }
})

test('gives up an input when it is long and gives nothing', async t => {
  const empty = gzipSync('')
  const body = Buffer.concat(Array.from({ length: 60_000 }, () => empty))
  t.ok(body.length > 2 * SCAN_BYTES)
  t.same(await decodedIn('gzip', body, 65_536), { bytes: Buffer.alloc(0), end: 'more' })
})

test('ends whole when there was nothing to decode', async t => {
  t.same(await decodedIn('gzip', Buffer.alloc(0), 1), { bytes: Buffer.alloc(0), end: 'whole' })
})
