/**
 * A pair: one request, what the champion answered and what the shadow answered, and how they differ. The data of
 * the event io.sluice.shadow.pair.v1.
 */
import type { BadKind, Outcome } from './counts.ts'
import type { Model } from './route.ts'

export const PAIR = 'io.sluice.shadow.pair.v1'

/** One side's answer. Times in ms. */
export type PairSide = {
  readonly variant: string
  readonly model: Model | null
  readonly status: number // 0 for none
  readonly outcome: Outcome
  readonly latencyMs: number
  readonly ttfbMs: number | null
  readonly bytes: number
  readonly sha256: string | null // hex, of the body as it was sent; null without a whole body
  readonly truncated: boolean
  readonly bad: readonly BadKind[]
  readonly body?: string // captured and redacted text, or base64 where it is not UTF-8
  readonly bodyEncoding?: 'utf-8' | 'base64'
}

export type PairRecord = {
  readonly route: string
  readonly revision: string
  readonly requestId: string
  readonly unitId: string | null // first 16 bytes of HMAC-SHA256 of the unit, hex
  readonly at: string // ISO 8601, when the request came
  readonly primary: PairSide
  readonly shadow: PairSide & { readonly name: string }
  readonly comparison: PairComparison
}

/** What of a comparison goes into the record: fields that differ, at most 50. */
export type PairComparison = {
  readonly compared: boolean
  readonly agree: boolean | null // null where nothing was compared
  readonly why: string | null // why nothing was compared: a word of COMPARE_REFUSALS
  readonly latencyRatio: number | null // shadow over primary
  readonly differences: readonly {
    readonly field: string
    readonly kind: string // a word of DIFFERENCES
    readonly primary?: string // short rendering, at most 200 characters; only with capture
    readonly shadow?: string
    readonly by?: number // distance in the measure of the kind
  }[]
}
