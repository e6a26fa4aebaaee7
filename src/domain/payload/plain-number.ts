/**
 * JSON numbers that lie whole in a chunk and that any double holds: the fast way over nearly all numbers.
 *
 * Nothing here looks at where the chunk ends: `numberLimit` finds the last byte that ends a number, and what begins
 * before it ends before it. What is not plain is -1 and goes the slow way (number-scan.ts).
 */

import { isEnd } from './json-bytes.ts'

/** Longer numbers may be infinite, together with an exponent of two digits. */
const LONGEST = 200

/** Digits that a double holds exactly. */
const EXACT = 15

/** 1: may be in a number. */
const PARTS = Uint8Array.from({ length: 256 }, (_, c) =>
  (c >= 48 && c <= 57) || c === 45 || c === 43 || c === 46 || (c | 32) === 101 ? 1 : 0
)

/** The index after which bytes[from, to) may end inside a number. */
export function numberLimit(bytes: Uint8Array, from: number, to: number): number {
  let limit = to - 1
  while (limit >= from && PARTS[bytes[limit] ?? 0] === 1) limit--
  return limit
}

/** The end of the number at bytes[from], which ends before some byte that is no part of one; -1: not plain. */
export function plainNumber(bytes: Uint8Array, from: number): number {
  let at = from
  let c = bytes[at] ?? 0
  if (c === 45) c = bytes[++at] ?? 0
  if (c === 48) c = bytes[++at] ?? 0
  else if (c > 48 && c <= 57)
    do c = bytes[++at] ?? 0
    while ((c - 48) >>> 0 < 10)
  else return -1
  if (c === 46) {
    c = bytes[++at] ?? 0
    if (c < 48 || c > 57) return -1
    do c = bytes[++at] ?? 0
    while ((c - 48) >>> 0 < 10)
  }
  if (at - from > LONGEST) return -1
  if (c === 44 || c === 93) return at
  if ((c | 32) === 101) return plainExponent(bytes, at + 1)
  return isEnd(c) ? at : -1
}

/** The value of a whole number of few digits, or -1. */
export function plainInteger(bytes: Uint8Array, from: number, end: number): number {
  if (end - from > EXACT) return -1
  let value = 0
  for (let at = from; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** The end of an exponent that makes no number infinite that is not too long, or -1. */
function plainExponent(bytes: Uint8Array, from: number): number {
  let at = from
  const sign = bytes[at] ?? 0
  if (sign === 45 || sign === 43) at++
  const digits = at
  let c = bytes[at] ?? 0
  while (c >= 48 && c <= 57) c = bytes[++at] ?? 0
  if (at === digits || (sign !== 45 && at - digits > 2)) return -1
  return isEnd(c) ? at : -1
}
