/**
 * Sends a request to an upstream of its variant and brings the answer back.
 *
 * A request goes out a second time only when not a byte of it was written: to another address of the same
 * variant, once, and then, where the route says so, to the champion (http.md, retries). What an upstream sends
 * is never trusted to be whole, in order or finite.
 */
import type { Dispatcher } from 'undici'
import type { Outcome } from '../domain/counts.ts'
import { type FirstReading, firstReader } from '../domain/payload/first-reader.ts'
import { answerData, answerEnd, answerHead, answerProblem, breakAnswer, refuse } from './answer.ts'
import { chooseAddress, isStarting } from './choose.ts'
import { addressAnswered, addressFailed } from './ejection.ts'
import type { Exchange, UpstreamWork } from './exchange.ts'
import type { LiveAddress, LiveVariant } from './live-routes.ts'
import { outcomeOfStatus } from './observe.ts'
import { requestFields, requestPath } from './request-fields.ts'
import {
  abandon,
  countAddress,
  countShed,
  countUpstreamError,
  fallBackTo,
  markAnswered,
  markSent,
  NOT_READ,
  settle,
  takeLoad
} from './settle.ts'
import { openTunnel } from './tunnel.ts'
import { Upload } from './upload.ts'
import {
  type Fault,
  faultOf,
  INVALID,
  NO_ADDRESS,
  STARTING,
  type Stage
} from './upstream-connection/fault.ts'

/** Begins to forward: the body is taken from the client, and the variant's load is counted. */
export function forward(ex: Exchange): void {
  if (!admit(ex) || !takeBody(ex)) return
  send(ex, null)
}

/** What a clock ends: an answer that does not come, stops coming, or may not go on. */
export function giveUp(ex: Exchange, outcome: Extract<Outcome, 'timeout' | 'reset'>): void {
  const { work, variant, route } = ex
  if (work === null || variant === null || route === null) return
  if (outcome === 'timeout') {
    countUpstreamError(variant, 'timeout')
    addressFailed(
      work.address.standing,
      variant.counters,
      work.address.snapshot.slot,
      ex.lane.now()
    )
  }
  settle(ex, outcome)
  work.abort()
  if (ex.tunnel !== null) ex.tunnel.cut()
  else {
    const { name } = variant.snapshot
    answerProblem(ex, 'SLC_UPSTREAM_TIMEOUT', [name, route.snapshot.timeouts.firstByte])
  }
}

/** The client has left: the upstream is told within the same turn of the loop. */
export function clientGone(ex: Exchange): void {
  ex.over = true
  if (ex.tunnel === null) settle(ex, 'client_gone')
  ex.work?.abort()
}

/** A fault of our own: the request fails, the variant is not blamed, and the process goes on. */
export function contain(ex: Exchange, error: unknown): void {
  ex.lane.log('error', 'a request failed inside the router', {
    requestId: ex.requestId,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error)
  })
  try {
    abandon(ex)
    ex.work?.abort()
    answerProblem(ex, 'SLC_INTERNAL', [ex.requestId])
  } catch {
    ex.client.socket.destroy()
  }
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
  if (!req.complete) {
    ex.upload = new Upload(req, limit, () => tooLarge(ex))
    if (head.expects) ex.res.writeContinue()
    return true
  }
  const body: unknown = req.read()
  ex.body = Buffer.isBuffer(body) ? body : null
  if (ex.body === null || ex.body.length <= limit) return true
  abandon(ex)
  refuse(ex, 'SLC_BODY_TOO_LARGE', [limit])
  return false
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
  const call = new UpstreamCall(ex, variant, address)
  ex.work = call
  if (ex.upload === null) markSent(ex, now)
  if (tried !== null) countAddress(variant.counters, address.snapshot.slot, 'sent', 1)
  call.dispatch()
  return true
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

const ABORTED = new Error('the client is gone or the request was given up')

/** One attempt at one address. A handler of the client library, which calls it in the order of RFC 9112. */
class UpstreamCall implements Dispatcher.DispatchHandler, UpstreamWork {
  readonly address: LiveAddress
  readonly #ex: Exchange
  readonly #variant: LiveVariant
  #controller: Dispatcher.DispatchController | null = null
  #started = false // its first byte may have been written
  #over = false
  #draining = false

  constructor(ex: Exchange, variant: LiveVariant, address: LiveAddress) {
    this.#ex = ex
    this.#variant = variant
    this.address = address
    address.standing.inFlight++
    countAddress(variant.counters, address.snapshot.slot, 'inFlight', 1)
  }

