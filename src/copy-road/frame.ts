/**
 * Copies as bytes, for the socket between a data thread and the shadow process. Both ends are this same program, so
 * that there is one version of it.
 *
 * A frame, little endian: the size of its head (u32); in the head the kind, the size of the body and one (0: there is
 * none), how many numbers and how many texts (u32 each), the numbers (f64), the sizes of the texts (u32), the texts
 * (latin1, as all of HTTP's are); then the body. They are written by batch.ts and read here.
 */
import type { BadKind, Outcome } from '../domain/counts.ts'
import type { AnswerCopy, RequestCopy } from '../domain/shadow-copy.ts'

type Copy = RequestCopy | AnswerCopy

type Parts = {
  readonly kind: number
  readonly numbers: readonly number[]
  readonly texts: readonly (string | null)[]
  readonly body: Uint8Array | null
}

export const REQUEST = 0
export const ANSWER = 1
export const WORD = 4
export const DOUBLE = 8
export const FIXED = 5 * WORD // size, kind, body, numbers, texts
export const NO_TEXT = 0xffffffff
const MOST_HEAD = 16 * 1024 * 1024 // bytes; a larger one is no head

/** Puts frames together again, however they were cut on the way. */
export class CopyReader {
  #into: Uint8Array = new Uint8Array(WORD) // what is being filled: a size, a head or a body
  #filled = 0
  #stage: 'size' | 'head' | 'body' = 'size'
  #head: Buffer = NOTHING

  /** All copies that end in this piece. Throws a RangeError where it is no frame. */
  push(piece: Uint8Array): readonly Copy[] {
    const copies: Copy[] = []
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    let at = 0
    while (at < piece.length) {
      const end = this.#stage === 'size' && this.#filled === 0 ? endOfFrame(bytes, at) : null
      if (end !== null) {
        copies.push(copyIn(bytes, at, end))
        at = end
        continue
      }
      const step = Math.min(piece.length - at, this.#into.length - this.#filled)
      this.#into.set(piece.subarray(at, at + step), this.#filled)
      this.#filled += step
      at += step
      while (this.#filled === this.#into.length) {
        const copy = this.#next()
        if (copy !== null) copies.push(copy)
      }
    }
    return copies
  }

  /** What was filled is whole. */
  #next(): Copy | null {
    const whole = this.#into
    if (this.#stage === 'size') {
      const size = sizeOfHead(Buffer.from(whole.buffer, whole.byteOffset, WORD), 0)
      return this.#want('head', size - WORD)
    }
    if (this.#stage === 'head') {
      this.#head = Buffer.from(whole.buffer, whole.byteOffset, whole.length)
      const body = this.#head.readUInt32LE(WORD)
      if (body > 1) return this.#want('body', body - 1)
      this.#want('size', WORD)
      return copyOf(this.#head, 0, whole.length, body === 0 ? null : NOTHING)
    }
    const head = this.#head
    this.#want('size', WORD)
    return copyOf(head, 0, head.length, whole)
  }

  #want(stage: 'size' | 'head' | 'body', bytes: number): null {
    this.#stage = stage
    this.#into = new Uint8Array(bytes)
    this.#filled = 0
    return null
  }
}

const NOTHING = Buffer.alloc(0)

function sizeOfHead(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32LE(at)
  if (size < FIXED || size > MOST_HEAD) throw new RangeError(`a head of ${size} bytes`)
  return size
}

/** The end of the frame that begins at `at`, or null where it is not whole. Most are, and need not be put together. */
function endOfFrame(bytes: Buffer, at: number): number | null {
  if (bytes.length - at < FIXED) return null
  const end = at + sizeOfHead(bytes, at) + Math.max(0, bytes.readUInt32LE(at + 2 * WORD) - 1)
  return end <= bytes.length ? end : null
}

/** The copy of the frame from `at` to `end`, with a body of its own. */
function copyIn(bytes: Buffer, at: number, end: number): Copy {
  const body = at + bytes.readUInt32LE(at)
  const hasBody = bytes.readUInt32LE(at + 2 * WORD) > 0
  return copyOf(bytes, at + WORD, body, hasBody ? new Uint8Array(bytes.subarray(body, end)) : null)
}

/** The head is `bytes` from `from` to `to`, without its size. */
function copyOf(bytes: Buffer, from: number, to: number, body: Uint8Array | null): Copy {
  const kind = bytes.readUInt32LE(from)
  const count = {
    numbers: bytes.readUInt32LE(from + 2 * WORD),
    texts: bytes.readUInt32LE(from + 3 * WORD)
  }
  const numbers: number[] = []
  let at = from + 4 * WORD
  for (let i = 0; i < count.numbers; i++, at += DOUBLE) numbers.push(bytes.readDoubleLE(at))
  const whole = bytes.toString('latin1', at + count.texts * WORD, to)
  const texts: (string | null)[] = []
  let start = 0
  for (let i = 0; i < count.texts; i++, at += WORD) {
    const size = bytes.readUInt32LE(at)
    texts.push(size === NO_TEXT ? null : whole.slice(start, start + size))
    if (size !== NO_TEXT) start += size
  }
  const parts = { kind, numbers, texts, body }
  return kind === REQUEST ? requestOf(parts) : answerOf(parts)
}

function requestOf({ numbers, texts, body }: Parts): RequestCopy {
  const [id = 0, unitHash = 0, arrivedAt = 0, wholeAt = 0, ...slots] = numbers
  const [route, revision, requestId, unit, method, target, path, ...fields] = texts
  return {
    kind: 'request',
    id,
    slots,
    route: route ?? '',
    revision: revision ?? '',
    requestId: requestId ?? '',
    unit: unit ?? null,
    unitHash,
    method: method ?? '',
    target: target ?? '',
    path: path ?? '',
    fields: fields as string[], // none of them is null at the other end
    body,
    arrivedAt,
    wholeAt
  }
}

function answerOf({ numbers, texts, body }: Parts): AnswerCopy {
  const [id = 0, status = 0, latencyMs = 0, firstMs = 0, length = -1, bytes = 0, cut, credit = 0] =
    numbers
  const [variant, outcome, contentType, contentEncoding, ...bad] = texts
  return {
    kind: 'answer',
    id,
    variant: variant ?? '',
    outcome: outcome as Outcome, // the other end's own
    status,
    latencyMs,
    firstMs,
    contentType: contentType ?? null,
    contentEncoding: contentEncoding ?? null,
    inferenceHeaderLength: length < 0 ? null : length,
    bytes,
    body,
    truncated: cut === 1,
    bad: bad as BadKind[], // likewise
    credit
  }
}
