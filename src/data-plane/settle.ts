/**
 * Counting a request against a variant: that it was sent, that it was answered, and its one outcome.
 *
 * Everything here happens at most once per request and variant; the load that a request holds is given back
 * with its outcome, whatever ended it.
 */
import {
  ADDRESSES,
  AT,
  COHORTS,
  type Counters,
  type Outcome,
  REASONS,
  SHED_REASONS,
  type ShedReason,
  strataOf,
  UPSTREAM_ERRORS,
  type UpstreamError
} from '../domain/counts.ts'
import { NOT_READ, type Reading } from '../domain/payload/reading.ts'
import { recordAnswered, recordReading, recordSent } from '../domain/record.ts'
import type { Decision } from './decide.ts'
import type { Exchange } from './exchange.ts'
import type { LiveRoute, LiveVariant } from './live-routes.ts'
import { isWarm, observe } from './observe.ts'
import type { Tap } from './tap.ts'

/** Gives the request to the variant that was decided for it. */
export function assignTo(
  ex: Exchange,
  decision: Decision,
  route: LiveRoute,
  variant: LiveVariant
): void {
  ex.route = route
  ex.variant = variant
  ex.cohort = decision.cohort
  ex.stratum = decision.stratum
  ex.reason = decision.reason
  bump(variant.counters, AT.assignments + REASONS.indexOf(decision.reason))
}

/** Gives the request to the champion instead: no evidence that compares, for nothing chose it by hash. */
export function fallBackTo(ex: Exchange, champion: LiveVariant): void {
  ex.variant = champion
  ex.cohort = COHORTS.indexOf('other')
  ex.stratum = strataOf(champion.counters.splits) - 1
  ex.reason = 'fallback'
  ex.sentAt = 0
  ex.settled = false
  bump(champion.counters, AT.assignments + REASONS.indexOf('fallback'))
}

/** Takes a place among the requests in flight; false when the route or the variant has none left. */
export function takeLoad(ex: Exchange): 'taken' | 'route-full' | 'variant-full' {
  const { route, variant } = ex
  if (route === null || variant === null || ex.holdsLoad) return 'taken'
  const { words } = variant.counters
  const own = words[AT.inFlight] ?? 0
  if (own >= route.share) return 'variant-full'
  if (route.load.inFlight >= route.share) return 'route-full'
  words[AT.inFlight] = own + 1
  route.load.inFlight++
  ex.holdsLoad = true
  return 'taken'
}

export function releaseLoad(ex: Exchange): void {
  const { route, variant } = ex
  if (!ex.holdsLoad || route === null || variant === null) return
  ex.holdsLoad = false
  const { words } = variant.counters
  words[AT.inFlight] = Math.max(0, (words[AT.inFlight] ?? 0) - 1)
  route.load.inFlight--
}

/** The request's last byte is on its way: its time begins. */
export function markSent(ex: Exchange, now: number): void {
  const { variant, decision } = ex
  if (ex.sentAt !== 0 || variant === null || decision === null) return
  const slot = slotOf(ex)
  ex.sentAt = now
  ex.warm = isWarm(variant.counters, slot)
  recordSent(variant.counters, now, ex.stratum, decision.prediction, slot)
}

/** The first sign of life of an answer. */
export function markAnswered(ex: Exchange, now: number): void {
  const { variant } = ex
  if (ex.answered || variant === null) return
  markSent(ex, now)
  ex.answered = true
  recordAnswered(variant.counters, now, ex.sentAt, slotOf(ex))
}

/** Decides the outcome. Later calls change nothing. Of an answer that did not come whole nothing is judged. */
export function settle(ex: Exchange, outcome: Outcome): void {
  if (ex.settled || ex.variant === null) return
  settleRead(ex, outcome, ex.observed?.cut() ?? NOT_READ)
}

