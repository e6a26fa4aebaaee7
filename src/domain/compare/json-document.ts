/**
 * A JSON document as a flat list of nodes in the order of their text: four words a node and no object for any.
 *
 * A container's nodes follow it at once and end before `next`; in an object each member is a name node and then
 * its value. So a subtree is a range, a walk needs no recursion, and the text of every node is still at hand.
 */

import { saysUnescaped, unescaped } from './escapes.ts'

/** Kinds of nodes. `escaped` is a string with escapes in it, `big` an integer that a double does not hold. */
export const JSON_KIND = {
  object: 0,
  array: 1,
  string: 2,
  escaped: 3,
  integer: 4,
  big: 5,
  float: 6, // also NaN and the infinities
  true: 7,
  false: 8,
  null: 9
} as const

/** Strings with escapes that are longer than this have their value kept. */
export const LONG_STRING = 4_096
/** Names of an object that are looked through; of one with more they are kept. */
const FEW_NAMES = 256

const WORDS = 4 // of a node: kind, start and end in the text, index of the node behind the subtree

export class JsonDocument {
  readonly text: string
  count = 0
  readonly #words: Int32Array
  readonly #numbers: Float64Array
  #strings: Map<number, string> | null = null // values of long strings
  #names: Map<number, ReadonlyMap<string, number>> | null = null // nodes of names, of large objects

  /** Holds up to `capacity` nodes. */
  constructor(text: string, capacity: number) {
    this.text = text
    const numbers = capacity * Float64Array.BYTES_PER_ELEMENT
    const memory = new ArrayBuffer(numbers + capacity * WORDS * Int32Array.BYTES_PER_ELEMENT)
    this.#numbers = new Float64Array(memory, 0, capacity)
    this.#words = new Int32Array(memory, numbers)
  }

  /** Adds a node; the caller knows that there is room. */
  add(kind: number, start: number, end: number, number: number): number {
    const node = this.count++
    const at = node * WORDS
    this.#words[at] = kind
    this.#words[at + 1] = start
    this.#words[at + 2] = end
    this.#words[at + 3] = node + 1
    this.#numbers[node] = number
    return node
  }

  /**
   * Ends a container that began at `node`: all nodes since are its own, `size` of them elements or members. `names`
   * are the nodes of its names.
   */
  close(node: number, end: number, size: number, names: ReadonlyMap<string, number> | null): void {
    if (names !== null && size > FEW_NAMES) {
      this.#names ??= new Map()
      this.#names.set(node, names)
    }
    this.#words[node * WORDS + 2] = end
    this.#words[node * WORDS + 3] = this.count
    this.#numbers[node] = size
  }

  /** Keeps the value of a long string. */
  keep(node: number, value: string): void {
    this.#strings ??= new Map()
    this.#strings.set(node, value)
  }

  kind(node: number): number {
    return this.#words[node * WORDS] ?? JSON_KIND.null
  }

  start(node: number): number {
    return this.#words[node * WORDS + 1] ?? 0
  }

  end(node: number): number {
    return this.#words[node * WORDS + 2] ?? 0
  }

  /** The node behind this one and everything in it. */
  next(node: number): number {
    return this.#words[node * WORDS + 3] ?? node + 1
  }

  /** Value of a number, or how many elements or members a container has. */
  number(node: number): number {
    return this.#numbers[node] ?? 0
  }

  isNumber(node: number): boolean {
    const kind = this.kind(node)
    return kind === JSON_KIND.integer || kind === JSON_KIND.float || kind === JSON_KIND.big
  }

  isString(node: number): boolean {
    const kind = this.kind(node)
    return kind === JSON_KIND.string || kind === JSON_KIND.escaped
  }

  isContainer(node: number): boolean {
    return this.kind(node) <= JSON_KIND.array
  }

  /** The text of a node as it stands in the document. */
  raw(node: number): string {
    return this.text.slice(this.start(node), this.end(node))
  }

  /** The value of a string or name, its escapes undone. */
  string(node: number): string {
    const start = this.start(node)
    const end = this.end(node)
    if (this.kind(node) !== JSON_KIND.escaped) return this.text.slice(start + 1, end - 1)
    const kept = end - start > LONG_STRING ? this.#strings?.get(node) : undefined
    return kept ?? unescaped(this.text.slice(start + 1, end - 1))
  }

  /** The value of the member `name`, or -1: not an object, or no such member. */
  member(node: number, name: string): number {
    if (node < 0 || this.kind(node) !== JSON_KIND.object) return -1
    if (this.number(node) > FEW_NAMES) return (this.#names?.get(node)?.get(name) ?? -2) + 1
    const end = this.next(node)
    for (let at = node + 1; at < end; at = this.next(at + 1)) {
      if (this.isNamed(at, name)) return at + 1
    }
    return -1
  }

  /** Whether the name node `node` says `name`. */
  isNamed(node: number, name: string): boolean {
    const start = this.start(node) + 1
    if (this.kind(node) === JSON_KIND.escaped) {
      return saysUnescaped(this.text, start, this.end(node) - 1, name)
    }
    return this.end(node) - 1 - start === name.length && this.text.startsWith(name, start)
  }

  /** Adds all finite numbers of the nodes in `from`..`to` to a sum, and their magnitudes. */
  sumNumbers(from: number, to: number, into: { sum: number; size: number }): void {
    let { sum, size } = into
    for (let at = from; at < to; at++) {
      const kind = this.kind(at)
      if (kind < JSON_KIND.integer || kind > JSON_KIND.float) continue
      const number = this.number(at)
      if (!Number.isFinite(number)) continue
      sum += number
      size += Math.abs(number)
    }
    into.sum = sum
    into.size = size
  }

  /** Whether two strings or names of this document say the same. */
  sameString(a: number, b: number): boolean {
    if (this.kind(a) === JSON_KIND.escaped || this.kind(b) === JSON_KIND.escaped) {
      return this.string(a) === this.string(b)
    }
    const start = this.start(a)
    const length = this.end(a) - start
    const other = this.start(b)
    if (this.end(b) - other !== length) return false
    for (let i = 1; i < length; i++) {
      if (this.text.charCodeAt(start + i) !== this.text.charCodeAt(other + i)) return false
    }
    return true
  }

  /** The element at `index` of an array, or -1. */
  element(node: number, index: number): number {
    if (node < 0 || this.kind(node) !== JSON_KIND.array || index >= this.number(node)) return -1
    if (this.next(node) - node - 1 === this.number(node)) return node + 1 + index
    let at = node + 1
    for (let i = 0; i < index; i++) at = this.next(at)
    return at
  }

  /** The string that the member `name` is, or null. */
  textOf(node: number, name: string): string | null {
    const value = this.member(node, name)
    return value >= 0 && this.isString(value) ? this.string(value) : null
  }
}
