/**
 * A captured body without its content coding, bounded: what cannot be undone is said, never guessed.
 */
import type { Transform } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress
} from 'node:zlib'
import { type ContentCoding, codingsOf } from '../domain/content-coding.ts'

/** Most bytes of a decoded body. Of a longer one the beginning is given. */
export const DECODED_BYTES = 8 * 1024 * 1024

/** `more`: it goes on behind `bytes`. `broken`: it cannot be undone behind `bytes`. `unknown`: not at all. */
export type Decoded = {
  readonly bytes: Uint8Array
  readonly state: 'whole' | 'more' | 'broken' | 'unknown'
}

const MAKERS: Readonly<Record<ContentCoding, readonly (() => Transform)[]>> = {
  gzip: [createGunzip],
  br: [createBrotliDecompress],
  zstd: [createZstdDecompress],
  deflate: [createInflate, createInflateRaw] // some servers leave out the zlib frame
}

/** The body as its sender meant it, at once where it has no coding. `complete`: `body` is all of it. */
export function decoded(
  body: Uint8Array,
  contentEncoding: string | null,
  complete: boolean
): Decoded | Promise<Decoded> {
  const codings = codingsOf(contentEncoding)
  if (codings === null) return UNKNOWN
  const coded: Decoded = { bytes: body, state: complete ? 'whole' : 'more' }
  return codings.length === 0 ? coded : allUndone(codings, coded)
}

async function allUndone(codings: readonly ContentCoding[], coded: Decoded): Promise<Decoded> {
  let result = coded
  for (const coding of codings) {
    if (result.bytes.length === 0) break // nothing is nothing in any coding
    result = await undone(MAKERS[coding], result)
  }
  return result
}

const UNKNOWN: Decoded = { bytes: new Uint8Array(0), state: 'unknown' }

/** One coding undone; another way is tried where the first gives nothing. */
async function undone(makers: readonly (() => Transform)[], before: Decoded): Promise<Decoded> {
  let last: Decoded = { bytes: new Uint8Array(0), state: 'broken' }
  for (const make of makers) {
    last = await pass(make(), before)
    if (last.state !== 'broken' || last.bytes.length > 0) return last
  }
  return last
}

async function pass(stream: Transform, { bytes, state }: Decoded): Promise<Decoded> {
  const chunks: Uint8Array[] = []
  let length = 0
  let as = state
  stream.end(bytes)
  try {
    for await (const chunk of stream) {
      chunks.push(chunk)
      length += chunk.length
      if (length <= DECODED_BYTES) continue
      as = 'more'
      break
    }
  } catch {
    as = state === 'more' ? 'more' : 'broken' // a body that is cut ends in a fault of its coding
  }
  return { bytes: await joined(chunks, length), state: as }
}

/** All chunks as one, with turns for others where it is long. */
async function joined(chunks: readonly Uint8Array[], length: number): Promise<Uint8Array> {
  const whole = new Uint8Array(length)
  let at = 0
  let turnAt = COPIED
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
    if (at < turnAt) continue
    await turn()
    turnAt = at + COPIED
  }
  return whole
}

const COPIED = 1024 * 1024 // bytes between two turns
