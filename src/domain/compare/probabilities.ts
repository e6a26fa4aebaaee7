/**
 * Vectors of probabilities: whether the same label wins, how far the distributions are apart, and the ranking.
 *
 * A vector is one when it has two elements or more, all are within 0..1 and their sum is 1 within 1e-3. Distance:
 * Jensen and Shannon's with natural logarithms (the root of the divergence; Endres and Schindelin 2003).
 */
import { sameFloat } from './numbers.ts'
import { folded, NODE, type Pace, PIECE, type Steps } from './pace.ts'

const SUM_WITHIN = 1e-3
/** Beyond this distance two distributions differ. */
export const MOST_DISTANCE = 0.05
const TOP = 5 // ranks that are looked at
const MATTERS = 1e-3 // probability by which two labels must be apart to have an order

export function areProbabilities(values: Float64Array): boolean {
  if (values.length < 2) return false
  return isOne(addProbabilities(values, 0, values.length, 0))
}

export function* areProbabilitiesSteps(values: Float64Array, pace: Pace): Steps<boolean> {
  if (values.length <= PIECE) return areProbabilities(values)
  const add = (from: number, to: number, sum: number) => addProbabilities(values, from, to, sum)
  return isOne(yield* folded(pace, values.length, 1, 0, add))
}

function isOne(sum: number): boolean {
  return Math.abs(sum - 1) <= SUM_WITHIN
}

/** NaN where one is no probability, and from then on. */
function addProbabilities(values: Float64Array, from: number, to: number, start: number): number {
  let sum = start
  if (Number.isNaN(sum)) return sum
  for (let i = from; i < to; i++) {
    const value = values[i] ?? 0
    if (!(value >= 0 && value <= 1)) return Number.NaN
    sum += value
  }
  return sum
}

/** Index of the highest. */
export function* labelOf(values: Float64Array, pace: Pace): Steps<number> {
  const { length } = values
  if (length <= PIECE) return highest(values, 0, length, 0)
  return yield* folded(pace, length, 1, 0, (from, to, top) => highest(values, from, to, top))
}

function highest(values: Float64Array, from: number, to: number, start: number): number {
  let top = start
  for (let i = from; i < to; i++) if ((values[i] ?? 0) > (values[top] ?? 0)) top = i
  return top
}

/** Whether a label that has the highest probability on one side has it on the other too. */
export function* sameLabel(
  a: Float64Array,
  labelA: number,
  b: Float64Array,
  labelB: number,
  pace: Pace
): Steps<boolean> {
  const topA = a[labelA]
  const topB = b[labelB]
  for (let i = 0; i < a.length; i++) {
    if ((i & (PIECE - 1)) === PIECE - 1 && pace.isDue(PIECE)) yield
    if (a[i] === topA && b[i] === topB) return true
  }
  return false
}

/** 0..sqrt(ln 2), of two vectors of one length; each is divided by its sum. */
export function jensenShannon(a: Float64Array, b: Float64Array): number {
  const { length } = a
  const sumA = sum(a, 0, length, 0)
  const sumB = sum(b, 0, length, 0)
  if (!(sumA > 0) || !(sumB > 0)) return withoutSum(sumA, sumB)
  return distanceOf(addDivergence(a, sumA, b, sumB, 0, length, 0))
}

/** The same with pauses. */
export function* jensenShannonSteps(a: Float64Array, b: Float64Array, pace: Pace): Steps<number> {
  const { length } = a
  const sumA = yield* folded(pace, length, 1, 0, (from, to, start) => sum(a, from, to, start))
  const sumB = yield* folded(pace, length, 1, 0, (from, to, start) => sum(b, from, to, start))
  if (!(sumA > 0) || !(sumB > 0)) return withoutSum(sumA, sumB)
  const add = (from: number, to: number, start: number) =>
    addDivergence(a, sumA, b, sumB, from, to, start)
  return distanceOf(yield* folded(pace, length, NODE, 0, add))
}

/** Two vectors of which one has no sum are as far apart as can be, or not at all. */
function withoutSum(sumA: number, sumB: number): number {
  return sumA === sumB ? 0 : Math.sqrt(Math.LN2)
}

function distanceOf(divergence: number): number {
  return Math.sqrt(Math.max(0, divergence) / 2)
}

function addDivergence(
  a: Float64Array,
  sumA: number,
  b: Float64Array,
  sumB: number,
  from: number,
  to: number,
  start: number
): number {
  let divergence = start
  for (let i = from; i < to; i++) {
    const p = (a[i] ?? 0) / sumA
    const q = (b[i] ?? 0) / sumB
    const middle = (p + q) / 2
    if (p > 0) divergence += p * Math.log(p / middle)
    if (q > 0) divergence += q * Math.log(q / middle)
  }
  return divergence
}

function sum(values: Float64Array, from: number, to: number, start: number): number {
  let all = start
  for (let i = from; i < to; i++) all += values[i] ?? 0
  return all
}

/**
 * Share of the pairs of labels among either side's first five that are clearly in the other order: 0 for the same
 * ranking. Labels whose probabilities are within the tolerance, or within 0.001, have no order.
 */
export function* inversions(
  a: Float64Array,
  b: Float64Array,
  relative: number,
  pace: Pace
): Steps<number> {
  const labels = [...new Set([...(yield* firstOf(a, pace)), ...(yield* firstOf(b, pace))])]
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
function* firstOf(values: Float64Array, pace: Pace): Steps<readonly number[]> {
  const first: number[] = []
  for (let i = 0; i < values.length; i++) {
    if ((i & (PIECE - 1)) === PIECE - 1 && pace.isDue(NODE * PIECE)) yield
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
