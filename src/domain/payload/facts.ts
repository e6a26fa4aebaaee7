/**
 * What is known of one answer while it is read: bad predictions by kind, failures, tokens and the model's name.
 *
 * The base of every protocol's reader. It knows what all of them share: an `error` that is neither null, false
 * nor an empty text, `success: false`, token usage, the echo of the model. A protocol adds where predictions stand and when there are none. Bits that
 * were set stay: what any document of a stream says is true of the answer.
 */
import { BAD_KINDS } from '../counts.ts'
import { type Place, place, type Sink, WANTS } from './place.ts'
import type { Unreadable } from './reading.ts'
import { plainEnd } from './string-scan.ts'
import { WORD } from './words.ts'

export const BAD = {
  null: 1 << BAD_KINDS.indexOf('null'),
  nan: 1 << BAD_KINDS.indexOf('nan'),
  infinite: 1 << BAD_KINDS.indexOf('infinite'),
  empty: 1 << BAD_KINDS.indexOf('empty'),
  shape: 1 << BAD_KINDS.indexOf('shape'),
  unparsable: 1 << BAD_KINDS.indexOf('unparsable')
} as const

const LONGEST_MODEL = 128 // bytes

export const ERROR = place('error', WANTS.node | WANTS.leaves | WANTS.text)
const SUCCESS = place('success', WANTS.leaves)
export const MODEL = place('model', WANTS.text)
const INPUT_TOKENS = place('input tokens', WANTS.number)
const OUTPUT_TOKENS = place('output tokens', WANTS.number)

export const USAGE = place('usage', 0, {
  repeated: {
    prompt_tokens: INPUT_TOKENS,
    input_tokens: INPUT_TOKENS,
    completion_tokens: OUTPUT_TOKENS,
    output_tokens: OUTPUT_TOKENS
  }
})

/** Names at the top of an answer of any protocol. */
export const FAILURE_NAMES = { error: ERROR, success: SUCCESS } as const

/** Names that say which model answered, where they are not `model`. */
export const MODEL_NAMES = {
  model_name: MODEL,
  model_version: place('model version', WANTS.text | WANTS.number)
} as const

/** A place where the whole answer stands. */
export const ROOT_WANTS = WANTS.node | WANTS.leaves | WANTS.text

export abstract class Facts implements Sink {
  bad = 0
  failed = false
  why: Unreadable | null = null // the first reason for `unparsable`
  predictions = 0
  inputTokens: number | null = null
  outputTokens: number | null = null
  contentEvents = 0
  finished = false // a stream said its end
  stream = false // documents are events
  /** The end of a stream is the end of its body; otherwise the protocol has an end of its own. */
  readonly endsItself: boolean = true
  /** Of the present document. */
  protected documentFailed = false
  protected hasNull = false // null where the predictions should be
  #sentinel = false
  #hasContent = false
  #before = 0 // predictions before the document
  #badBefore = 0
  #model: string | null = null
  #version: string | null = null

