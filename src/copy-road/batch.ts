/**
 * Copies become bytes here, as they come (the format: frame.ts). Made for the data thread: a frame is written where it
 * is sent from, in memory that is used again, and makes next to nothing for the collector.
 */
import { type AnswerCopy, OWN_BYTES, type RequestCopy } from '../domain/shadow-copy.ts'
import { ANSWER, DOUBLE, FIXED, NO_TEXT, REQUEST, WORD } from './frame.ts'

const SLAB_BYTES = 64 * 1024

type Slab = { readonly bytes: Buffer; readonly view: DataView } // of the same memory

const NONE = slabOf(0)

/** What was added between two takes. `slab` is to be given to `reuse` when all chunks are written. */
export type Batch = {
  readonly chunks: readonly Uint8Array[]
  readonly slab: Slab
}

export class CopyBatch {
  #chunks: Uint8Array[] = [] // that are whole
  #slab = NONE
  #from = 0 // of the chunk that is not
  #at = 0
  #spare = NONE
  bytes = 0

  add(copy: RequestCopy | AnswerCopy): void {
    if (copy.kind === 'request') this.#request(copy)
    else this.#answer(copy)
    if (copy.body !== null) this.#body(copy.body)
  }

  /** Everything that was added, in the pieces in which it should be written. The batch is empty after it. */
  take(): Batch {
    this.#seal()
    const batch = { chunks: this.#chunks, slab: this.#slab }
    this.#chunks = []
    this.#slab = this.#spare
    this.#spare = NONE
    this.#from = 0
    this.#at = 0
    this.bytes = 0
    return batch
  }

  reuse(slab: Slab): void {
    if (slab.bytes.length !== SLAB_BYTES) return
    if (this.#slab === NONE) this.#slab = slab
    else this.#spare = slab
  }

  #request(copy: RequestCopy): void {
    const { slots, fields, body } = copy
    const { route, revision, requestId, unit, method, target, path } = copy
    let texts = route + revision + requestId + (unit ?? '') + method + target + path
    for (const field of fields) texts += field
    this.#begin(REQUEST, body, 4 + slots.length, 7 + fields.length, texts.length)
    this.#number(copy.id)
    this.#number(copy.unitHash)
    this.#number(copy.arrivedAt)
    this.#number(copy.wholeAt)
    for (const slot of slots) this.#number(slot)
    this.#word(route.length)
    this.#word(revision.length)
    this.#word(requestId.length)
    this.#word(unit === null ? NO_TEXT : unit.length)
    this.#word(method.length)
    this.#word(target.length)
    this.#word(path.length)
    for (const field of fields) this.#word(field.length)
    this.#texts(texts)
  }

  #answer(copy: AnswerCopy): void {
    const { variant, outcome, contentType, contentEncoding, bad, body } = copy
    let texts = variant + outcome + (contentType ?? '') + (contentEncoding ?? '')
    for (const kind of bad) texts += kind
    this.#begin(ANSWER, body, 8, 4 + bad.length, texts.length)
    this.#number(copy.id)
    this.#number(copy.status)
    this.#number(copy.latencyMs)
    this.#number(copy.firstMs)
    this.#number(copy.inferenceHeaderLength ?? -1)
    this.#number(copy.bytes)
    this.#number(Number(copy.truncated))
    this.#number(copy.credit)
    this.#word(variant.length)
    this.#word(outcome.length)
    this.#word(contentType === null ? NO_TEXT : contentType.length)
    this.#word(contentEncoding === null ? NO_TEXT : contentEncoding.length)
    for (const kind of bad) this.#word(kind.length)
    this.#texts(texts)
  }

  /** Makes room for a head and writes its fixed part. */
  #begin(
    kind: number,
    body: Uint8Array | null,
    numbers: number,
    texts: number,
    characters: number
  ): void {
    const size = FIXED + numbers * DOUBLE + texts * WORD + characters
    this.#reserve(size + (body === null || body.length >= OWN_BYTES ? 0 : body.length))
    this.bytes += size
    this.#word(size)
    this.#word(kind)
    this.#word(body === null ? 0 : body.length + 1)
    this.#word(numbers)
    this.#word(texts)
  }

  #body(body: Uint8Array): void {
    this.bytes += body.length
    if (body.length < OWN_BYTES) {
      this.#slab.bytes.set(body, this.#at)
      this.#at += body.length
    } else {
      this.#seal()
      this.#chunks.push(body)
    }
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#slab.bytes.length) return
    this.#seal()
    this.#slab = slabOf(Math.max(size, SLAB_BYTES))
    this.#from = 0
    this.#at = 0
  }

  #word(value: number): void {
    this.#slab.view.setUint32(this.#at, value, true)
    this.#at += WORD
  }

  #number(value: number): void {
    this.#slab.view.setFloat64(this.#at, value, true)
    this.#at += DOUBLE
  }

  #texts(texts: string): void {
    this.#at += this.#slab.bytes.write(texts, this.#at, 'latin1')
  }

  /** What was written since the last chunk is the next one. */
  #seal(): void {
    if (this.#at === this.#from) return
    this.#chunks.push(this.#slab.bytes.subarray(this.#from, this.#at))
    this.#from = this.#at
  }
}

function slabOf(size: number): Slab {
  const memory = new ArrayBuffer(size)
  return { bytes: Buffer.from(memory), view: new DataView(memory) }
}
