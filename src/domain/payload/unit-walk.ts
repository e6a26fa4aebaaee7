/**
 * A walk over the bytes of a JSON document (RFC 8259), in whatever pieces they come, that follows some places.
 *
 * Every byte is looked at once and nothing is kept but the text of the value at hand, so neither size nor depth
 * costs memory. What lies off the places is skipped (unit-skip.ts). A byte order mark of UTF-8 is passed over;
 * other encodings, and bytes that are not JSON where a place is followed, end the walk: nobody guesses what they
 * mean. A bare NaN is no fault, for model servers take it.
 */
import type { Place } from './unit-place.ts'
import {
  beginsToken,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endsToken,
  isDigitOrMinus,
  isFault,
  isSpace,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  UnitSkip
} from './unit-skip.ts'
import { isNumber, UnitText } from './unit-text.ts'

/** What the walk reports to beside its places. `settled`: nothing more is wanted. */
export type WalkEnd = {
  readonly settled: boolean
  /** No place gets anything more. */
  over(): void
}

const MAX_TEXT = 256
/** Containers that are followed at once, one in another. */
const MAX_FOLLOWED = 256

export class UnitWalk {
  readonly #end: WalkEnd
  readonly #text: UnitText
  readonly #skip = new UnitSkip()
  readonly #places: Place[] = [] // of the containers that are open and followed
  readonly #indices: number[] = [] // of the present element; -1 in an object
  #place: Place | null // what the next value is to
  #state = START

  /** `longestName`: bytes of the longest member name that a place asks for. */
  constructor(root: Place, longestName: number, end: WalkEnd) {
    this.#place = root
    this.#text = new UnitText(Math.max(MAX_TEXT, longestName))
    this.#end = end
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && !this.#end.settled && this.#state !== OVER) {
      if (this.#state < IN_NAME) this.#between(chunk[at++] ?? 0)
      else if (this.#state === SKIPPING) {
        at = this.#skip.push(chunk, at)
        if (this.#skip.done) this.#ended()
      } else if (this.#state === SKIPPING_REST) {
        at = this.#skip.push(chunk, at)
        if (this.#skip.done) this.#close()
      } else if (this.#state === IN_TOKEN) at = this.#token(chunk, at)
      else at = this.#string(chunk, at)
    }
  }

  /** The document has ended: a bare number is whole only now. */
  end(): void {
    if (this.#state === IN_TOKEN && this.#places.length === 0 && !this.#end.settled)
      this.#endToken()
    this.#over()
  }

  /** A byte outside strings and tokens. */
  #between(c: number): void {
    if (isSpace(c) && this.#state !== MARK_2 && this.#state !== MARK_3) return
    switch (this.#state) {
      case START:
        if (c === MARK[0]) this.#state = MARK_2
        else this.#begin(c)
        break
      case MARK_2:
      case MARK_3:
        if (c !== MARK[this.#state]) this.#over()
        else this.#state++
        break
      case FIRST_ELEMENT:
        if (c === CLOSE_ARRAY) this.#close()
        else this.#element(0, c)
        break
      case FIRST_NAME:
        if (c === CLOSE_OBJECT) this.#close()
        else this.#name(c)
        break
      case NAME:
        this.#name(c)
        break
      case BEFORE_COLON:
        if (c === COLON) this.#state = VALUE
        else this.#over()
        break
      case AFTER:
        this.#after(c)
        break
      case ELEMENT:
        this.#element((this.#indices.at(-1) ?? 0) + 1, c)
        break
      default:
        this.#begin(c)
    }
  }

  #name(c: number): void {
    if (c !== QUOTE) {
      this.#over()
      return
    }
    this.#text.clear()
    this.#state = IN_NAME
  }

  #element(index: number, c: number): void {
    this.#indices[this.#indices.length - 1] = index
    this.#place = this.#places.at(-1)?.element(index) ?? null
    this.#begin(c)
  }

  /** The first byte of a value. */
  #begin(c: number): void {
    this.#text.clear()
    const opens = c === OPEN_OBJECT || c === OPEN_ARRAY
    if (this.#place === null) this.#beginSkipping(c)
    else if (opens) this.#open(c, this.#place)
    else if (c === QUOTE) this.#state = IN_STRING
    else if (beginsToken(c)) {
      this.#text.put(c)
      this.#state = IN_TOKEN
    } else this.#over()
  }

  #beginSkipping(c: number): void {
    this.#state = SKIPPING
    if (!this.#skip.begin(c)) this.#over()
  }

  #open(c: number, place: Place): void {
    const array = c === OPEN_ARRAY
    if (!place.opens(array) || this.#places.length >= MAX_FOLLOWED) {
      this.#beginSkipping(c)
      return
    }
    this.#places.push(place)
    this.#indices.push(array ? 0 : -1)
    this.#state = array ? FIRST_ELEMENT : FIRST_NAME
  }

  /** After a value: a comma or the end of the container that it stands in. */
  #after(c: number): void {
    const index = this.#indices.at(-1)
    if (index === undefined) return // behind the document
    if (c === COMMA) this.#state = index < 0 ? NAME : this.#nextElement(index)
    else if (c === (index < 0 ? CLOSE_OBJECT : CLOSE_ARRAY)) this.#close()
    else this.#over()
  }

  #nextElement(index: number): number {
    if (this.#places.at(-1)?.wantsBehind(index) !== false) return ELEMENT
    this.#skip.beginRest()
    return SKIPPING_REST
  }

  #close(): void {
    this.#indices.pop()
    this.#places.pop()?.closes()
    this.#ended()
  }

  /** A value has ended, perhaps the document with it. */
  #ended(): void {
    this.#state = AFTER
    if (this.#places.length === 0) this.#over()
  }

  #over(): void {
    this.#state = OVER
    this.#end.over()
  }

  #string(chunk: Uint8Array, from: number): number {
    const at = this.#text.string(chunk, from)
    if (at === -1) {
      this.#over()
      return chunk.length
    }
    if (at === chunk.length) return at
    if (this.#state === IN_NAME) {
      const named = this.#text.fits ? this.#places.at(-1)?.member(this.#text.toString()) : null
      this.#place = named ?? null
      this.#state = BEFORE_COLON
    } else {
      if (this.#text.length > MAX_TEXT) this.#place?.long()
      else this.#place?.scalar(this.#text.toString())
      this.#ended()
    }
    return at + 1
  }

  /** Reads on in a bare token: up to white space or a delimiter. */
  #token(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const c = chunk[at] ?? 0
      if (!endsToken(c)) this.#text.put(c)
      else {
        if (isFault(c)) this.#over()
        else this.#endToken()
        return at
      }
    }
    return chunk.length
  }

  #endToken(): void {
    const number = isDigitOrMinus(this.#text.first)
    if (this.#text.length > MAX_TEXT && number) this.#place?.long()
    else {
      const text = number ? this.#text.toString() : ''
      this.#place?.scalar(isNumber(text) ? text : null)
    }
    this.#ended()
  }
}

// States; MARK_2 and MARK_3 are places in MARK, and those from IN_NAME on read more than a byte at once.
const START = 0
const MARK_2 = 1
const MARK_3 = 2
const VALUE = 3
const ELEMENT = 4
const FIRST_ELEMENT = 5
const FIRST_NAME = 6
const NAME = 7
const BEFORE_COLON = 8
const AFTER = 9
const OVER = 10
const IN_NAME = 11
const IN_STRING = 12
const IN_TOKEN = 13
const SKIPPING = 14
const SKIPPING_REST = 15

const MARK = [0xef, 0xbb, 0xbf] as const
