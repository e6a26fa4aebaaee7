/**
 * What two answers to one request have in common: the types that comparing gives and aggregates take.
 *
 * Pure: bytes in, values out; never throws, whatever the bytes.
 */
import type { Outcome } from '../counts.ts'
import type { Protocol } from '../route.ts'

/** How a field can differ. */
export const DIFFERENCES = [
  'status', // class of the status
  'outcome',
  'missing',
  'extra',
  'type',
  'order', // the same elements in another order
  'size', // lengths or shapes of arrays
  'number', // beyond the tolerance
  'value', // any other primitive
  'label', // argmax of a vector of probabilities
  'probability', // Jensen-Shannon distance
  'ranking', // top-k
  'text',
  'embedding' // cosine
] as const
export type DifferenceKind = (typeof DIFFERENCES)[number]

/** Why bodies are not compared. */
export const COMPARE_REFUSALS = [
  'off', // the shadow does not compare
  'no_answer', // a side has none
  'truncated', // a side was not captured whole
  'coding', // a content coding that cannot be undone
  'unreadable', // not of the route's protocol
  'too_large'
] as const
export type CompareRefusal = (typeof COMPARE_REFUSALS)[number]

/** One answer, its body whole and with no content coding; null where there is none. Times in ms. */
export type ComparedSide = {
  readonly status: number
  readonly outcome: Outcome
  readonly contentType: string | null
  readonly inferenceHeaderLength: number | null
  readonly body: Uint8Array | null
  readonly refusal: CompareRefusal | null // why `body` is null
}

export type CompareSettings = {
  readonly protocol: Protocol
  readonly predictions: readonly string[] // JSON Pointers of the route
  readonly ignore: readonly string[] // JSON Pointers; `*` stands for any one index or name
  readonly relative: number
  readonly redact?: readonly string[] // JSON Pointers of what the short renderings may not show
}

/** One field of both answers. `field` is a path without indices, or a name such as `status`. */
export type FieldResult = {
  readonly field: string
  readonly difference: DifferenceKind | null // null: they agree
  readonly by: number | null // distance in the measure of the kind, signed for numbers (shadow − primary)
  readonly primary: string | null // short renderings of what differs, at most 200 characters
  readonly shadow: string | null
}

export type Comparison = {
  readonly refusal: CompareRefusal | null // bodies were not compared; status and outcome always are
  readonly agree: boolean // no field differs
  readonly fields: readonly FieldResult[] // every field that was compared, each once, at most 200
}