  dispatch(): void {
    const { head, body, upload } = this.#ex
    if (head === null) return
    const options: Dispatcher.DispatchOptions = {
      path: requestPath(head, this.#variant.snapshot.rewrite),
      method: head.method,
      headers: requestFields(this.#ex, this.#variant, this.address),
      body: body ?? upload,
      ...(head.websocket ? { upgrade: 'websocket' } : {})
    }
    if (this.address.serverName !== undefined) Object.assign(options, this.#serverName())
    this.address.pool.dispatch(options, this)
  }

  #serverName(): { readonly servername: string | undefined } {
    return { servername: this.address.serverName }
  }

  abort(): void {
    if (this.#over) return
    this.#finish()
    this.#controller?.abort(ABORTED)
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    if (!this.#over) this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#started = true
    if (this.#over) controller.abort(ABORTED)
  }

  onRequestSent(): void {
    if (!this.#over) markSent(this.#ex, this.#ex.lane.now())
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const ex = this.#ex
    if (this.#over || (status < 200 && status >= 100)) return
    try {
      const now = ex.lane.now()
      ex.upstreamAt = now
      const raw = controller.rawHeaders
      const head = Array.isArray(raw) ? answerHead(ex, status, raw) : null
      if (head === null) {
        this.#fail(INVALID)
        return
      }
      ex.firstAt = now
      if (!ex.stream) markAnswered(ex, now)
      else markSent(ex, now)
      if (ex.decision?.prediction === true) {
        const { protocol } = ex.decision.route
        ex.reader = firstReader(protocol, status, head.contentType, head.contentEncoding)
      }
      if (ex.stream && ex.cutAt > 0 && now >= ex.cutAt) giveUp(ex, 'reset')
      else process.nextTick(flushHead, ex)
    } catch (error) {
      contain(ex, error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const ex = this.#ex
    if (this.#over) return
    try {
      ex.upstreamAt = ex.lane.now()
      if (ex.stream && ex.streamedAt === 0) {
        ex.streamedAt = ex.upstreamAt
        markAnswered(ex, ex.upstreamAt)
      }
      ex.reader?.push(chunk)
      if (answerData(ex, chunk)) return
      controller.pause()
      if (!this.#draining) {
        this.#draining = true
        ex.res.on('drain', () => this.#onDrain())
      }
    } catch (error) {
      contain(ex, error)
    }
  }

  onResponseEnd(): void {
    const ex = this.#ex
    if (this.#over) return
    try {
      this.#finish()
      const reading = ex.reader?.end() ?? NOT_READ
      markAnswered(ex, ex.lane.now())
      this.#judgeAddress()
      settle(ex, outcomeOf(ex.status, reading), reading)
      answerEnd(ex)
    } catch (error) {
      contain(ex, error)
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return
    try {
      this.#fail(faultOf(error, this.#stage()))
    } catch (fault) {
      contain(this.#ex, fault)
    }
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    upstream: import('node:stream').Duplex
  ): void {
    const ex = this.#ex
    if (this.#over) {
      upstream.destroy()
      return
    }
    try {
      const now = ex.lane.now()
      ex.firstAt = now
      ex.status = status
      addressAnswered(this.address.standing)
      markAnswered(ex, now)
      const raw = controller.rawHeaders
      openTunnel(ex, Array.isArray(raw) ? raw : [], upstream, outcome => {
        this.#finish()
        settle(ex, outcome)
      })
    } catch (error) {
      upstream.destroy()
      contain(ex, error)
    }
  }

  #stage(): Stage {
    if (!this.#started) return 'connecting'
    return this.#ex.firstAt === 0 ? 'head' : 'body'
  }

  #onDrain(): void {
    this.#ex.stallMark = -1
    this.resume()
  }

  #fail(fault: Fault): void {
    const ex = this.#ex
    const variant = this.#variant
    this.#finish()
    this.#controller?.abort(ABORTED)
    if (ex.over || ex.client.socket.destroyed) {
      settle(ex, 'client_gone')
      return
    }
    const { slot } = this.address.snapshot
    countUpstreamError(variant, fault.error)
    addressFailed(this.address.standing, variant.counters, slot, ex.lane.now())
    if (fault.outcome === 'connect') {
      countAddress(variant.counters, slot, 'connectFailures', 1)
      if (!ex.retried) {
        ex.retried = true
        if (send(ex, this.address)) return
      }
      unavailable(ex, fault)
      return
    }
    settle(ex, fault.outcome)
    if (ex.res.headersSent) {
      breakAnswer(ex)
      return
    }
    const code = fault.outcome === 'invalid' ? 'SLC_UPSTREAM_INVALID' : 'SLC_UPSTREAM_RESET'
    answerProblem(ex, code, [variant.snapshot.name], fault.proxyError)
  }

  #judgeAddress(): void {
    const { status, lane } = this.#ex
    const { standing, snapshot } = this.address
    if (status >= 502 && status <= 504) {
      addressFailed(standing, this.#variant.counters, snapshot.slot, lane.now())
    } else addressAnswered(standing)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.address.standing.inFlight--
    countAddress(this.#variant.counters, this.address.snapshot.slot, 'inFlight', -1)
  }
}

function outcomeOf(status: number, reading: FirstReading): Outcome {
  if (reading.failed) return 'upstream_error'
  const byStatus = outcomeOfStatus(status)
  return byStatus === 'ok' && reading.bad !== 0 ? 'bad_prediction' : byStatus
}

/** A head whose body does not follow in the same segment goes out alone. */
function flushHead(ex: Exchange): void {
  if (!ex.over && ex.bytesOut === 0 && !ex.res.writableEnded) ex.res.flushHeaders()
}
