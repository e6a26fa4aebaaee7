/**
 * What data threads and the shadow thread say to each other, and the credit between them.
 *
 * A data thread copies bytes and never waits. `taken` is written by the data thread alone, `returned` by the
 * shadow thread alone, both modulo 2^32: what lies between is under way. Without credit nothing is copied.
 */
import type { BadKind, Outcome } from './counts.ts'

/** Words of the credit of one data thread. */
export const CREDIT = { taken: 0, returned: 1, size: 2 } as const

/** Bytes of requests and champion's answers under way over all threads; shadows' answers may take as many. */
export const CREDIT_BYTES = 32 * 1024 * 1024
export const ANSWER_BYTES = 32 * 1024 * 1024
/** What a copy costs beside its bodies, on both threads: fields, strings and objects. */
export const COPY_OVERHEAD = 8 * 1024

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

/** The end of a channel at which batches go in: a MessagePort, as far as it is needed. */
export type CopyPort = {
  postMessage(batch: FromTap, transfer: readonly ArrayBuffer[]): void
}

/** A batch from a data thread to the shadow thread. */
export type FromTap = { readonly items: readonly (RequestCopy | AnswerCopy)[] }
