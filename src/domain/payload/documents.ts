/**
 * Reads the documents of an answer one after the other, and says of each whether it could be read.
 *
 * A frame (frames.ts) says where documents begin and end. What is no JSON is
 * unparsable, unless the answer may be a text: then a document that is none is one prediction and nothing in it is bad.
 */
import type { Facts } from './facts.ts'
import { afterSpace } from './json-bytes.ts'
import { JsonWalk } from './json-walk.ts'
import type { Place } from './place.ts'

/**
 * `never`: what is no JSON is unparsable. `values`: a document that begins with no bracket and is no JSON value is a
 * text. `untyped`: the same, but markup is none. `always`: only what begins with a bracket and is JSON is no text.
 */
export type Texts = 'never' | 'values' | 'untyped' | 'always'

/** A value in a document that may be a text is looked at up to this many bytes. */
const LONGEST_VALUE = 64

export class Documents {
  count = 0 // with something in them
  truncated = false // one was longer than the bound
  readonly facts: Facts
  readonly #walk: JsonWalk
  readonly #texts: Texts
  readonly #loose: boolean
  readonly #bound: number
  #bytes = 0 // of the present document
  #isLong = false // its end was not looked at
  #begun = false
  #settled = false
  #failed = false
  #isText = false
  #line = false // a line ended after the document
  #value = '' // of a document that may be a text
  #isValue = false

  /** `loose`: another document may follow on a line of its own. `bound`: bytes of a document that are looked at. */
  constructor(
    facts: Facts,
    root: Place,
    texts: Texts,
    sentinel: boolean,
    loose: boolean,
    bound = Number.POSITIVE_INFINITY
  ) {
    this.facts = facts
    this.#walk = new JsonWalk(facts, root, sentinel)
    this.#texts = texts
    this.#loose = loose
    this.#bound = bound
  }

  /** More bytes of the present document. */
  push(bytes: Uint8Array, from: number, to: number): void {
    const end = Math.min(to, from + this.#bound - this.#bytes)
    this.#bytes += end - from
    if (end < to) this.truncated = this.#isLong = true
    this.#read(bytes, from, end)
  }

  #read(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to && !this.#failed && !this.#isText) {
      if (!this.#begun) {
        at = afterSpace(bytes, at, to)
        if (at === to) return
        this.#begin(bytes[at] ?? 0)
        if (this.#isText) return
      }
      if (this.#isValue) {
        this.#collect(bytes, at, to)
        return
      }
      if (!this.#settled) {
        at = this.#walk.push(bytes, at, to)
        if (this.#walk.isWhole) this.#settle()
        else if (this.#walk.why !== null) this.#fail()
      } else at = this.#trail(bytes, at, to)
    }
  }

  /** The document is over: true where there was one. */
  finish(): boolean {
    const begun = this.#begun
    if (begun && !this.#isLong && !this.#settled && !this.#failed && !this.#isText) {
      if (this.#isValue) this.#judgeValue()
      else if (this.#walk.end()) this.#settle()
      else this.#fail()
    }
    this.#restart()
    return begun
  }

  /** A document has begun and is not over. */
  get isInside(): boolean {
    return this.#begun && !this.#settled && !this.#failed && !this.#isText
  }

  #begin(c: number): void {
    this.#begun = true
    this.count++
    this.#walk.restart()
    this.facts.begin()
    if (this.#texts === 'never' || c === 123 || c === 91) return
    if (c === 0 || c >= 0xfe || (c === 60 && this.#texts === 'untyped')) return
    if (this.#texts === 'always') this.#judgeText()
    else this.#isValue = true
  }

  #restart(): void {
    this.#bytes = 0
    this.#isLong = false
    this.#begun = false
    this.#settled = false
    this.#failed = false
    this.#isText = false
    this.#line = false
    this.#isValue = false
    this.#value = ''
  }

  #settle(): void {
    this.#settled = true
    this.facts.done()
  }

  #fail(): void {
    this.#failed = true
    const why = this.#walk.why ?? 'syntax'
    if (this.#texts === 'always' && why !== 'cut') this.#judgeText()
    else this.facts.unparsable(why)
  }

  #judgeText(): void {
    this.#isText = true
    this.facts.isText(false)
  }

  /** After a document: space, or where that is allowed the next one. */
  #trail(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const c = bytes[at] ?? 0
      if (c === 10 || c === 13) this.#line = true
      else if (c !== 32 && c !== 9) {
        if (this.#loose && this.#line) this.#restart()
        else {
          this.#walk.refuse(c)
          this.#fail()
        }
        return at
      }
    }
    return to
  }

  #collect(bytes: Uint8Array, from: number, to: number): void {
    const room = LONGEST_VALUE - this.#value.length
    if (to - from > room) {
      this.#isValue = false
      this.#value = ''
      this.#judgeText()
    } else this.#value += String.fromCharCode(...bytes.subarray(from, to))
  }

  #judgeValue(): void {
    const bytes = Uint8Array.from(this.#value, c => c.charCodeAt(0))
    const end = this.#walk.push(bytes, 0, bytes.length)
    if (this.#walk.end() && afterSpace(bytes, end, bytes.length) === bytes.length) this.#settle()
    else this.#judgeText()
  }
}
