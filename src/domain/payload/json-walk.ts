/**
 * Walks over one JSON document as its bytes come, in any pieces, and reports what stands at the places of a
 * protocol (place.ts).
 *
 * The grammar is RFC 8259 with the words that model servers write for what is no number (NaN, Infinity and their
 * like, in any case of letters, with a sign). Anything else breaks it. Never throws; memory is a few words a level, and
 * what is nested deeper than DEEPEST is not read.
 */
import { afterSpace, isEnd, isLetter, isNull } from './json-bytes.ts'
import { NumberScan } from './number-scan.ts'
import { namedIn, type Place, type Sink, SKIP, WANTS } from './place.ts'
import { numberLimit, plainInteger, plainNumber } from './plain-number.ts'
import type { Unreadable } from './reading.ts'
import { plainEnd, StringScan, TEXT_BYTES } from './string-scan.ts'
import { LONGEST_WORD, WORD, wordOf } from './words.ts'

/** Levels of containers; parsers of model clients give up at about 1000. */
export const DEEPEST = 1024

/** What may come next. */
const VALUE = 0
const FIRST_VALUE = 1 // or the end of the array
const FIRST_NAME = 2 // or the end of the object
const NAME = 3
const COLON = 4
const AFTER = 5 // a comma or the end
const WHOLE = 6 // the document is read
const BROKEN = 7

/** What a chunk ended in. */
const NOTHING = 0
const IN_NAME = 1
const IN_STRING = 2
const IN_NUMBER = 3
const IN_WORD = 4

const UNSET = -1
const OBJECT = 1 // mark of a level; the bits of names are above it

export class JsonWalk {
  why: Unreadable | null = null // it broke
  readonly #sink: Sink
  readonly #root: Place
  readonly #sentinel: boolean
  readonly #containers: Place[] = []
  readonly #masks: number[] = [] // by level: OBJECT, and bits of the names that were seen
  readonly #indices: number[] = [] // of elements, where they have places of their own
  #number: NumberScan | null = null // made when a number or string needs it
  #string: StringScan | null = null
  #word = ''
  #limit = 0 // a number that begins before it ends before it
  #depth = 0
  #state = VALUE
  #token = NOTHING
  #here: Place // of the next value

  /** `sentinel`: a document may be the bare `[DONE]`. */
  constructor(sink: Sink, root: Place, sentinel: boolean) {
    this.#sink = sink
    this.#root = root
    this.#here = root
    this.#sentinel = sentinel
  }

  /** Begins another document. */
  restart(): void {
    this.why = null
    this.#depth = 0
    this.#state = VALUE
    this.#token = NOTHING
    this.#here = this.#root
  }

  get isWhole(): boolean {
    return this.#state === WHOLE
  }

