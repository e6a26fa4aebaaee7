/**
 * Places of a JSON document that a scan for a unit follows, and where what it finds is put.
 *
 * The walk (unit-walk.ts) tells a place what stands there, once, in the order of the bytes. The first of members
 * with one name is the one that counts, so an answer never waits for what may follow. JSON Pointer: RFC 6901.
 */
import { latin1Of } from '../facts.ts'

/**
 * `open`: more bytes may decide. A text is latin1, one character a byte: the bytes of a string with its escapes
 * undone, or of a number as it is written. Objects, arrays, null, true and false are no units.
 */
export type ScanState =
  | { readonly kind: 'open' }
  | { readonly kind: 'found'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly why: string } // longer than 256 bytes

/** What is told of one place. Texts are latin1, one character a byte. */
export type Place = {
  /** A string or a number; null for true, false, null and what no JSON value is. */
  scalar(text: string | null): void
  /** A string or a number of more than 256 bytes. */
  long(): void
  /** An object or an array begins. False: nothing in it is wanted. */
  opens(array: boolean): boolean
  member(name: string): Place | null
  element(index: number): Place | null
  /** Whether an element behind this one may be wanted; if not, the rest of the array is skipped. */
  wantsBehind(index: number): boolean
  closes(): void
}

/** What one source came to; the first answer stays. */
export class Slot {
  state: ScanState = OPEN
  readonly #changed: () => void

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get open(): boolean {
    return this.state === OPEN
  }

  /** An empty text is none, as in a header. */
  found(text: string): void {
    this.#set(text === '' ? ABSENT : { kind: 'found', text })
  }

  absent(): void {
    this.#set(ABSENT)
  }

  tooLong(): void {
    this.#set(TOO_LONG)
  }

  #set(state: ScanState): void {
    if (this.state !== OPEN) return
    this.state = state
    this.#changed()
  }
}

export const OPEN: ScanState = { kind: 'open' }
export const ABSENT: ScanState = { kind: 'absent' }
const TOO_LONG: ScanState = { kind: 'invalid', why: 'it is longer than 256 bytes' }

/** The reference tokens of a JSON Pointer, escapes undone, as latin1. `''` is the whole document. */
export function pointerTokens(pointer: string): readonly string[] {
  if (pointer === '') return []
  const tokens = pointer.split('/').slice(1)
  return tokens.map(token => latin1Of(token.replaceAll('~1', '/').replaceAll('~0', '~')))
}

/** Follows `tokens` from `level` on and puts the value into the slot. */
export class PointerPlace implements Place {
  readonly #tokens: readonly string[]
  readonly #level: number
  readonly #slot: Slot
  #taken = false

  constructor(tokens: readonly string[], level: number, slot: Slot) {
    this.#tokens = tokens
    this.#level = level
    this.#slot = slot
  }

  scalar(text: string | null): void {
    if (text === null || this.#level < this.#tokens.length) this.#slot.absent()
    else this.#slot.found(text)
  }

  long(): void {
    if (this.#level < this.#tokens.length) this.#slot.absent()
    else this.#slot.tooLong()
  }

  opens(): boolean {
    if (this.#level < this.#tokens.length) return true
    this.#slot.absent()
    return false
  }

  member(name: string): Place | null {
    if (this.#taken || name !== this.#tokens[this.#level]) return null
    this.#taken = true
    return new PointerPlace(this.#tokens, this.#level + 1, this.#slot)
  }

  element(index: number): Place | null {
    return this.#taken ? null : this.member(String(index))
  }

  wantsBehind(): boolean {
    return !this.#taken
  }

  closes(): void {
    if (!this.#taken) this.#slot.absent()
  }
}

/** Several places at one position: each is told everything that it follows. */
export class Places implements Place {
  readonly #places: readonly Place[]

  constructor(places: readonly Place[]) {
    this.#places = places
  }

  scalar(text: string | null): void {
    for (const place of this.#places) place.scalar(text)
  }

  long(): void {
    for (const place of this.#places) place.long()
  }

  opens(array: boolean): boolean {
    const followed = this.#places.map(place => place.opens(array))
    return followed.includes(true)
  }

  member(name: string): Place | null {
    return together(this.#places.map(place => place.member(name)))
  }

  element(index: number): Place | null {
    return together(this.#places.map(place => place.element(index)))
  }

  wantsBehind(index: number): boolean {
    return this.#places.some(place => place.wantsBehind(index))
  }

  closes(): void {
    for (const place of this.#places) place.closes()
  }
}

/** One place for all that are not null; null without any. */
export function together(places: readonly (Place | null)[]): Place | null {
  const some = places.filter(place => place !== null)
  return some.length > 1 ? new Places(some) : (some[0] ?? null)
}