/** Decides the outcome of an answer that has been read. */
export function settleRead(ex: Exchange, outcome: Outcome, reading: Reading): void {
  if (ex.settled) return
  ex.settled = true
  count(ex, outcome, reading, ex.lane.now())
}

/**
 * Decides that the answer, which is whole and not read to its end, gives the outcome; the result counts it, as of
 * now, when it has been read. Nothing that happens in between changes it.
 */
export function settleWhenRead(ex: Exchange): (outcome: Outcome, reading: Reading) => void {
  ex.settled = true
  ex.unread = true
  const endedAt = ex.lane.now()
  releaseLoad(ex)
  return (outcome, reading) => {
    ex.unread = false
    count(ex, outcome, reading, endedAt)
    if (ex.logDue) ex.lane.accessLog.add(ex)
  }
}

function count(ex: Exchange, outcome: Outcome, reading: Reading, now: number): void {
  const { route, variant, decision } = ex
  if (route === null || variant === null || decision === null) return
  markSent(ex, now)
  ex.outcome = outcome
  releaseLoad(ex)
  observe(variant.counters, ex.lane.region, {
    route: route.snapshot,
    cohort: ex.cohort,
    stratum: ex.stratum,
    prediction: decision.prediction,
    unitHash: decision.unitHash,
    bucket: decision.bucket,
    outcome,
    status: ex.firstAt > 0 ? ex.status : 0,
    sentAt: ex.sentAt,
    firstAt: ex.stream && ex.streamedAt > 0 ? ex.streamedAt : ex.firstAt,
    endedAt: Math.max(now, ex.sentAt),
    stream: ex.stream || ex.tunnel !== null,
    waited: ex.waited,
    warm: ex.warm,
    slot: slotOf(ex),
    judged: reading.judged,
    bad: reading.bad
  })
  recordReading(variant.counters, reading)
  if (ex.tap !== null) endTap(ex, ex.tap, variant.snapshot.name, outcome, reading.bad, now)
}

/** The copy of the answer goes to the shadows. Times run from the request's last byte. */
function endTap(
  ex: Exchange,
  tap: Tap,
  variant: string,
  outcome: Outcome,
  bad: number,
  now: number
): void {
  const { answer, sentAt, firstAt } = ex
  tap.end({
    variant,
    outcome,
    status: firstAt > 0 ? ex.status : 0,
    latencyMs: Math.max(0, now - sentAt),
    firstMs: firstAt > 0 ? Math.max(0, (ex.streamedAt || firstAt) - sentAt) : 0,
    contentType: answer?.contentType ?? null,
    contentEncoding: answer?.contentEncoding ?? null,
    inferenceHeaderLength: answer?.inferenceHeaderLength ?? null,
    bad
  })
}

/** A request that is answered by a fault of ours says nothing of the variant: its load is given back. */
export function abandon(ex: Exchange): void {
  if (!ex.unread) {
    ex.tap?.abandon()
    ex.observed?.drop()
  }
  ex.settled = true
  releaseLoad(ex)
}

export function countUpstreamError(variant: LiveVariant, error: UpstreamError): void {
  bump(variant.counters, AT.upstreamErrors + UPSTREAM_ERRORS.indexOf(error))
}

export function countShed(variant: LiveVariant, reason: ShedReason): void {
  bump(variant.counters, AT.shed + SHED_REASONS.indexOf(reason))
}

/** Adds to the counters of one address. */
export function countAddress(
  counters: Counters,
  slot: number,
  word: 'sent' | 'connectFailures' | 'inFlight',
  by: 1 | -1
): void {
  const at = AT.addresses + slot * ADDRESSES.size + ADDRESSES[word]
  counters.words[at] = Math.max(0, (counters.words[at] ?? 0) + by)
}

function slotOf(ex: Exchange): number {
  return ex.work?.address.snapshot.slot ?? -1
}

function bump(counters: Counters, at: number): void {
  counters.words[at] = (counters.words[at] ?? 0) + 1
}
