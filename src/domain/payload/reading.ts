/**
 * What a reader says of one answer of a model, and the interface of every reader (payloads.md).
 *
 * A reader walks bytes once, in whatever pieces they come, bounded in bytes and memory; it never throws and never
 * guesses: what it cannot read is `unparsable` where a prediction was due, and `why` says how.
 */
import type { Protocol } from '../route.ts'

/** Bytes of a body (after content decoding) that a reader looks at. */
export const SCAN_BYTES = 262_144

/** Why an answer could not be read as its protocol. */
export const UNREADABLE = [
  'content_type', // declared as something else
  'coding', // a content coding that we cannot undo, or a broken one
  'syntax',
  'encoding', // UTF-16, a byte order mark in the middle, not UTF-8
  'cut', // it ended inside a value
  'depth' // nested deeper than is read
] as const
export type Unreadable = (typeof UNREADABLE)[number]

export type Reading = {
  readonly judged: boolean // predictions were due and looked at; false: nothing is known
  readonly bad: number // bits by index into BAD_KINDS; 0 when `failed`
  readonly failed: boolean // an error inside a good status
  readonly why: Unreadable | null
  readonly predictions: number // seen
  readonly truncated: boolean // the bound was reached before the end
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly model: string | null // echo of the model's name; `name/version` where both are there; ≤ 128 bytes
  readonly finished: boolean // a stream said its end as its protocol does; true for answers that are no streams
}

/** Of an answer whose predictions nobody looked at. */
export const NOT_READ: Reading = {
  judged: false,
  bad: 0,
  failed: false,
  why: null,
  predictions: 0,
  truncated: false,
  inputTokens: null,
  outputTokens: null,
  model: null,
  finished: true
}

export type AnswerReader = {
  push(chunk: Uint8Array): void
  /** Once, after the last byte. `complete`: the body ended as its framing says. */
  end(complete: boolean): Reading
  /** Events of a stream that carried content so far: a rise is a token's time (TTFT: the first). 0 for others. */
  readonly contentEvents: number
}

/** What is known before the first byte of the body. */
export type AnswerHeadFacts = {
  readonly protocol: Protocol
  readonly predictions: readonly string[] // JSON Pointers of the route; empty: the protocol's own
  readonly path: string // of the request: which call it was
  readonly status: number
  readonly contentType: string | null
  readonly inferenceHeaderLength: number | null // Inference-Header-Content-Length of the answer
}
