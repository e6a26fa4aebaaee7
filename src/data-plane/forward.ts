/**
 * Sends a request to an upstream of its variant: which address, and what when none takes it.
 *
 * A request goes out a second time only when not a byte of it was written: to another address of the same
 * variant, once, and then, where the route says so, to the champion (http.md, retries).
 */

import { chooseAddress, isStarting } from '../upstream-connection/choose.ts'
import { type Fault, NO_ADDRESS, STARTING } from '../upstream-connection/fault.ts'
import { answerProblem, refuse } from './answer.ts'
import type { Exchange } from './exchange.ts'
import type { LiveAddress, LiveVariant } from './live-routes.ts'
import { clientFields } from './request-fields.ts'
import {
  abandon,
  countAddress,
  countShed,
  countUpstreamError,
  fallBackTo,
  markSent,
  settle,
  takeLoad
} from './settle.ts'
import type { Tap } from './tap.ts'
import { Upload } from './upload.ts'
import { UpstreamCall } from './upstream-call.ts'

/** Begins to forward: the body is taken from the client, and the variant's load is counted. */
export function forward(ex: Exchange): void {
  if (!admit(ex) || !takeBody(ex)) return
  if (ex.upload !== null) ex.upload.tap = tapRequest(ex)
  send(ex, null)
  if (ex.upload === null) tapWhole(ex)
}

function admit(ex: Exchange): boolean {
  const taken = takeLoad(ex)
  const { variant, route } = ex
  if (taken === 'taken' || variant === null || route === null) return true
  countShed(variant, 'in_flight')
  const whose =
    taken === 'route-full' ? `route ${route.snapshot.name}` : `variant ${variant.snapshot.name}`
  if (taken === 'variant-full') settle(ex, 'shed')
  ex.outcome = 'shed'
  answerProblem(ex, 'SLC_SHED', [whose])
  return false
}

/** A body that came with the head goes out with the head; any other is streamed. */
function takeBody(ex: Exchange): boolean {
  const { head, req, route } = ex
  if (head === null || route === null) return false
  if (!head.chunked && head.contentLength <= 0) return true
  const limit = route.snapshot.limits.body
  if (!req.complete || ex.held !== null) {
    ex.upload = new Upload(req, limit, () => tooLarge(ex), ex.held)
    if (head.expects && ex.held === null) ex.res.writeContinue()
    return true
  }
  const body: unknown = ex.body ?? req.read()
  ex.body = Buffer.isBuffer(body) ? body : null
  if (ex.body === null || ex.body.length <= limit) return true
  abandon(ex)
  refuse(ex, 'SLC_BODY_TOO_LARGE', [limit])
  return false
}

/** A request that went out at once is copied behind that, so that not even the copying is in its way. */
function tapWhole(ex: Exchange): void {
  const tap = tapRequest(ex)
  if (tap === null) return
  if (ex.body !== null) tap.requestBody(ex.body)
  tap.requestEnd()
}

/** Lets the shadows of the route have a copy of what the champion answers; null where none gets one. */
function tapRequest(ex: Exchange): Tap | null {
  const { head, route, decision, lane } = ex
  if (head === null || route === null || decision === null || ex.settled) return null
  const { snapshot } = route
  if (snapshot.shadows.length === 0 || !decision.prediction) return null
  if (decision.variant !== snapshot.champion) return null
  ex.tap = lane.taps.begin({
    route: snapshot,
    requestId: ex.requestId,
    unit: decision.unit,
    unitHash: decision.unitHash,
    method: head.method,
    target: head.origin,
    path: head.path,
    upgrade: head.websocket,
    contentLength: head.chunked ? -1 : Math.max(0, head.contentLength),
    fields: () => clientFields(ex)
  })
  return ex.tap
}

function tooLarge(ex: Exchange): void {
  const limit = ex.route?.snapshot.limits.body ?? 0
  abandon(ex)
  ex.work?.abort()
  refuse(ex, 'SLC_BODY_TOO_LARGE', [limit])
}

/** Sends to an address of the variant, but not to `tried`, which did not accept a connection. */
function send(ex: Exchange, tried: LiveAddress | null): boolean {
  const { variant, decision } = ex
  if (variant === null || decision === null) return false
  const now = ex.lane.now()
  const address = chooseAddress(variant, decision.unitHash, tried, now)
  if (address === null) {
    if (tried === null) unavailable(ex, isStarting(variant.addresses) ? STARTING : NO_ADDRESS)
    return false
  }
  const call = new UpstreamCall(ex, variant, address, unmade)
  ex.work = call
  if (ex.upload === null) markSent(ex, now)
  if (tried !== null) countAddress(variant.counters, address.snapshot.slot, 'sent', 1)
  call.dispatch()
  return true
}

/** A connection that was not made: another address, once, then whatever the route says. */
function unmade(ex: Exchange, fault: Fault, tried: LiveAddress): void {
  if (!ex.retried) {
    ex.retried = true
    if (send(ex, tried)) return
  }
  unavailable(ex, fault)
}

/** The champion, where it may answer for the variant that has the request now. */
function championFor(ex: Exchange): LiveVariant | null {
  const { route, variant } = ex
  if (route === null || route.snapshot.onUnavailable !== 'champion') return null
  const champion = route.variants[route.snapshot.champion]
  return champion === undefined || champion === variant ? null : champion
}

/**
 * No connection to the variant: the champion answers where the route says so, and the failure counts all the
 * same. A variant whose addresses are all still starting has not failed.
 */
function unavailable(ex: Exchange, fault: Fault): void {
  const { variant } = ex
  if (variant === null) return
  const { name } = variant.snapshot
  const unsent = fault === NO_ADDRESS || fault === STARTING
  if (unsent) ex.work = null
  if (fault === NO_ADDRESS) countUpstreamError(variant, fault.error)
  if (fault === STARTING) abandon(ex)
  else settle(ex, 'connect')
  const champion = championFor(ex)
  if (champion !== null) {
    fallBackTo(ex, champion)
    if (admit(ex)) send(ex, null)
  } else if (unsent) refuse(ex, 'SLC_NO_UPSTREAM', [name])
  else answerProblem(ex, 'SLC_UPSTREAM_CONNECT', [name, fault.why], fault.proxyError)
}
