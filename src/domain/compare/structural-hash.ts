/**
 * A 64-bit hash of every value of a document, as two words a node: equal values have equal hashes, whatever the
 * order of their members and however their numbers and escapes are written. Marked values do not count.
 *
 * One pass from the last node to the first, so children come before what holds them. Two values with one hash
 * are taken as equal only to name a kind of difference, never to call them equal.
 */
import { JSON_KIND } from './json-document.ts'
import { MARK } from './marks.ts'
import { NODE, type Pace, PIECE, type Steps } from './pace.ts'
import type { Side } from './shorten.ts'

export type Hashes = { readonly low: Int32Array; readonly high: Int32Array }

export function* structuralHashes({ document, marks }: Side, pace: Pace): Steps<Hashes> {
  const low = new Int32Array(document.count)
  const high = new Int32Array(document.count)
  const number = new Float64Array(1)
  const bits = new Int32Array(number.buffer)
  for (let node = document.count - 1; node >= 0; node--) {
    if (pace.isDue(NODE)) yield
    const kind = document.kind(node)
    if (kind > JSON_KIND.array) {
      if (document.isNumber(node) && kind !== JSON_KIND.big) {
        number[0] = document.number(node) + 0 // no negative zero
        low[node] = mixed(bits[0] ?? 0, bits[1] ?? 0)
        high[node] = mixed(bits[1] ?? 0, ~(bits[0] ?? 0))
        continue
      }
      const text = scalarText(document, node, kind)
      let one = FIRST
      let other = FIRST
      for (let from = 0; from < text.length; from += PIECE) {
        const piece = text.length > PIECE ? text.slice(from, from + PIECE) : text
        one = hashOfText(piece, 0x01000193, one)
        other = hashOfText(piece, 0x01003f4d, other)
        if (pace.isDue(3 * piece.length)) yield
      }
      const same = kind === JSON_KIND.escaped ? JSON_KIND.string : kind
      low[node] = mixed(mixed(one, text.length), same)
      high[node] = mixed(other, text.length)
      continue
    }
    const isObject = kind === JSON_KIND.object
    let l = kind + 1
    let h = kind + 17
    const end = document.next(node)
    for (let at = node + 1; at < end; ) {
      const value = isObject ? at + 1 : at
      if (((marks[value] ?? 0) & MARK.ignored) === 0) {
        const name = isObject ? (low[at] ?? 0) : 0
        const childLow = mixed(low[value] ?? 0, name)
        const childHigh = mixed(high[value] ?? 0, name ^ 0x5bd1)
        l = isObject ? (l + childLow) | 0 : mixed(l, childLow)
        h = isObject ? (h + childHigh) | 0 : mixed(h, childHigh)
      }
      at = document.next(value)
      if (pace.isDue(NODE / 2)) yield
    }
    low[node] = mixed(l, 3)
    high[node] = mixed(h, 5)
  }
  return { low, high }
}

/** Whether two arrays hold the same elements, each as often, in any order. */
export function* sameElements(
  a: Side,
  an: number,
  ah: Hashes,
  b: Side,
  bn: number,
  bh: Hashes,
  pace: Pace
): Steps<boolean> {
  const x = yield* sumOfElements(a, an, ah, pace)
  const y = yield* sumOfElements(b, bn, bh, pace)
  return x.low === y.low && x.high === y.high
}

function* sumOfElements(
  { document, marks }: Side,
  node: number,
  hashes: Hashes,
  pace: Pace
): Steps<{ readonly low: number; readonly high: number }> {
  let low = 0
  let high = 0
  const end = document.next(node)
  for (let at = node + 1; at < end; at = document.next(at)) {
    if (pace.isDue(NODE / 2)) yield
    if (((marks[at] ?? 0) & MARK.ignored) !== 0) continue
    low = (low + mixed(hashes.low[at] ?? 0, 11)) | 0
    high = (high + mixed(hashes.high[at] ?? 0, 13)) | 0
  }
  return { low, high }
}

/** A string's value; the text of an integer beyond doubles; the rest are told apart by their kind. */
function scalarText(document: Side['document'], node: number, kind: number): string {
  if (kind === JSON_KIND.big) return document.raw(node)
  return document.isString(node) ? document.string(node) : ''
}

const FIRST = 0x811c9dc5

/** Goes on from a hash with the units of a text. */
function hashOfText(text: string, prime: number, start: number): number {
  let hash = start
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), prime)
  return hash
}

/** Mixes a word into a hash. */
function mixed(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 15) ^ (word << 7), 0xc2b2ae35)
  return h ^ (h >>> 13)
}