  /** Reads bytes[from, to) on; the index after the document, or where it broke, or `to`. */
  push(bytes: Uint8Array, from: number, to: number): number {
    let at = from
    this.#limit = UNSET
    if (this.#token !== NOTHING) at = this.#resume(bytes, at, to)
    while (at < to && this.#state < WHOLE) {
      const c = bytes[at] ?? 0
      if (c === 32 || c === 10 || c === 13 || c === 9) at = afterSpace(bytes, at + 1, to)
      else at = this.#next(bytes, at, to, c)
    }
    return at
  }

  /** No more bytes come: true where the document is whole; otherwise it broke, `cut` where it only is not over. */
  end(): boolean {
    if (this.#token !== NOTHING && this.#depth === 0) this.#endToken()
    if (this.#state !== WHOLE) this.fail('cut')
    return this.#state === WHOLE
  }

  fail(why: Unreadable): void {
    if (this.#state === BROKEN) return
    this.#state = BROKEN
    this.#token = NOTHING
    this.why = why
  }

  /** A byte came that cannot stand after the document. */
  refuse(c: number): void {
    this.#state = AFTER
    this.#unexpected(0, c)
  }

  #next(bytes: Uint8Array, at: number, to: number, c: number): number {
    const state = this.#state
    if (state <= FIRST_VALUE) {
      if (c === 93 && state === FIRST_VALUE) return this.#close(at, false, true)
      return this.#value(bytes, at, to, c)
    }
    if (state === AFTER) {
      const object = ((this.#masks[this.#depth - 1] ?? 0) & OBJECT) !== 0
      if (c === 44) {
        this.#state = object ? NAME : VALUE
        if (!object) this.#nextElement()
        return at + 1 < to && bytes[at + 1] === 32 ? at + 2 : at + 1
      }
      if (c === (object ? 125 : 93)) return this.#close(at, object, false)
      return this.#unexpected(at, c)
    }
    if (state === COLON) {
      if (c !== 58) return this.#unexpected(at, c)
      this.#state = VALUE
      return at + 1
    }
    if (c === 34) return this.#name(bytes, at + 1, to)
    if (c === 125 && state === FIRST_NAME) return this.#close(at, true, true)
    return this.#unexpected(at, c)
  }

  #value(bytes: Uint8Array, at: number, to: number, c: number): number {
    if (c === 34) return this.#text(bytes, at + 1, to)
    if (c === 123 || c === 91) return this.#open(at, c === 123)
    if (c === 45 || (c >= 48 && c <= 57)) return this.#numbers(bytes, at, to)
    if (isLetter(c) || c === 43) {
      if (c === 110 && isNull(bytes, at, to)) {
        this.#report(WORD.null)
        this.#afterValue()
        return at + 4
      }
      this.#token = IN_WORD
      this.#word = ''
      return this.#resumeWord(bytes, at, to)
    }
    return this.#unexpected(at, c)
  }

  /** A number, and where it stands in a list the numbers that follow it. */
  #numbers(bytes: Uint8Array, from: number, to: number): number {
    const here = this.#here
    if (this.#limit === UNSET) this.#limit = numberLimit(bytes, from, to)
    const limit = this.#limit
    const list = this.#depth > 0 && ((this.#masks[this.#depth - 1] ?? 0) & OBJECT) === 0
    if (!list || (here.wants & WANTS.number) !== 0 || this.#isIndexed())
      return this.#oneNumber(bytes, from, to)
    let at = from
    let count = 0
    while (at < limit) {
      const end = plainNumber(bytes, at)
      if (end < 0) break
      count++
      at = end
      if (bytes[at] !== 44) {
        this.#state = AFTER
        break
      }
      this.#state = VALUE
      at++
      if (at < limit && bytes[at] === 32) at++
    }
    if (count === 0) return this.#slowNumber(bytes, from, to)
    if ((here.wants & WANTS.leaves) !== 0) this.#sink.numbers(here, count)
    return this.#state === AFTER && bytes[at] === 93 ? this.#close(at, false, false) : at
  }

  #oneNumber(bytes: Uint8Array, from: number, to: number): number {
    const { wants } = this.#here
    const end = from < this.#limit ? plainNumber(bytes, from) : -1
    if (end < 0) return this.#slowNumber(bytes, from, to)
    if ((wants & WANTS.number) !== 0) {
      const value = plainInteger(bytes, from, end)
      if (value < 0) return this.#slowNumber(bytes, from, to)
      this.#sink.number(this.#here, value)
    } else if ((wants & WANTS.leaves) !== 0) this.#sink.numbers(this.#here, 1)
    this.#afterValue()
    return end
  }

  #slowNumber(bytes: Uint8Array, from: number, to: number): number {
    this.#token = IN_NUMBER
    this.#number ??= new NumberScan()
    this.#number.start()
    return this.#resumeNumber(this.#number, bytes, from, to)
  }

  #resume(bytes: Uint8Array, from: number, to: number): number {
    if (this.#token === IN_WORD) return this.#resumeWord(bytes, from, to)
    if (this.#token !== IN_NUMBER) return this.#resumeString(bytes, from, to)
    return this.#number === null ? to : this.#resumeNumber(this.#number, bytes, from, to)
  }

  #resumeNumber(number: NumberScan, bytes: Uint8Array, from: number, to: number): number {
    let at = from
    while (at < to && number.take(bytes[at] ?? 0)) at++
    if (at === to) return at
    if (number.isSign && isLetter(bytes[at] ?? 0)) {
      this.#token = IN_WORD
      this.#word = '-'
      return this.#resumeWord(bytes, at, to)
    }
    if (!isEnd(bytes[at] ?? 0)) return this.#unexpected(at, bytes[at] ?? 0)
    this.#endToken()
    return at
  }

  #resumeWord(bytes: Uint8Array, from: number, to: number): number {
    let at = from
    for (; at < to; at++) {
      const c = bytes[at] ?? 0
      if (!isLetter(c) && !(this.#word === '' && c === 43)) break
      if (this.#word.length === LONGEST_WORD) return this.#unexpected(at, c)
      this.#word += String.fromCharCode(c)
    }
    if (at === to) return at
    if (!isEnd(bytes[at] ?? 0)) return this.#unexpected(at, bytes[at] ?? 0)
    this.#endToken()
    return at
  }

  /** A number or word is over. */
  #endToken(): void {
    const token = this.#token
    this.#token = NOTHING
    if (token === IN_NUMBER) this.#endNumber()
    else if (token === IN_WORD) this.#endWord()
    else this.fail('cut')
  }

  #endNumber(): void {
    const number = this.#number
    if (number === null || !number.isWhole) {
      this.fail('syntax')
      return
    }
    const here = this.#here
    if (number.isInfinite) this.#report(WORD.infinite)
    else if ((here.wants & WANTS.number) !== 0) this.#sink.number(here, number.value())
    else if ((here.wants & WANTS.leaves) !== 0) this.#sink.numbers(here, 1)
    this.#afterValue()
  }

  #endWord(): void {
    const word = wordOf(this.#word)
    if (word < 0 || (word === WORD.done && !this.#mayBeSentinel())) {
      this.fail('syntax')
      return
    }
    if (word === WORD.done) this.#sink.word(this.#root, word)
    else this.#report(word)
    this.#afterValue()
  }

  /** The only element of the outermost list. */
  #mayBeSentinel(): boolean {
    return this.#sentinel && this.#depth === 1 && this.#state === FIRST_VALUE
  }

  #report(word: number): void {
    if ((this.#here.wants & WANTS.leaves) !== 0) this.#sink.word(this.#here, word)
  }

  #text(bytes: Uint8Array, from: number, to: number): number {
    const wants = this.#here.wants
    if ((wants & WANTS.stream) === 0) {
      const end = plainEnd(bytes, from, to)
      if (end < to && bytes[end] === 34) {
        if ((wants & WANTS.text) !== 0) this.#sink.text(this.#here, bytes, from, end)
        this.#afterValue()
        return end + 1
      }
    }
    this.#token = IN_STRING
    this.#string ??= new StringScan()
    this.#string.start((wants & (WANTS.text | WANTS.stream)) !== 0)
    return this.#resumeString(bytes, from, to)
  }

  #name(bytes: Uint8Array, from: number, to: number): number {
    const end = plainEnd(bytes, from, to)
    if (end < to && bytes[end] === 34) {
      this.#named(bytes, from, end)
      if (end + 1 >= to || bytes[end + 1] !== 58 || this.#state !== COLON) return end + 1
      this.#state = VALUE // most colons follow at once, and most values or a space follow them
      return end + 2 < to && bytes[end + 2] === 32 ? end + 3 : end + 2
    }
    this.#token = IN_NAME
    this.#string ??= new StringScan()
    this.#string.start(true)
    return this.#resumeString(bytes, from, to)
  }

  #resumeString(bytes: Uint8Array, from: number, to: number): number {
    const string = this.#string
    if (string === null) return to
    const isName = this.#token === IN_NAME
    const streamed = !isName && (this.#here.wants & WANTS.stream) !== 0
    const at = string.push(bytes, from, to, streamed ? this.#sink : null)
    if (string.broken) {
      this.fail('syntax')
      return at
    }
    if (!string.closed) return at
    this.#token = NOTHING
    if (isName) this.#named(string.text, 0, string.length)
    else {
      if ((this.#here.wants & WANTS.text) !== 0)
        this.#sink.text(this.#here, string.text, 0, string.length)
      this.#afterValue()
    }
    return at
  }

  #named(bytes: Uint8Array, from: number, to: number): void {
    this.#state = COLON
    const container = this.#containers[this.#depth - 1] ?? SKIP
    const names = container.names
    const named = names === null || to - from > TEXT_BYTES ? null : namedIn(names, bytes, from, to)
    if (named === null) {
      this.#here = container.other
      return
    }
    this.#here = named.place
    if (named.bit === 0) return
    const mask = this.#masks[this.#depth - 1] ?? 0
    if ((mask & named.bit) !== 0) this.fail('syntax')
    this.#masks[this.#depth - 1] = mask | named.bit
  }

  #open(at: number, object: boolean): number {
    if (this.#depth === DEEPEST) {
      this.fail('depth')
      return at
    }
    const here = this.#here
    const depth = this.#depth++
    this.#containers[depth] = here
    this.#masks[depth] = object ? OBJECT : 0
    if (here.elements !== null) this.#indices[depth] = 0
    if ((here.wants & (object ? WANTS.objects : WANTS.lists)) !== 0) this.#sink.open(here, object)
    this.#state = object ? FIRST_NAME : FIRST_VALUE
    if (!object) this.#here = here.elements?.get(0) ?? here.element
    return at + 1
  }

  #close(at: number, object: boolean, empty: boolean): number {
    const closed = this.#containers[--this.#depth] ?? SKIP
    if ((closed.wants & (object ? WANTS.objects : WANTS.lists)) !== 0)
      this.#sink.close(closed, object, empty)
    this.#here = closed
    this.#afterValue()
    return at + 1
  }

  #nextElement(): void {
    const depth = this.#depth - 1
    const container = this.#containers[depth] ?? SKIP
    if (container.elements === null) {
      this.#here = container.element
      return
    }
    const index = (this.#indices[depth] ?? 0) + 1
    this.#indices[depth] = index
    this.#here = container.elements.get(index) ?? container.element
  }

  #isIndexed(): boolean {
    return (this.#containers[this.#depth - 1] ?? SKIP).elements !== null
  }

  #afterValue(): void {
    this.#state = this.#depth === 0 ? WHOLE : AFTER
  }

  #unexpected(at: number, c: number): number {
    this.fail(c >= 0x80 || c === 0 ? 'encoding' : 'syntax')
    return at
  }
}
