/**
 * How the documents of an answer lie in its body: one that is all of it, one a line, one an event, or one in front of the
 * bytes of tensors.
 */
import type { Documents } from './documents.ts'
import { EventStream } from './event-stream.ts'
import type { TensorFacts } from './open-inference.ts'
import { TensorBytes } from './tensor-bytes.ts'

export interface Frame {
  readonly mayHaveMark: boolean // a byte order mark at its start
  readonly endsItself: boolean // its end is the end of the body
  readonly isInside: boolean // a document is not over
  readonly isUnknown: boolean // nothing can be known of it
  push(bytes: Uint8Array, from: number, to: number): void
  /** The body is whole: how many documents it had. */
  finish(): number
}

export class WholeBody implements Frame {
  readonly mayHaveMark = true
  readonly endsItself = true
  readonly isUnknown = false
  protected readonly documents: Documents

  constructor(documents: Documents) {
    this.documents = documents
  }

  get isInside(): boolean {
    return this.documents.isInside
  }

  push(bytes: Uint8Array, from: number, to: number): void {
    this.documents.push(bytes, from, to)
  }

  finish(): number {
    this.documents.finish()
    return this.documents.count
  }
}

/** A document ends where its line ends, whole or not. */
export class LineBody extends WholeBody {
  override push(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to) {
      const found = bytes.indexOf(10, at)
      const end = found === -1 || found >= to ? to : found
      this.documents.push(bytes, at, end)
      if (end < to) this.documents.finish()
      at = end + 1
    }
  }
}

/** `texts`: a body that is declared as events and has none may be a text. */
export class EventBody implements Frame {
  readonly mayHaveMark = true
  readonly isUnknown = false
  readonly #documents: Documents
  readonly #texts: boolean
  readonly #events: EventStream

  constructor(documents: Documents, texts: boolean) {
    this.#documents = documents
    this.#texts = texts
    this.#events = new EventStream(documents)
  }

  get endsItself(): boolean {
    return this.#documents.facts.endsItself
  }

  get isInside(): boolean {
    return this.#documents.isInside
  }

  push(bytes: Uint8Array, from: number, to: number): void {
    this.#events.push(bytes, from, to)
  }

  finish(): number {
    this.#events.finish()
    const { facts, count } = this.#documents
    if (this.#events.events > 0 || this.#events.strangeLines === 0) return count
    if (this.#texts) facts.isText(false)
    else facts.unparsable('syntax')
    return count
  }
}

/**
 * JSON of `length` bytes and then the values of its tensors. Length 0 is no JSON at all: of what then follows nobody
 * says what it is, so nothing is known of it.
 */
export class BinaryBody implements Frame {
  readonly mayHaveMark = false
  readonly endsItself = true
  readonly #documents: Documents
  readonly #facts: TensorFacts
  #jsonLeft: number
  #bytes: TensorBytes | null = null
  #raw = false
  #inJson = 0 // predictions

  constructor(documents: Documents, facts: TensorFacts, length: number) {
    this.#documents = documents
    this.#facts = facts
    this.#jsonLeft = length
    facts.bytesFollow = true
  }

  get isUnknown(): boolean {
    return this.#raw
  }

  get isInside(): boolean {
    return this.#jsonLeft > 0 ? this.#documents.isInside : this.#bytes?.isInside === true
  }

  push(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    if (this.#jsonLeft > 0) {
      const end = Math.min(to, at + this.#jsonLeft)
      this.#documents.push(bytes, at, end)
      this.#jsonLeft -= end - at
      at = end
      if (this.#jsonLeft === 0) this.#endJson()
    }
    if (at === to) return
    if (this.#bytes === null) this.#raw = this.#documents.count === 0
    this.#bytes?.push(bytes, at, to)
    this.#take()
  }

  finish(): number {
    if (this.#jsonLeft > 0) {
      this.#documents.finish()
      if (this.#facts.why === null && this.#documents.count > 0) this.#facts.unparsable('cut')
      return this.#documents.count
    }
    this.#bytes?.end()
    this.#take()
    if (this.#facts.why === null && this.#documents.count > 0) this.#facts.judgeEmpty()
    return this.#documents.count
  }

  #endJson(): void {
    this.#documents.finish()
    if (this.#documents.count === 0) return
    this.#inJson = this.#facts.predictions
    this.#bytes = new TensorBytes(this.#facts.why === null ? this.#facts.binary : [])
    this.#take()
  }

  /** What was found in the bytes so far becomes facts of the answer. */
  #take(): void {
    const bytes = this.#bytes
    if (bytes === null) return
    this.#facts.bad |= bytes.bad
    this.#facts.predictions = this.#inJson + bytes.predictions
    if (bytes.why !== null) this.#facts.unparsable(bytes.why)
  }
}
