/**
 * Server-sent events as the HTML standard reads them (section 9.2.6): lines that end in CR, LF or both, fields and
 * comments, `data` over many lines, an event at each empty line.
 *
 * The data of each event is a document; one without data is none. An event named `error` is a failure of the model,
 * whatever it says. Lines that no field of the standard begins are counted: they tell a text from a stream.
 */
import type { Documents } from './documents.ts'

/** What of a line comes next: the name of its field, or a value by field. */
const NAME = -1
const DATA = 0
const EVENT = 1
const OTHER = 2 // id, retry
const STRANGE = 4
const COMMENT = 5

const FIELDS = ['data', 'event', 'id', 'retry'] // the first two by their modes
const ALL_FIELDS = 0b1111

const LONGEST_EVENT = 8 // bytes of the name of an event that matter
const NEWLINE = Uint8Array.of(10)

export class EventStream {
  events = 0 // with data
  strangeLines = 0
  readonly #documents: Documents
  #mode = NAME
  #nameBytes = 0
  #fields = ALL_FIELDS // that the name can still become; bits
  #event = ''
  #afterCarriageReturn = false
  // where the next ones of the chunk are, each looked for once; before the place that is read: unknown
  #carriageReturn = -1
  #lineFeed = -1
  #spaced = false // the one space after the colon was looked for
  #data = false // the event has data

  constructor(documents: Documents) {
    this.#documents = documents
  }

  push(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    this.#carriageReturn = -1
    this.#lineFeed = -1
    while (at < to) {
      if (this.#afterCarriageReturn) {
        this.#afterCarriageReturn = false
        if (bytes[at] === 10) {
          at++
          continue
        }
      }
      if (this.#mode === NAME) at = this.#field(bytes, at, to)
      else at = this.#value(bytes, at, to)
    }
  }

  /** The body is over. What the last event has so far is judged, though it was not sent off by an empty line. */
  finish(): void {
    if (this.#mode === NAME && this.#nameBytes > 0) this.#beginValue()
    this.#dispatch()
  }

  #field(bytes: Uint8Array, from: number, to: number): number {
    if (this.#nameBytes === 0 && isData(bytes, from, to)) {
      this.#mode = DATA
      this.#spaced = false
      this.#beginData()
      return from + 5
    }
    for (let at = from; at < to; at++) {
      const c = bytes[at] ?? 0
      if (c === 58) {
        if (this.#nameBytes === 0) this.#mode = COMMENT
        else this.#beginValue()
        return at + 1
      }
      if (c === 10 || c === 13) {
        if (this.#nameBytes === 0) this.#dispatch()
        else this.#beginValue() // a name alone: its value is empty
        this.#endLine(c)
        return at + 1
      }
      this.#takeName(c)
    }
    return to
  }

  #takeName(c: number): void {
    for (let i = 0; i < FIELDS.length; i++)
      if (FIELDS[i]?.charCodeAt(this.#nameBytes) !== c) this.#fields &= ~(1 << i)
    this.#nameBytes++
  }

  #beginValue(): void {
    const field = FIELDS.findIndex(
      (name, i) => name.length === this.#nameBytes && (this.#fields & (1 << i)) !== 0
    )
    this.#mode = field < 0 ? STRANGE : Math.min(field, OTHER)
    this.#spaced = false
    if (this.#mode === STRANGE) this.strangeLines++
    if (this.#mode === EVENT) this.#event = ''
    if (this.#mode === DATA) this.#beginData()
  }

  #beginData(): void {
    if (this.#data) this.#documents.push(NEWLINE, 0, 1)
    this.#data = true
  }

  #value(bytes: Uint8Array, from: number, to: number): number {
    let at = from
    if (!this.#spaced) {
      this.#spaced = true
      if (bytes[at] === 32) at++
    }
    const end = this.#lineEnd(bytes, at, to)
    if (this.#mode === DATA && end > at) this.#documents.push(bytes, at, end)
    else if (this.#mode === EVENT)
      for (let i = at; i < end && this.#event.length <= LONGEST_EVENT; i++)
        this.#event += String.fromCharCode(bytes[i] ?? 0)
    if (end === to) return to
    this.#endLine(bytes[end] ?? 0)
    return end + 1
  }

  #lineEnd(bytes: Uint8Array, from: number, to: number): number {
    if (this.#carriageReturn < from) this.#carriageReturn = indexOf(bytes, 13, from)
    if (this.#lineFeed < from) this.#lineFeed = indexOf(bytes, 10, from)
    return Math.min(this.#lineFeed, this.#carriageReturn, to)
  }

  #endLine(c: number): void {
    this.#afterCarriageReturn = c === 13
    this.#mode = NAME
    this.#nameBytes = 0
    this.#fields = ALL_FIELDS
  }

  /** An empty line: the event is whole. */
  #dispatch(): void {
    if (this.#data) {
      this.events++
      this.#documents.finish()
      if (this.#event === 'error') this.#documents.facts.isError()
    }
    this.#data = false
    this.#event = ''
  }
}

/** The name that nearly every line has, whole and with its colon. */
function isData(bytes: Uint8Array, from: number, to: number): boolean {
  return (
    from + 5 <= to &&
    bytes[from] === 100 &&
    bytes[from + 1] === 97 &&
    bytes[from + 2] === 116 &&
    bytes[from + 3] === 97 &&
    bytes[from + 4] === 58
  )
}

function indexOf(bytes: Uint8Array, c: number, from: number): number {
  const found = bytes.indexOf(c, from)
  return found === -1 ? bytes.length : found
}
