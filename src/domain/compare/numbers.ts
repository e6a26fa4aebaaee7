/**
 * Lists of numbers, from JSON or from bytes, and when two numbers are the same.
 *
 * Floats agree within a relative tolerance; NaN equals only NaN and an infinity only its like. Where every number
 * on both sides is an integer they are labels, ids or counts and agree only when equal, to the last digit.
 */
import { JSON_KIND, type JsonDocument } from './json-document.ts'

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

/** The elements of an array of numbers, or null when it holds anything else. */
export function numbersOfArray(document: JsonDocument, node: number): Numbers | null {
  const size = document.number(node)
  if (size === 0 || document.next(node) - node - 1 !== size) return null
  const nodeAt = (index: number) => node + 1 + index
  return numbersOfLeaves(document, node, size, false, nodeAt)
}

/** All scalars in an array, at any depth and in their order; null when one is neither number nor null. */
export function numbersOfTensor(document: JsonDocument, node: number): Numbers | null {
  let size = 0
  const end = document.next(node)
  for (let at = node + 1; at < end; at++) {
    const kind = document.kind(at)
    if (kind === JSON_KIND.object) return null
    if (kind !== JSON_KIND.array) size++
  }
  const nodeAt = (index: number) => {
    let left = index
    for (let at = node + 1; at < end; at++) {
      if (document.kind(at) !== JSON_KIND.array && left-- === 0) return at
    }
    return node
  }
  const isFlat = size === end - node - 1
  return numbersOfLeaves(document, node, size, true, isFlat ? i => node + 1 + i : nodeAt)
}

function numbersOfLeaves(
  document: JsonDocument,
  node: number,
  size: number,
  allowsNull: boolean,
  nodeAt: (index: number) => number
): Numbers | null {
  const values = new Float64Array(size)
  let isNull: Uint8Array | null = null
  let areIntegers = true
  let big: Map<number, string> | null = null
  let i = 0
  const end = document.next(node)
  for (let at = node + 1; at < end; at++) {
    const kind = document.kind(at)
    if (kind === JSON_KIND.array) continue
    if (kind === JSON_KIND.float) areIntegers = false
    else if (kind === JSON_KIND.big) {
      big ??= new Map()
      big.set(i, document.raw(at))
    } else if (kind === JSON_KIND.null && allowsNull) {
      isNull ??= new Uint8Array(size)
      isNull[i] = 1
    } else if (kind !== JSON_KIND.integer) return null
    values[i] = document.number(at)
    i++
  }
  const exact = big === null ? null : exactOf(big)
  return { values, areIntegers, isNull, exact, show: index => document.raw(nodeAt(index)) }
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
