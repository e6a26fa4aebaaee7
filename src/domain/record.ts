/**
 * Writing what happened to a request into the counters of its variant. The only writer of a region.
 *
 * Pure arithmetic on a typed array, no allocation: this runs once or twice per request on the data thread, and
 * in the simulations that prove the triggers. What is evidence is decided here (triggers.md, rules 1-4 and 8).
 */
import {
  ADDRESSES,
  AT,
  BAD_KINDS,
  bucketOf,
  CALL_RING,
  CALLED,
  CODES,
  type Counters,
  evidenceRow,
  FAIL,
  FAILURE_RING,
  GROUPS,
  OUTCOMES,
  ROW,
  requestCell,
  SEND_RING,
  strataOf,
  TICK_MS,
  TIME_AT
} from './counts.ts'
import { type Reading, UNREADABLE } from './payload/reading.ts'

/** What is known of a request when its outcome is decided. Times in ms since the process epoch. */
export type Observation = {
  readonly cohort: number // index into COHORTS
  readonly stratum: number // 0 hash, 1.. override splits, last everything else (strataOf)
  readonly prediction: boolean // a prediction call of its protocol
  readonly outcome: number // index into OUTCOMES
  readonly status: number // 0 when no answer came
  readonly generation: number // of the ranges that assigned it
  readonly unit: number // unit hash, 32 bits
  readonly bucket: number // 0..9999
  readonly sentAt: number
  readonly endedAt: number
  readonly latencyMs?: number // where it is not all of it: a stream's, to its first byte
  readonly judged: boolean // the answer's predictions were read
  readonly bad: number // bits by index into BAD_KINDS
  readonly badCounts: boolean // a kind of `bad` that the route's trigger counts
  readonly timed: boolean // latency is evidence: warm address, no stall of ours, no wait for the client
  readonly slow: boolean // beyond the SLA
  readonly address: number // slot of the upstream address, -1 for none
}

const OK = OUTCOMES.indexOf('ok')
const CLIENT_ERROR = OUTCOMES.indexOf('client_error')
const BAD_PREDICTION = OUTCOMES.indexOf('bad_prediction')
const CLIENT_GONE = OUTCOMES.indexOf('client_gone')

/** Counts a request as sent to an address: into the send tick for rule 7. The lane keeps `inFlight`. */
export function recordSent(
  c: Counters,
  now: number,
  stratum: number,
  prediction: boolean,
  address: number
): void {
  const w = c.words
  c.times[TIME_AT.lastSent] = now
  if (address >= 0) bump(w, AT.addresses + address * ADDRESSES.size + ADDRESSES.sent)
  if (!prediction || stratum === strataOf(c.splits) - 1) return
  const tick = Math.floor(now / TICK_MS)
  const at = sendSlot(w, tick)
  bump(w, at + SEND_RING.sent)
}

/** Marks the first sign of life of an answer (its head, or a stream's first byte): absence ends here. */
export function recordAnswered(c: Counters, now: number, sentAt: number, address: number): void {
  c.times[TIME_AT.lastAnswer] = now
  if (sentAt > (c.times[TIME_AT.lastAnsweredSend] ?? 0)) c.times[TIME_AT.lastAnsweredSend] = sentAt
  if (address >= 0) bump(c.words, AT.addresses + address * ADDRESSES.size + ADDRESSES.answered)
  bump(c.words, AT.firstBytes + bucketOf((now - sentAt) * 1000))
}

/** Time from a request to the first content of its stream, in ms: what people wait for, and no evidence. */
export function recordFirstToken(c: Counters, ms: number): void {
  recordTime(c, AT.firstTokens, TIME_AT.firstTokenSum, ms, 1)
}

/** `count` contents of a stream, each `ms` behind the one before. */
export function recordTokenTimes(c: Counters, ms: number, count: number): void {
  recordTime(c, AT.tokenTimes, TIME_AT.tokenTimeSum, ms, count)
}

/** What an answer says of itself beside its predictions. */
export function recordReading(c: Counters, reading: Reading): void {
  const w = c.words
  addTokens(w, AT.tokens, reading.inputTokens)
  addTokens(w, AT.tokens + 1, reading.outputTokens)
  if (reading.truncated) bump(w, AT.scanTruncated)
  if (reading.why !== null) bump(w, AT.unreadable + UNREADABLE.indexOf(reading.why))
}

