/**
 * One attempt to get an answer from one address: what the client library reports becomes the client's answer,
 * counts and an end.
 *
 * What an upstream sends is never trusted to be whole, in order or finite.
 */
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { outcomeOfAnswer } from '../domain/outcome.ts'
import { NOT_READ } from '../domain/payload/reading.ts'
import { rewrittenTarget } from '../domain/rewrite.ts'
import { type Fault, faultOf, INVALID, type Stage } from '../upstream-connection/fault.ts'
import { answerData, answerEnd, answerHead, answerProblem, breakAnswer } from './answer.ts'
import { addressAnswered, addressFailed } from './ejection.ts'
import type { Exchange, UpstreamWork } from './exchange.ts'
import { contain, giveUp } from './give-up.ts'
import type { LiveAddress, LiveVariant } from './live-routes.ts'
import { observeAnswer } from './observed-answer.ts'
import { requestFields } from './request-fields.ts'
import {
  countAddress,
  countUpstreamError,
  markAnswered,
  markSent,
  settle,
  settleRead,
  settleWhenRead
} from './settle.ts'
import { openTunnel } from './tunnel.ts'

const ABORTED = new Error('the client is gone or the request was given up')

/** Called when the connection was not made: not a byte of the request has been written. */
export type Unmade = (ex: Exchange, fault: Fault, address: LiveAddress) => void

/** One attempt at one address. A handler of the client library, which calls it in the order of RFC 9112. */
export class UpstreamCall implements Dispatcher.DispatchHandler, UpstreamWork {
  readonly address: LiveAddress
  readonly #ex: Exchange
  readonly #variant: LiveVariant
  readonly #onUnmade: Unmade
  #controller: Dispatcher.DispatchController | null = null
  #started = false // its first byte may have been written
  #over = false
  #draining = false

  constructor(ex: Exchange, variant: LiveVariant, address: LiveAddress, onUnmade: Unmade) {
    this.#ex = ex
    this.#variant = variant
    this.#onUnmade = onUnmade
    this.address = address
    address.standing.inFlight++
    countAddress(variant.counters, address.snapshot.slot, 'inFlight', 1)
  }

  dispatch(): void {
    const { head, body, upload } = this.#ex
    if (head === null) return
    const options: Dispatcher.DispatchOptions = {
      path: rewrittenTarget(head.origin, this.#variant.snapshot.rewrite),
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
      ex.answer = head
      if (!ex.stream) markAnswered(ex, now)
      else markSent(ex, now)
      ex.observed = observeAnswer(ex, status, head)
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
      ex.observed?.push(chunk, ex.upstreamAt)
      ex.tap?.answerBody(chunk)
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
      markAnswered(ex, ex.lane.now())
      this.#judgeAddress()
      this.#settle()
      answerEnd(ex)
    } catch (error) {
      contain(ex, error)
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return
    try {
      if (isOurs(error)) contain(this.#ex, error)
      else this.#fail(faultOf(error, this.#stage()))
    } catch (fault) {
      contain(this.#ex, fault)
    }
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    upstream: Duplex
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
      this.#onUnmade(ex, fault, this.address)
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

  /** The answer is whole: it is counted by what it says, which may be known a little later. */
  #settle(): void {
    const ex = this.#ex
    const { status, observed } = ex
    if (ex.settled) return
    const reading = observed === null ? NOT_READ : observed.end()
    if (reading !== null) settleRead(ex, outcomeOfAnswer(status, reading), reading)
    else {
      const count = settleWhenRead(ex)
      observed?.whenRead(late => count(outcomeOfAnswer(status, late), late))
    }
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

/** The library refused what we asked of it: no upstream has to do with that. */
function isOurs(error: Error): boolean {
  const code = 'code' in error ? error.code : ''
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED'
}

/** A head whose body does not follow in the same segment goes out alone. */
function flushHead(ex: Exchange): void {
  if (!ex.over && ex.bytesOut === 0 && !ex.res.writableEnded) ex.res.flushHeaders()
}