  get model(): string | null {
    if (this.#model === null || this.#version === null) return this.#model
    const both = `${this.#model}/${this.#version}`
    return both.length <= LONGEST_MODEL ? both : this.#model
  }

  /** A document begins: a whole body, a line, or an event of a stream. */
  begin(): void {
    this.documentFailed = false
    this.hasNull = false
    this.#sentinel = false
    this.#hasContent = false
    this.#before = this.predictions
    this.#badBefore = this.bad
    this.beginDocument()
  }

  /** It was read whole. */
  done(): void {
    if (this.#sentinel) this.finished = true
    else this.endDocument()
  }

  /** It cannot be read as its protocol. */
  unparsable(why: Unreadable): void {
    this.bad |= BAD.unparsable
    this.why ??= why
  }

  /** It is a text and no JSON: one prediction, and nothing in it is bad. */
  isText(empty: boolean): void {
    this.bad = this.#badBefore
    this.predictions = this.#before
    if (empty) return
    this.predictions++
    this.content()
  }

  /** It was an event named `error`. */
  isError(): void {
    this.fail()
    this.predictions = this.#before
  }

  /** The body ended as its framing says and all of it was read, `documents` of them with something in them. */
  abstract endBody(documents: number): void
  protected abstract beginDocument(): void
  protected abstract endDocument(): void

  abstract open(at: Place, object: boolean): void
  abstract close(at: Place, object: boolean, empty: boolean): void
  abstract text(at: Place, bytes: Uint8Array, from: number, to: number): void
  abstract word(at: Place, word: number): void
  abstract numbers(at: Place, count: number): void

  piece(bytes: Uint8Array, from: number, to: number): number {
    return plainEnd(bytes, from, to)
  }

  escaped(_bytes: Uint8Array, _from: number, _to: number): void {}

  number(at: Place, value: number): void {
    if (at.id === 'input tokens') this.inputTokens = tokens(value, this.inputTokens)
    else if (at.id === 'output tokens') this.outputTokens = tokens(value, this.outputTokens)
    else if (at.id === 'model version') this.#version ??= String(value)
  }

  /** Takes what is common to all protocols; true: it was of that. */
  protected commonText(at: Place, bytes: Uint8Array, from: number, to: number): boolean {
    if (at.id === 'error') {
      if (to > from) this.fail()
    } else if (at.id === 'model') {
      if (this.#model === null) this.#model = modelText(bytes, from, to)
    } else if (at.id === 'model version') {
      if (this.#version === null) this.#version = modelText(bytes, from, to)
    } else return false
    return true
  }

  protected commonWord(at: Place, word: number): boolean {
    if (word === WORD.done) this.#sentinel = true
    else if (at.id === 'error') {
      if (word !== WORD.null && word !== WORD.false) this.fail()
    } else if (at.id === 'success') {
      if (word === WORD.false) this.fail()
    } else return false
    return true
  }

  protected commonOther(at: Place): boolean {
    if (at.id === 'error') this.fail()
    return at.id === 'error' || at.id === 'success'
  }

  protected get documentPredictions(): number {
    return this.predictions - this.#before
  }

  protected fail(): void {
    this.failed = true
    this.documentFailed = true
  }

  /** The document carries something that a user would see. */
  protected content(): void {
    if (this.#hasContent) return
    this.#hasContent = true
    if (this.stream) this.contentEvents++
  }

  protected kindOf(word: number): number {
    if (word === WORD.null) return BAD.null
    if (word === WORD.nan) return BAD.nan
    return word === WORD.infinite ? BAD.infinite : 0
  }
}

/** Is bytes[from, to) this ASCII text? */
export function isText(text: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false
  return true
}

/** A short ASCII text; '' where it is longer than `most` bytes. */
export function shortText(bytes: Uint8Array, from: number, to: number, most: number): string {
  return to - from > most ? '' : latin1(bytes, from, to)
}

function tokens(value: number, before: number | null): number | null {
  return Number.isSafeInteger(value) && value >= 0 ? value : before
}

/** UTF-8 to text; what is no UTF-8 is taken byte by byte. Null where it is longer than a name may be. */
function modelText(bytes: Uint8Array, from: number, to: number): string | null {
  if (to - from > LONGEST_MODEL || to === from) return null
  const raw = latin1(bytes, from, to)
  let ascii = true
  for (let i = from; i < to; i++) if ((bytes[i] ?? 0) >= 0x80) ascii = false
  if (ascii) return raw
  try {
    return decodeURIComponent(percentEncoded(raw))
  } catch {
    return raw
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] ?? 0)
  return text
}

function percentEncoded(raw: string): string {
  let out = ''
  for (let i = 0; i < raw.length; i++) out += `%${raw.charCodeAt(i).toString(16).padStart(2, '0')}`
  return out
}