/** Counts the one outcome of a request, in the metrics and, where the rules allow, as evidence. */
export function recordOutcome(c: Counters, o: Observation): void {
  const w = c.words
  countMetrics(c, o)
  if (!o.prediction) return
  const row = rowOf(o)
  if (row === 0) return
  const current = isCurrent(w, o.generation)
  if (current) addRow(w, evidenceRow(c.splits, o.generation, o.stratum), row)
  if (o.stratum === strataOf(c.splits) - 1) return
  addRow(w, AT.groups + (o.bucket % GROUPS) * ROW.size, row)
  const failed = row & 0xf
  creditWell(w, o, failed)
  if (!current) return
  pushCall(w, o, row & (CALLED | 0xf))
  if (failed !== 0) pushFailure(w, o, failed)
}

/**
 * Starts a new generation of ranges: clears the bank that it will use, then stamps it. The main thread reads
 * a bank only when its stamp is the generation that it expects.
 */
export function startGeneration(c: Counters, generation: number): void {
  const stamp = AT.generations + (generation & 1)
  if (c.words[stamp] === generation) return
  c.words[stamp] = 0
  const from = evidenceRow(c.splits, generation, 0)
  c.words.fill(0, from, from + strataOf(c.splits) * ROW.size)
  c.words[stamp] = generation
}

/** Whether no later ranges have begun here. */
function isCurrent(w: Uint32Array, generation: number): boolean {
  const next = (generation + 1) >>> 0
  return (
    w[AT.generations + (generation & 1)] === generation && w[AT.generations + (next & 1)] !== next
  )
}

/** Bits 0-3: failed by FAIL kind; bits 4-6: judged for calls, predictions, latency. 0 = no evidence at all. */
const JUDGED = 32
const TIMED = 64

function rowOf(o: Observation): number {
  const late = o.timed ? TIMED | (o.slow ? FAIL.latency : 0) : 0
  if (o.outcome === CLIENT_GONE) return late & FAIL.latency ? late : 0
  let row = CALLED | late
  if (o.outcome === CLIENT_ERROR) row |= FAIL.clientErrors
  else if (o.outcome !== OK && o.outcome !== BAD_PREDICTION) row |= FAIL.errors
  if (o.judged) row |= JUDGED | (o.badCounts ? FAIL.badPredictions : 0)
  return row
}

function addRow(w: Uint32Array, at: number, row: number): void {
  if (row & CALLED) bump(w, at + ROW.calls)
  if (row & FAIL.errors) bump(w, at + ROW.errors)
  if (row & FAIL.clientErrors) bump(w, at + ROW.clientErrors)
  if (row & JUDGED) bump(w, at + ROW.judged)
  if (row & FAIL.badPredictions) bump(w, at + ROW.badPredictions)
  if (row & TIMED) bump(w, at + ROW.timed)
  if (row & FAIL.latency) bump(w, at + ROW.latency)
}

/** Rule 7: an answered call is well for a kind when it neither failed nor is bad in that kind. */
function creditWell(w: Uint32Array, o: Observation, failed: number): void {
  const at = AT.sends + (Math.floor(o.sentAt / TICK_MS) % SEND_RING.slots) * SEND_RING.size
  if (w[at + SEND_RING.tick] !== Math.floor(o.sentAt / TICK_MS) >>> 0) return
  if (failed & FAIL.errors || o.outcome === CLIENT_GONE) return
  bump(w, at + SEND_RING.well)
  if (!(failed & FAIL.clientErrors)) bump(w, at + SEND_RING.well + 1)
  if (!(failed & FAIL.badPredictions)) bump(w, at + SEND_RING.well + 2)
  if (!(failed & FAIL.latency) && !o.slow) bump(w, at + SEND_RING.well + 3)
  if (!(failed & (FAIL.clientErrors | FAIL.badPredictions))) bump(w, at + SEND_RING.well + 4)
}

