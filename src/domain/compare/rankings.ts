/**
 * Rankings of items: how much two ordered lists agree at their tops.
 *
 * Lists are taken as rankings when each has three strings or more, none twice, and half of the items are in both.
 * Overlap is weighted by rank with p = .9 over the first 100 (Webber, Moffat, Zobel 2010, extrapolated).
 */
import type { JsonDocument } from './json-document.ts'
import { NODE, type Pace, type Steps } from './pace.ts'

const P = 0.9
const DEPTH = 100
const FEWEST = 3

/** Whether an array may hold items: there are enough, and the first is a string. */
export function mayBeItems(document: JsonDocument, node: number): boolean {
  const size = document.number(node)
  if (size < FEWEST || document.next(node) - node - 1 !== size) return false
  return document.isString(node + 1)
}

/** The strings of an array when each stands there once, or null. */
export function* itemsOf(
  document: JsonDocument,
  node: number,
  pace: Pace
): Steps<readonly string[] | null> {
  if (!mayBeItems(document, node)) return null
  const size = document.number(node)
  const items = new Set<string>()
  const end = document.next(node)
  for (let at = node + 1; at < end; at++) {
    if (!document.isString(at)) return null
    const item = document.string(at)
    items.add(item)
    if (pace.isDue(3 * NODE + item.length)) yield
  }
  return items.size === size ? [...items] : null
}

/** Whether half of the items of either list are in the other too. */
export function* areRankings(
  a: readonly string[],
  b: readonly string[],
  pace: Pace
): Steps<boolean> {
  const items = new Set<string>()
  for (const item of a) {
    items.add(item)
    if (pace.isDue(2 * NODE + item.length)) yield
  }
  let common = 0
  for (const item of b) {
    if (items.has(item)) common++
    if (pace.isDue(2 * NODE + item.length)) yield
  }
  return common * 2 >= Math.max(a.length, b.length)
}

/** Rank-biased overlap of two lists without repeats, 0..1: 1 for the same ranking. */
export function rankBiasedOverlap(a: readonly string[], b: readonly string[]): number {
  const depth = Math.min(DEPTH, a.length, b.length)
  const seenA = new Set<string>()
  const seenB = new Set<string>()
  let common = 0
  let sum = 0
  let weight = 1 - P
  for (let d = 0; d < depth; d++) {
    const x = a[d] ?? ''
    const y = b[d] ?? ''
    if (x === y) common++
    else {
      if (seenB.has(x)) common++
      if (seenA.has(y)) common++
    }
    seenA.add(x)
    seenB.add(y)
    sum += weight * (common / (d + 1))
    weight *= P
  }
  return depth === 0 ? 1 : Math.min(1, sum + (common / depth) * P ** depth)
}
