/**
 * All clocks of requests, in one sweep over them every 250 ms; no request has a timer of its own.
 *
 * First byte, silence in a body, a client that sends or takes too slowly, streams that may not go on. What
 * waits for the other side is never held against this one.
 */
import { AT, type Counters, TIME_AT } from '../domain/counts.ts'
import { breakAnswer, queuedBytes, refuse } from './answer.ts'
import type { Exchange } from './exchange.ts'
import { clientGone, giveUp } from './give-up.ts'
import type { Lane } from './lane.ts'
import { abandon } from './settle.ts'

export const SWEEP_MS = 250
export const BODY_RATE = { bytesPerSecond: 512, afterMs: 10_000 } as const
export const STALL_LIMIT_MS = 60_000

/** Looks at every request once. */
export function sweep(lane: Lane): void {
  const now = lane.now()
  for (const ex of lane.exchanges) {
    if (ex.over && ex.settled) continue
    if (isReceiving(ex) && isSlowUpload(ex, now)) continue
    if (isStalled(ex, now)) continue
    upstreamClock(ex, now)
  }
  reportPending(lane)
  lane.accessLog.flush()
}

/** The upstream's turn: a first byte, the next byte, or the end of a stream that was told to end. */
function upstreamClock(ex: Exchange, now: number): void {
  const { work, route } = ex
  if (work === null || route === null || ex.settled) return
  const { timeouts } = route.snapshot
  if (ex.cutAt > 0 && now >= ex.cutAt && (ex.stream || ex.tunnel !== null)) giveUp(ex, 'reset')
  else if (ex.tunnel !== null) {
    const bytes = ex.tunnel.bytes()
    if (bytes !== ex.bytesOut) {
      ex.bytesOut = bytes
      ex.upstreamAt = now
    } else if (now - Math.max(ex.upstreamAt, ex.firstAt) > timeouts.streamIdle)
      giveUp(ex, 'timeout')
  } else if (ex.firstAt === 0) {
    if (ex.sentAt > 0 && now - ex.sentAt > timeouts.firstByte) giveUp(ex, 'timeout')
  } else if (ex.stallMark < 0) {
    const idle = ex.stream ? timeouts.streamIdle : timeouts.idle
    if (now - ex.upstreamAt > idle) giveUp(ex, 'timeout')
  } else ex.upstreamAt = now
}

/** Whether a request body is still on its way. Behind an upgrade there is none. */
function isReceiving(ex: Exchange): boolean {
  return !ex.req.complete && !ex.over && ex.upgradeRest === null
}

/** A request body that trickles, though nothing but the client slows it: 408. */
function isSlowUpload(ex: Exchange, now: number): boolean {
  const bytes = ex.client.socket.bytesRead
  if (ex.upload?.held === true) return isHeldBack(ex, bytes, now)
  const window = now - ex.uploadAt
  if (window <= BODY_RATE.afterMs) return false
  if (bytes - ex.uploadMark >= (window / 1000) * BODY_RATE.bytesPerSecond) {
    ex.uploadAt = now // the next window begins
    ex.uploadMark = bytes
    return false
  }
  abandon(ex)
  ex.work?.abort()
  refuse(ex, 'SLC_REQUEST_TIMEOUT', ['its body is slower than 512 bytes a second'])
  return true
}

/** The upstream takes nothing of the body: its clock, not the client's. */
function isHeldBack(ex: Exchange, bytes: number, now: number): boolean {
  if (bytes !== ex.uploadMark) {
    ex.uploadMark = bytes
    ex.uploadAt = now
    return false
  }
  if (now - ex.uploadAt <= STALL_LIMIT_MS) return false
  giveUp(ex, 'timeout')
  return true
}

/** A client that takes nothing for a minute holds memory and an upstream: reset. */
function isStalled(ex: Exchange, now: number): boolean {
  if (ex.stallMark < 0 && !ex.res.writableNeedDrain && !ex.res.writableEnded) return false
  const queued = queuedBytes(ex)
  if (ex.stallMark < 0 || queued !== ex.stallMark) {
    ex.stallMark = queued
    ex.stallAt = now
    return false
  }
  if (now - ex.stallAt <= STALL_LIMIT_MS) return false
  clientGone(ex)
  ex.over = false
  breakAnswer(ex)
  return true
}

/**
 * Prediction calls under the present ranges that nobody has answered: what the absence trigger looks at. Summed
 * first and written once, for the main thread may read at any moment.
 */
function reportPending(lane: Lane): void {
  const { table } = lane
  if (table === null) return
  const found = new Map<Counters, Pending>()
  for (const ex of lane.exchanges) addPending(found, ex)
  for (const route of table.routes.values()) {
    for (const { counters } of route.variants) {
      const { count, units, oldest } = found.get(counters) ?? NONE_PENDING
      counters.words[AT.pending] = count
      counters.words[AT.pending + 1] = units
      counters.times[TIME_AT.oldestPending] = oldest
    }
  }
}

type Pending = { count: number; units: number; readonly unit: number; oldest: number }

const NONE_PENDING: Pending = { count: 0, units: 0, unit: 0, oldest: 0 }

function addPending(found: Map<Counters, Pending>, ex: Exchange): void {
  const { variant, decision, route } = ex
  if (variant === null || decision === null || route === null) return
  if (!decision.prediction || ex.answered || ex.settled || ex.sentAt === 0) return
  const { counters } = variant
  const { generation } = route.snapshot
  if (counters.words[AT.generations + (generation & 1)] !== generation) return
  const sum = found.get(counters)
  if (sum === undefined) {
    found.set(counters, { count: 1, units: 1, unit: decision.unitHash, oldest: ex.sentAt })
    return
  }
  sum.count++
  if (sum.unit !== decision.unitHash) sum.units = 2
  sum.oldest = Math.min(sum.oldest, ex.sentAt)
}
