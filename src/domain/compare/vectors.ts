/**
 * Two lists of numbers at one place: as probabilities where both are, as an embedding where they are named so,
 * otherwise element by element.
 */
import { sameEmbeddingSteps } from './embedding.ts'
import type { Field, Shown } from './field-table.ts'
import { type Numbers, sameNumber } from './numbers.ts'
import { NODE, type Pace, PIECE, type Steps } from './pace.ts'
import {
  areProbabilities,
  areProbabilitiesSteps,
  inversions,
  jensenShannon,
  jensenShannonSteps,
  labelOf,
  MOST_DISTANCE,
  sameLabel
} from './probabilities.ts'
import type { Work } from './texts.ts'

/** Compares two vectors; `hidden` keeps their numbers out of what is shown. */
export function* compareVectors(
  work: Work,
  field: Field,
  a: Numbers,
  b: Numbers,
  hidden: (() => Shown) | null
): Steps {
  const length = a.values.length
  if (length !== b.values.length) {
    return field.differ('size', null, hidden ?? (() => shownSizes(length, b.values.length)))
  }
  if (a.isNull === null && b.isNull === null) {
    const are =
      length <= PIECE
        ? areProbabilities(a.values) && areProbabilities(b.values)
        : (yield* areProbabilitiesSteps(a.values, work.pace)) &&
          (yield* areProbabilitiesSteps(b.values, work.pace))
    if (are) return yield* compareProbabilities(work, field, a.values, b.values, hidden)
  }
  yield* compareElements(work, field, a, b, hidden)
}

/** Compares two embeddings by their cosine; of different dimensions there is none. */
export function* compareEmbeddings(
  { pace }: Work,
  field: Field,
  a: Float64Array,
  b: Float64Array,
  hidden: (() => Shown) | null
): Steps {
  if (a.length !== b.length) {
    return field.differ('size', null, hidden ?? (() => shownSizes(a.length, b.length)))
  }
  const { same, distance } = yield* sameEmbeddingSteps(a, b, pace)
  if (same) return field.agree()
  field.differ(
    'embedding',
    distance,
    hidden ?? (() => ({ primary: `${a.length} dimensions`, shadow: `${b.length} dimensions` }))
  )
}

export function shownSizes(primary: number, shadow: number): Shown {
  return { primary: `${primary} elements`, shadow: `${shadow} elements` }
}

function* compareProbabilities(
  { pace, relative }: Work,
  field: Field,
  a: Float64Array,
  b: Float64Array,
  hidden: (() => Shown) | null
): Steps {
  const isShort = a.length <= PIECE
  const distance = isShort ? jensenShannon(a, b) : yield* jensenShannonSteps(a, b, pace)
  if (distance === 0 && (yield* areEqual(a, b, pace))) return field.agree()
  const labelA = yield* labelOf(a, pace)
  const labelB = yield* labelOf(b, pace)
  const shown =
    hidden ?? (() => ({ primary: shownLabel(a, labelA), shadow: shownLabel(b, labelB) }))
  if (!(yield* sameLabel(a, labelA, b, labelB, pace))) return field.differ('label', distance, shown)
  if (distance > MOST_DISTANCE) return field.differ('probability', distance, shown)
  const inverted = yield* inversions(a, b, relative, pace)
  if (inverted > 0) return field.differ('ranking', inverted, shown)
  field.agree()
}

function* areEqual(a: Float64Array, b: Float64Array, pace: Pace): Steps<boolean> {
  for (let i = 0; i < a.length; i++) {
    if ((i & PAUSE) === PAUSE && pace.isDue(PAUSE)) yield
    if (a[i] !== b[i]) return false
  }
  return true
}

function* compareElements(
  { pace, relative }: Work,
  field: Field,
  a: Numbers,
  b: Numbers,
  hidden: (() => Shown) | null
): Steps {
  let differing = -1
  let nulls = -1
  let sum = 0
  let count = 0
  for (let i = 0; i < a.values.length; i++) {
    if ((i & PAUSE) === PAUSE && pace.isDue(PAUSE * COST)) yield
    const isNull = a.isNull?.[i] === 1
    if (isNull !== (b.isNull?.[i] === 1)) {
      if (nulls < 0) nulls = i
      continue
    }
    if (isNull) continue
    const difference = (b.values[i] ?? 0) - (a.values[i] ?? 0)
    if (Number.isFinite(difference)) {
      sum += difference
      count++
    }
    if (differing < 0 && !sameNumber(a, b, i, relative)) differing = i
  }
  field.numbers(sum, count)
  const shown = (i: number) => hidden ?? (() => ({ primary: a.show(i), shadow: b.show(i) }))
  if (nulls >= 0) return field.differ('type', null, shown(nulls))
  if (differing < 0) return field.agree()
  if (yield* hasSameElements(a, b, pace)) return field.differ('order', null, shown(differing))
  field.differ('number', null, shown(differing))
}

/** Whether both hold the same numbers, each as often. Two sums of mixed bits: it only names the difference. */
function* hasSameElements(a: Numbers, b: Numbers, pace: Pace): Steps<boolean> {
  if (a.values.length < 2 || a.exact !== null || b.exact !== null) return false
  const x = yield* mixedSums(a, pace)
  const y = yield* mixedSums(b, pace)
  return x.low === y.low && x.high === y.high
}

function* mixedSums(
  { values, isNull }: Numbers,
  pace: Pace
): Steps<{ readonly low: number; readonly high: number }> {
  const number = new Float64Array(1)
  const bits = new Int32Array(number.buffer)
  let low = 0
  let high = 0
  for (let i = 0; i < values.length; i++) {
    if ((i & PAUSE) === PAUSE && pace.isDue(PAUSE * 4)) yield
    number[0] = (values[i] ?? 0) + (isNull?.[i] ?? 0)
    const mixed = Math.imul((bits[0] ?? 0) ^ Math.imul(bits[1] ?? 0, 0x85ebca6b), 0xc2b2ae35)
    low = (low + (mixed ^ (mixed >>> 15))) | 0
    high = (high + Math.imul((bits[1] ?? 0) ^ Math.imul(mixed, 0x27d4eb2f), 0x165667b1)) | 0
  }
  return { low, high }
}

/** The label that wins and its probability. */
function shownLabel(values: Float64Array, label: number): string {
  return `${label}: ${values[label] ?? 0}`
}

/** Elements between two looks at the pace, less one, and what one of them costs: digits, at the most. */
const PAUSE = 0x7ff
const COST = NODE
