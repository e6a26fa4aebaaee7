/**
 * Lists of numbers, from JSON or from bytes, and when two numbers are the same.
 *
 * Floats agree within a relative tolerance; NaN equals only NaN and an infinity only its like. Where every number
 * on both sides is an integer they are labels, ids or counts and agree only when equal, to the last digit.
 */
import { JSON_KIND, type JsonDocument } from './json-document.ts'
import { type Pace, PIECE, type Steps } from './pace.ts'

export type Numbers = {
  readonly values: Float64Array
  readonly areIntegers: boolean
  readonly isNull: Uint8Array | null // elements that are null, where any is
  /** The digits of an element, where a double does not hold them all. */
  readonly exact: ((index: number) => string | null) | null
  /** An element as it stands on the wire, in short. */
  readonly show: (index: number) => string
}

/** |a − b| ≤ relative · max(|a|, |b|). */
export function sameFloat(a: number, b: number, relative: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false
  return Math.abs(a - b) <= relative * Math.max(Math.abs(a), Math.abs(b))
}

/** Whether two elements at the same place are the same; nulls are looked at before. */
export function sameNumber(a: Numbers, b: Numbers, i: number, relative: number): boolean {
  const x = a.values[i] ?? 0
  const y = b.values[i] ?? 0
  if (!a.areIntegers || !b.areIntegers) return sameFloat(x, y, relative)
  if (x !== y) return false
  if (Number.isSafeInteger(x)) return true
  return digits(a, i) === digits(b, i)
}

/** Whether an array may be one of numbers: nothing is in it but its elements. */
export function isFlat(document: JsonDocument, node: number): boolean {
  const size = document.number(node)
  return size > 0 && document.next(node) - node - 1 === size && document.isNumber(node + 1)
}

/** The elements of a flat array, or null when one of them is no number. */
export function numbersOfArray(document: JsonDocument, node: number): Numbers | null {
  const leaves = new Leaves(document, node, document.number(node), false)
  return leaves.take(document.next(node)) ? leaves.numbers() : null
}

/** The same with pauses. */
export function* numbersOfLongArray(
  document: JsonDocument,
  node: number,
  pace: Pace
): Steps<Numbers | null> {
  const leaves = new Leaves(document, node, document.number(node), false)
  return (yield* takeAll(leaves, document, node, pace)) ? leaves.numbers() : null
}

/** All scalars in an array, at any depth and in their order; null when one is neither number nor null. */
export function* numbersOfTensor(
  document: JsonDocument,
  node: number,
  pace: Pace
): Steps<Numbers | null> {
  let size = 0
  const end = document.next(node)
  for (let at = node + 1; at < end; at++) {
    if (pace.isDue(2)) yield
    const kind = document.kind(at)
    if (kind === JSON_KIND.object) return null
    if (kind !== JSON_KIND.array) size++
  }
  const leaves = new Leaves(document, node, size, true)
  return (yield* takeAll(leaves, document, node, pace)) ? leaves.numbers() : null
}

function* takeAll(leaves: Leaves, document: JsonDocument, node: number, pace: Pace) {
  const end = document.next(node)
  for (let to = node + 1; to < end; ) {
    const from = to
    to = Math.min(end, to + PIECE)
    if (!leaves.take(to)) return false
    if (pace.isDue(4 * (to - from))) yield
  }
  return true
}

/** Scalars of an array, taken piece by piece. */
class Leaves {
  readonly #document: JsonDocument
  readonly #node: number
  readonly #allowsNull: boolean
  readonly #values: Float64Array
  readonly #nodes: Int32Array | null // of the elements, where they do not stand side by side
  #isNull: Uint8Array | null = null
  #areIntegers = true
  #big: Map<number, string> | null = null
  #at: number
  #taken = 0

  constructor(document: JsonDocument, node: number, size: number, allowsNull: boolean) {
    this.#document = document
    this.#node = node
    this.#allowsNull = allowsNull
    this.#values = new Float64Array(size)
    this.#nodes = size === document.next(node) - node - 1 ? null : new Int32Array(size)
    this.#at = node + 1
  }

  /** Takes the nodes before `to`; false when one of them is no number. */
  take(to: number): boolean {
    const document = this.#document
    const values = this.#values
    let i = this.#taken
    for (let at = this.#at; at < to; at++) {
      const kind = document.kind(at)
      if (kind === JSON_KIND.array) continue
      if (kind === JSON_KIND.float) this.#areIntegers = false
      else if (kind === JSON_KIND.big) {
        this.#big ??= new Map()
        this.#big.set(i, document.raw(at))
      } else if (kind === JSON_KIND.null && this.#allowsNull) {
        this.#isNull ??= new Uint8Array(values.length)
        this.#isNull[i] = 1
      } else if (kind !== JSON_KIND.integer) return false
      values[i] = document.number(at)
      if (this.#nodes !== null) this.#nodes[i] = at
      i++
    }
    this.#at = to
    this.#taken = i
    return true
  }

  numbers(): Numbers {
    const document = this.#document
    const first = this.#node + 1
    const nodes = this.#nodes
    const big = this.#big
    return {
      values: this.#values,
      areIntegers: this.#areIntegers,
      isNull: this.#isNull,
      exact: big === null ? null : exactOf(big),
      show: index => document.raw(nodes === null ? first + index : (nodes[index] ?? first))
    }
  }
}

function exactOf(big: ReadonlyMap<number, string>): (index: number) => string | null {
  return index => big.get(index) ?? null
}

/** Part of a list, without a copy. */
export function rowOf(numbers: Numbers, from: number, length: number): Numbers {
  const { values, areIntegers, isNull, exact, show } = numbers
  return {
    values: values.subarray(from, from + length),
    areIntegers,
    isNull: isNull === null ? null : isNull.subarray(from, from + length),
    exact: exact === null ? null : i => exact(from + i),
    show: i => show(from + i)
  }
}

function digits(numbers: Numbers, index: number): string {
  const exact = numbers.exact === null ? null : numbers.exact(index)
  return exact ?? String(numbers.values[index])
}
