/**
 * Vectors of probabilities: whether the same label wins, how far the distributions are apart, and the ranking.
 *
 * A vector is one when it has two elements or more, all are within 0..1 and their sum is 1 within 1e-3. Distance:
 * Jensen and Shannon's with natural logarithms (the root of the divergence; Endres and Schindelin 2003).
 */
import { sameFloat } from './numbers.ts'

const SUM_WITHIN = 1e-3
/** Beyond this distance two distributions differ. */
export const MOST_DISTANCE = 0.05
const TOP = 5 // ranks that are looked at
const MATTERS = 1e-3 // probability by which two labels must be apart to have an order

export function areProbabilities(values: Float64Array): boolean {
  if (values.length < 2) return false
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    if (!(value >= 0 && value <= 1)) return false
    sum += value
  }
  return Math.abs(sum - 1) <= SUM_WITHIN
}

/** Whether a label that has the highest probability on one side has it on the other too. */
export function sameLabel(a: Float64Array, b: Float64Array): boolean {
  const topA = a.reduce((top, value) => Math.max(top, value), 0)
  const topB = b.reduce((top, value) => Math.max(top, value), 0)
  for (let i = 0; i < a.length; i++) if (a[i] === topA && b[i] === topB) return true
  return false
}

/** Index of the highest. */
export function labelOf(values: Float64Array): number {
  let top = 0
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[top] ?? 0)) top = i
  return top
}

/** 0..sqrt(ln 2), of two vectors of one length; each is divided by its sum. */
export function jensenShannon(a: Float64Array, b: Float64Array): number {
  const sumA = a.reduce((sum, value) => sum + value, 0)
  const sumB = b.reduce((sum, value) => sum + value, 0)
  if (!(sumA > 0) || !(sumB > 0)) return sumA === sumB ? 0 : Math.sqrt(Math.LN2)
  let divergence = 0
  for (let i = 0; i < a.length; i++) {
    const p = (a[i] ?? 0) / sumA
    const q = (b[i] ?? 0) / sumB
    const middle = (p + q) / 2
    if (p > 0) divergence += p * Math.log(p / middle)
    if (q > 0) divergence += q * Math.log(q / middle)
  }
  return Math.sqrt(Math.max(0, divergence) / 2)
}

/**
 * Share of the pairs of labels among either side's first five that are clearly in the other order: 0 for the same
 * ranking. Labels whose probabilities are within the tolerance, or within 0.001, have no order.
 */
export function inversions(a: Float64Array, b: Float64Array, relative: number): number {
  const labels = [...new Set([...firstOf(a), ...firstOf(b)])]
  let pairs = 0
  let inverted = 0
  for (let i = 0; i < labels.length; i++) {
    for (let j = i + 1; j < labels.length; j++) {
      pairs++
      const orderA = order(a, labels[i] ?? 0, labels[j] ?? 0, relative)
      if (orderA !== 0 && orderA === -order(b, labels[i] ?? 0, labels[j] ?? 0, relative)) inverted++
    }
  }
  return pairs === 0 ? 0 : inverted / pairs
}

/** Indices of the five highest. */
function firstOf(values: Float64Array): readonly number[] {
  const first: number[] = []
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    if (first.length === TOP && value <= (values[first[TOP - 1] ?? 0] ?? 0)) continue
    let at = first.length
    while (at > 0 && (values[first[at - 1] ?? 0] ?? 0) < value) at--
    first.splice(at, 0, i)
    if (first.length > TOP) first.pop()
  }
  return first
}

function order(values: Float64Array, i: number, j: number, relative: number): number {
  const x = values[i] ?? 0
  const y = values[j] ?? 0
  if (sameFloat(x, y, relative) || Math.abs(x - y) <= MATTERS) return 0
  return x > y ? 1 : -1
}
