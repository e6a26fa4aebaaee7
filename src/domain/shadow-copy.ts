/**
 * What data threads tell the shadow process, and the credit between them.
 *
 * A data thread copies bytes and never waits. It takes credit for what it copies, and has it back when the shadow
 * process is done with the pair. Without credit nothing is copied.
 */
import type { BadKind, Outcome } from './counts.ts'

/** Bytes of requests and champion's answers under way over all threads; shadows' answers may take as many. */
export const CREDIT_BYTES = 32 * 1024 * 1024
export const ANSWER_BYTES = 32 * 1024 * 1024
/** What a copy costs beside its bodies, on both sides: fields, strings and objects. */
export const COPY_OVERHEAD = 8 * 1024

/** Copies leave a data thread together, all that came in so many ms: what a write costs is shared by them. */
export const BATCH_MS = 50

/** A body of this size or more is the road's own, which gives its memory back; a smaller one is copied at once. */
export const OWN_BYTES = 16 * 1024

/** A request as its client sent it and the champion got it. `fields` has no framing and no Host. */
export type RequestCopy = {
  readonly kind: 'request'
  readonly id: number // of the data thread
  readonly slots: readonly number[] // shadows that get it
  readonly route: string
  readonly revision: string
  readonly requestId: string
  readonly unit: string | null // latin1, one character a byte
  readonly unitHash: number
  readonly method: string
  readonly target: string // path and query as received
  readonly path: string
  readonly fields: readonly string[] // name, value, name, value; those of an upstream request
  readonly body: Uint8Array | null
  readonly arrivedAt: number // wall clock, ms
  readonly wholeAt: number // wall clock, ms: its last byte was there
}

/** One answer, the champion's or a shadow's, as it was captured. Times in ms from the sending of the request. */
export type CapturedAnswer = {
  readonly status: number // 0 for none
  readonly latencyMs: number
  readonly firstMs: number // to the head, or to the first byte of a stream
  readonly contentType: string | null
  readonly contentEncoding: string | null
  readonly inferenceHeaderLength: number | null // Inference-Header-Content-Length
  readonly bytes: number // of the whole body
  readonly body: Uint8Array | null // as it was sent; null: there was none
  readonly truncated: boolean // `body` is its beginning alone
}

export const NO_ANSWER: CapturedAnswer = {
  status: 0,
  latencyMs: 0,
  firstMs: 0,
  contentType: null,
  contentEncoding: null,
  inferenceHeaderLength: null,
  bytes: 0,
  body: null,
  truncated: false
}

/** What the champion answered. */
export type AnswerCopy = CapturedAnswer & {
  readonly kind: 'answer'
  readonly id: number
  readonly variant: string
  readonly outcome: Outcome
  readonly bad: readonly BadKind[]
  readonly credit: number // what the request and this answer took; returned when the pair is done
}

/** Where copies go: a Unix socket. Who knows the token may send some. */
export type RoadAddress = { readonly path: string; readonly token: Uint8Array }
