/**
 * Counters of one variant on one data thread: a flat region of shared memory with a single writer.
 *
 * The data thread writes, the main thread reads at each tick and works on differences (modulo 2^32). Nothing
 * per request crosses threads in any other way. Metrics live for ever; *evidence* (triggers.md, rules 1-8) is
 * kept apart in two banks that are cleared when the ranges change, so that a request assigned under older
 * ranges never speaks for or against the present ones. Times are doubles, in ms since the process epoch.
 */
import { UNREADABLE } from './payload/reading.ts'

export const TICK_MS = 250

export const COHORTS = ['hash', 'override', 'other'] as const
export const CALLS = ['prediction', 'other'] as const
export const OUTCOMES = [
  'ok',
  'client_error',
  'upstream_error',
  'connect',
  'timeout',
  'reset',
  'invalid',
  'bad_prediction',
  'client_gone',
  'shed'
] as const
export const CODES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const
export const REASONS = ['hash', 'override', 'missing_unit', 'fallback', 'rolled_back'] as const
export const BAD_KINDS = ['null', 'nan', 'infinite', 'empty', 'shape', 'unparsable'] as const
export const UPSTREAM_ERRORS = ['connect', 'dns', 'tls', 'timeout', 'reset', 'invalid'] as const
export const SHED_REASONS = ['in_flight', 'connections', 'body'] as const
export const DIRECTIONS = ['input', 'output'] as const

export type Outcome = (typeof OUTCOMES)[number]
export type AssignmentReason = (typeof REASONS)[number]
export type BadKind = (typeof BAD_KINDS)[number]
export type UpstreamError = (typeof UPSTREAM_ERRORS)[number]
export type ShedReason = (typeof SHED_REASONS)[number]

/** `bits` by index into BAD_KINDS. */
export function badKindsOf(bits: number): readonly BadKind[] {
  return BAD_KINDS.filter((_, i) => (bits & (1 << i)) !== 0)
}

/** Kinds of failure that have evidence of their own; a call can be several at once, so they are bits. */
export const FAIL = { errors: 1, clientErrors: 2, badPredictions: 4, latency: 8 } as const
export type FailKind = keyof typeof FAIL
export const FAIL_KINDS = ['errors', 'clientErrors', 'badPredictions', 'latency'] as const

/** Words of one evidence row: a count of what was judged and of what failed, per kind. */
export const ROW = {
  calls: 0,
  errors: 1,
  clientErrors: 2,
  judged: 3,
  badPredictions: 4,
  timed: 5,
  latency: 6,
  size: 8
} as const

/** Set beside the FAIL bits of a call in the call ring: it is a call, not only a client that left late. */
export const CALLED = 16

export const GROUPS = 64
export const HISTOGRAM_BUCKETS = 512
export const FAILURE_RING = {
  slots: 256,
  sequence: 0,
  unit: 1,
  kinds: 2,
  tick: 3,
  count: 4,
  generation: 5,
  sent: 6, // tick in which the first of them was sent
  size: 7
} as const
export const CALL_RING = {
  slots: 48,
  sequence: 0,
  unit: 1,
  kinds: 2,
  ms: 3,
  generation: 4,
  size: 5
} as const
export const SEND_RING = { slots: 256, tick: 0, sent: 1, well: 2, size: 8 } as const // well: 4 words, in the order of FAIL_KINDS, and one for none of the first three
export const ADDRESSES = {
  slots: 64,
  sent: 0,
  answered: 1,
  connectFailures: 2,
  ejected: 3,
  inFlight: 4,
  flags: 5,
  size: 8
} as const
/** Bits of an address's `flags`, the only words that the main thread writes. */
export const ADDRESS_FLAGS = { warm: 1 } as const

