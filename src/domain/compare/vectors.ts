/**
 * Two lists of numbers at one place: as probabilities where both are, as an embedding where they are named so,
 * otherwise element by element.
 */
import { sameEmbedding } from './embedding.ts'
import type { Field, Shown } from './field-table.ts'
import { type Numbers, sameNumber } from './numbers.ts'
import {
  areProbabilities,
  inversions,
  jensenShannon,
  labelOf,
  MOST_DISTANCE,
  sameLabel
} from './probabilities.ts'

/** Compares two vectors; `hidden` keeps their numbers out of what is shown. */
export function* compareVectors(
  field: Field,
  a: Numbers,
  b: Numbers,
  relative: number,
  hidden: (() => Shown) | null
): Generator<undefined, void, undefined> {
  const length = a.values.length
  if (length !== b.values.length) {
    return field.differ('size', null, hidden ?? (() => shownSizes(length, b.values.length)))
  }
  const hasNull = a.isNull !== null || b.isNull !== null
  if (!hasNull && areProbabilities(a.values) && areProbabilities(b.values)) {
    return compareProbabilities(field, a.values, b.values, relative, hidden)
  }
  yield* compareElements(field, a, b, relative, hidden)
}

/** Compares two embeddings by their cosine; of different dimensions there is none. */
export function compareEmbeddings(
  field: Field,
  a: Float64Array,
  b: Float64Array,
  hidden: (() => Shown) | null
) {
  if (a.length !== b.length) {
    return field.differ('size', null, hidden ?? (() => shownSizes(a.length, b.length)))
  }
  const { same, distance } = sameEmbedding(a, b)
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

function compareProbabilities(
  field: Field,
  a: Float64Array,
  b: Float64Array,
  relative: number,
  hidden: (() => Shown) | null
) {
  const distance = jensenShannon(a, b)
  if (distance === 0 && a.every((value, i) => value === b[i])) {
    field.agree()
    return
  }
  const shown = hidden ?? (() => ({ primary: topOf(a), shadow: topOf(b) }))
  if (!sameLabel(a, b)) return field.differ('label', distance, shown)
  if (distance > MOST_DISTANCE) return field.differ('probability', distance, shown)
  const inverted = inversions(a, b, relative)
  if (inverted > 0) return field.differ('ranking', inverted, shown)
  field.agree()
}

function* compareElements(
  field: Field,
  a: Numbers,
  b: Numbers,
  relative: number,
  hidden: (() => Shown) | null
): Generator<undefined, void, undefined> {
  let differing = -1
  let nulls = -1
  let sum = 0
  let count = 0
  for (let i = 0; i < a.values.length; i++) {
    if ((i & PAUSE) === PAUSE) yield
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
  if (yield* hasSameElements(a, b)) return field.differ('order', null, shown(differing))
  field.differ('number', null, shown(differing))
}

/** Whether both hold the same numbers, each as often. Two sums of mixed bits: it only names the difference. */
function* hasSameElements(a: Numbers, b: Numbers): Generator<undefined, boolean, undefined> {
  if (a.values.length < 2 || a.exact !== null || b.exact !== null) return false
  const x = yield* mixedSums(a)
  const y = yield* mixedSums(b)
  return x.low === y.low && x.high === y.high
}

function* mixedSums({
  values,
  isNull
}: Numbers): Generator<undefined, { readonly low: number; readonly high: number }, undefined> {
  const number = new Float64Array(1)
  const bits = new Int32Array(number.buffer)
  let low = 0
  let high = 0
  for (let i = 0; i < values.length; i++) {
    if ((i & PAUSE) === PAUSE) yield
    number[0] = (values[i] ?? 0) + (isNull?.[i] ?? 0)
    const mixed = Math.imul((bits[0] ?? 0) ^ Math.imul(bits[1] ?? 0, 0x85ebca6b), 0xc2b2ae35)
    low = (low + (mixed ^ (mixed >>> 15))) | 0
    high = (high + Math.imul((bits[1] ?? 0) ^ Math.imul(mixed, 0x27d4eb2f), 0x165667b1)) | 0
  }
  return { low, high }
}

/** The label that wins and its probability. */
function topOf(values: Float64Array): string {
  const label = labelOf(values)
  return `${label}: ${values[label] ?? 0}`
}

/** Elements between two pauses, less one. */
const PAUSE = 0x7fff
