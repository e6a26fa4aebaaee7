/**
 * Undoing the content coding of an answer on the observed copy of it (RFC 9110 section 8.4), as it comes in.
 *
 * Decoding runs beside the answer and never holds it back; the client has the original bytes. It is bounded on
 * both sides: what a reader would not look at is not decoded, an input that gives little is given up, and a zstd
 * window is at most 8 MiB (RFC 9659), so that no answer costs more than its beginning is worth.
 */

import type { Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress
} from 'node:zlib'
import type { ContentCoding } from '../domain/content-coding.ts'
import { SCAN_BYTES } from '../domain/payload/reading.ts'

/** How a decoding ended: `whole`, `more` than is looked at, or a `broken` coding. */
export type DecodingEnd = 'whole' | 'more' | 'broken'

export type ContentDecoder = {
  write(chunk: Uint8Array): void
  /** The last byte was written: the end is told when all of it is decoded. */
  end(): void
  /** Nothing more is told. */
  destroy(): void
}

const MOST_INPUT = 2 * SCAN_BYTES
/** Written and not decoded yet: beyond it the decoding is behind for good. */
const MOST_BEHIND = 4 * SCAN_BYTES
const ZSTD = { params: { [constants.ZSTD_d_windowLogMax]: 23 } }

/** `onData` gets decoded bytes, at most SCAN_BYTES and a piece; `onEnd` is called once, perhaps in a write. */
export function contentDecoder(
  codings: readonly ContentCoding[],
  onData: (chunk: Uint8Array) => void,
  onEnd: (end: DecodingEnd) => void
): ContentDecoder {
  return new Decoder(codings, onData, onEnd)
}

type Layer = (first: number) => Transform

/** Some servers leave the frame of zlib out of deflate: the first byte tells. */
const LAYERS: Readonly<Record<ContentCoding, Layer>> = {
  gzip: () => createGunzip(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(ZSTD),
  deflate: first => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw())
}

class Decoder implements ContentDecoder {
  readonly #codings: readonly ContentCoding[]
  readonly #onData: (chunk: Uint8Array) => void
  readonly #onEnd: (end: DecodingEnd) => void
  readonly #layers: Transform[] = []
  #input = 0
  #output = 0
  #over = false

  constructor(
    codings: readonly ContentCoding[],
    onData: (chunk: Uint8Array) => void,
    onEnd: (end: DecodingEnd) => void
  ) {
    this.#codings = codings
    this.#onData = onData
    this.#onEnd = onEnd
  }

  write(chunk: Uint8Array): void {
    if (this.#over || chunk.length === 0) return
    const room = MOST_INPUT - this.#input
    this.#input += chunk.length
    if (room > 0) this.#pass(0, room < chunk.length ? chunk.subarray(0, room) : chunk)
    if (this.#behind > MOST_BEHIND) this.#tell('more')
  }

  end(): void {
    if (this.#input === 0) queueMicrotask(() => this.#tell('whole'))
    else this.#layers[0]?.end()
  }

  destroy(): void {
    this.#over = true
    for (const layer of this.#layers) layer.destroy()
  }

  get #behind(): number {
    return this.#layers[0]?.writableLength ?? 0
  }

  /** Gives bytes to the layer of a depth, or to the reader behind the last. */
  #pass(depth: number, chunk: Uint8Array): void {
    const coding = this.#codings[depth]
    if (coding !== undefined) {
      this.#layer(depth, coding, chunk[0] ?? 0).write(chunk)
      return
    }
    this.#output += chunk.length
    this.#onData(chunk)
    if (this.#output > SCAN_BYTES) this.#tell('more')
  }

  #layer(depth: number, coding: ContentCoding, first: number): Transform {
    const known = this.#layers[depth]
    if (known !== undefined) return known
    const layer = LAYERS[coding](first)
    this.#layers.push(layer)
    layer.on('data', (chunk: Uint8Array) => {
      if (!this.#over) this.#pass(depth + 1, chunk)
    })
    layer.on('end', () => this.#ended(depth))
    layer.on('error', () => this.#tell(this.#input > MOST_INPUT ? 'more' : 'broken'))
    return layer
  }

  /** A layer may end before the last byte was written: what follows a coding is not part of it. */
  #ended(depth: number): void {
    const next = this.#layers[depth + 1]
    if (next !== undefined) next.end()
    else if (this.#input > MOST_INPUT) this.#tell('more')
    else this.#tell('whole')
  }

  #tell(end: DecodingEnd): void {
    if (this.#over) return
    this.destroy()
    this.#onEnd(end)
  }
}