const F64 = {
  latencySum: 0, // of the histogram, in microseconds, as the sums below
  oldestPending: 1,
  lastAnswer: 2,
  lastAnsweredSend: 3,
  lastSent: 4,
  firstTokenSum: 5,
  tokenTimeSum: 6,
  size: 8
} as const
const WORDS = layout({
  requests: COHORTS.length * CALLS.length * OUTCOMES.length * CODES.length,
  assignments: REASONS.length,
  badKinds: BAD_KINDS.length,
  predictions: 1,
  slaMisses: 1,
  upstreamErrors: UPSTREAM_ERRORS.length,
  shed: SHED_REASONS.length,
  inFlight: 1,
  pending: 2, // unanswered requests under the current ranges; how many different units among them (0, 1 or 2 = more)
  tokens: DIRECTIONS.length,
  scanTruncated: 1,
  unreadable: UNREADABLE.length,
  histogram: HISTOGRAM_BUCKETS,
  firstTokens: HISTOGRAM_BUCKETS, // time to the first content of a stream
  tokenTimes: HISTOGRAM_BUCKETS, // from one content of a stream to the next
  firstBytes: HISTOGRAM_BUCKETS, // time to the first sign of life of an answer
  answers: HISTOGRAM_BUCKETS, // time to the end of an answered prediction call
  groups: GROUPS * ROW.size,
  failureSequence: 1,
  failureRead: 1, // written by the main thread: entries up to here were read and take no more counts
  failures: FAILURE_RING.slots * FAILURE_RING.size,
  callSequence: 1,
  calls: CALL_RING.slots * CALL_RING.size,
  sends: SEND_RING.slots * SEND_RING.size,
  addresses: ADDRESSES.slots * ADDRESSES.size,
  generations: 2
})

/** Rows of evidence: 0 = cohort hash, 1..splits = overrides with a split, last = every other cohort. */
export function strataOf(splits: number): number {
  return splits + 2
}

/** Bytes of a region for a route with `splits` overrides that split. */
export function regionBytes(splits: number): number {
  return F64.size * 8 + (WORDS.size + 2 * strataOf(splits) * ROW.size) * 4
}

/** Views over one region; both sides build them over the same memory. */
export type Counters = {
  readonly splits: number
  readonly words: Uint32Array
  readonly times: Float64Array
}

export function countersOver(buffer: SharedArrayBuffer | ArrayBuffer, splits: number): Counters {
  return {
    splits,
    times: new Float64Array(buffer, 0, F64.size),
    words: new Uint32Array(buffer, F64.size * 8)
  }
}

export const AT = WORDS.at
export const TIME_AT = F64

/** Offset of an evidence row. The bank is the parity of the generation of ranges it belongs to. */
export function evidenceRow(splits: number, generation: number, stratum: number): number {
  return WORDS.size + ((generation & 1) * strataOf(splits) + stratum) * ROW.size
}

/** Offset of one cell of `requests`; arguments are indices into the closed lists above. */
export function requestCell(cohort: number, call: number, outcome: number, code: number): number {
  return (
    AT.requests + ((cohort * CALLS.length + call) * OUTCOMES.length + outcome) * CODES.length + code
  )
}

/**
 * Log-linear index of a latency in microseconds: 16 buckets an octave, relative error at most 1/16.
 * Values from 0 to 2^31 (35 min) have a bucket of their own; below 16 the index is the value.
 */
export function bucketOf(micros: number): number {
  const v = micros > 0x7fffffff ? 0x7fffffff : micros < 0 ? 0 : micros | 0
  if (v < 16) return v
  const octave = 31 - Math.clz32(v)
  return (octave - 3) * 16 + ((v >>> (octave - 4)) & 15)
}

/** Smallest value of a bucket, in microseconds; the inverse of `bucketOf` (upper bound: that of index + 1). */
export function bucketFloor(index: number): number {
  if (index < 16) return index
  const octave = (index >>> 4) + 3
  return 2 ** octave + (index & 15) * 2 ** (octave - 4)
}

function layout<const T extends Record<string, number>>(
  sizes: T
): { at: { readonly [K in keyof T]: number }; size: number } {
  let size = 0
  const at = {} as { [K in keyof T]: number }
  for (const key of Object.keys(sizes) as (keyof T)[]) {
    at[key] = size
    size += sizes[key] as number
  }
  return { at, size }
}