function pushCall(w: Uint32Array, o: Observation, kinds: number): void {
  const sequence = ((w[AT.callSequence] ?? 0) + 1) >>> 0
  const at = AT.calls + (sequence % CALL_RING.slots) * CALL_RING.size
  w[at + CALL_RING.sequence] = 0
  w[at + CALL_RING.unit] = o.unit
  w[at + CALL_RING.kinds] = kinds | (o.stratum << 8)
  w[at + CALL_RING.ms] = o.endedAt >>> 0
  w[at + CALL_RING.generation] = o.generation
  w[at + CALL_RING.sequence] = sequence
  w[AT.callSequence] = sequence
}

/** Failures of one unit in one tick share an entry, unless the main thread has read it already. */
function pushFailure(w: Uint32Array, o: Observation, failed: number): void {
  const tick = Math.floor(o.endedAt / TICK_MS) >>> 0
  const kinds = failed | (o.stratum << 8)
  const last = w[AT.failureSequence] ?? 0
  const read = w[AT.failureRead] ?? 0
  for (let s = last; s > read && s > last - 8; s--) {
    const at = AT.failures + (s % FAILURE_RING.slots) * FAILURE_RING.size
    const same =
      w[at + FAILURE_RING.unit] === o.unit &&
      w[at + FAILURE_RING.kinds] === kinds &&
      w[at + FAILURE_RING.tick] === tick &&
      w[at + FAILURE_RING.generation] === o.generation
    if (same) {
      bump(w, at + FAILURE_RING.count)
      return
    }
  }
  const sequence = (last + 1) >>> 0
  const at = AT.failures + (sequence % FAILURE_RING.slots) * FAILURE_RING.size
  w[at + FAILURE_RING.sequence] = 0
  w[at + FAILURE_RING.unit] = o.unit
  w[at + FAILURE_RING.kinds] = kinds
  w[at + FAILURE_RING.tick] = tick
  w[at + FAILURE_RING.sent] = Math.floor(o.sentAt / TICK_MS)
  w[at + FAILURE_RING.count] = 1
  w[at + FAILURE_RING.generation] = o.generation
  w[at + FAILURE_RING.sequence] = sequence
  w[AT.failureSequence] = sequence
}

function countMetrics(c: Counters, o: Observation): void {
  const w = c.words
  const code = o.status === 0 ? 0 : Math.min(CODES.length - 1, Math.floor(o.status / 100))
  bump(w, requestCell(o.cohort, o.prediction ? 0 : 1, o.outcome, code))
  if (o.judged) {
    bump(w, AT.predictions)
    for (let i = 0; i < BAD_KINDS.length; i++) if (o.bad & (1 << i)) bump(w, AT.badKinds + i)
  }
  if (o.slow) bump(w, AT.slaMisses)
  if (o.outcome === CLIENT_GONE) return
  const micros = Math.max(0, (o.latencyMs ?? o.endedAt - o.sentAt) * 1000)
  bump(w, AT.histogram + bucketOf(micros))
  c.times[TIME_AT.latencySum] = (c.times[TIME_AT.latencySum] ?? 0) + micros
  if (!o.prediction || !answered(o.outcome)) return
  bump(w, AT.answers + bucketOf((o.endedAt - o.sentAt) * 1000))
}

function answered(outcome: number): boolean {
  return outcome === OK || outcome === CLIENT_ERROR || outcome === BAD_PREDICTION
}

function recordTime(c: Counters, histogram: number, sum: number, ms: number, count: number): void {
  const micros = Math.max(0, ms * 1000)
  const at = histogram + bucketOf(micros)
  c.words[at] = (c.words[at] ?? 0) + count
  c.times[sum] = (c.times[sum] ?? 0) + micros * count
}

/** More tokens than an answer can have: a count that nobody should add up. */
const MOST_TOKENS = 100_000_000

function addTokens(w: Uint32Array, at: number, tokens: number | null): void {
  if (tokens !== null && tokens <= MOST_TOKENS) w[at] = (w[at] ?? 0) + tokens
}

function sendSlot(w: Uint32Array, tick: number): number {
  const at = AT.sends + (tick % SEND_RING.slots) * SEND_RING.size
  if (w[at + SEND_RING.tick] !== tick >>> 0) {
    w.fill(0, at, at + SEND_RING.size)
    w[at + SEND_RING.tick] = tick
  }
  return at
}

function bump(w: Uint32Array, at: number): void {
  w[at] = (w[at] ?? 0) + 1
}
