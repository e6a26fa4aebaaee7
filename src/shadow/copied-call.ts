/**
 * One copy on its way to one address: the request as the shadow gets it, and what comes back, captured up to a
 * bound. A handler of the client library; it reports once, whatever happens.
 */
import type { Dispatcher } from 'undici'
import type { ByteBudget } from '../domain/byte-budget.ts'
import { Gathered } from '../domain/gathered.ts'
import type { CopyOutcome } from '../domain/shadow.ts'
import type { CapturedAnswer } from '../domain/shadow-copy.ts'
import { faultOf, type Stage } from '../upstream-connection/fault.ts'
import type { Lateness } from './lateness.ts'

/** What came back. `ok`: an answer came whole. */
export type CopiedAnswer = CapturedAnswer & {
  readonly outcome: Extract<CopyOutcome, 'ok' | 'connect' | 'timeout' | 'reset' | 'invalid'>
  readonly held: number // bytes of the budget, to be given back
  readonly lateMs: number // of latencyMs, that this process may have been late itself
}

export type CallLimits = {
  readonly timeoutMs: number
  readonly maxBody: number
  readonly budget: ByteBudget
  readonly lateness: Lateness
}

/** From so many times the limit of a body on, a piece is read each so many ms. */
const FLOOD = 4
const FLOOD_MS = 5

const TIMED_OUT = new Error('the time of a copy is over')

export class CopiedCall implements Dispatcher.DispatchHandler {
  readonly #limits: CallLimits
  readonly #done: (answer: CopiedAnswer) => void
  readonly #sentAt = performance.now()
  readonly #late: number // mark of the lateness
  readonly #timer: NodeJS.Timeout
  #controller: Dispatcher.DispatchController | null = null
  #started = false
  #over = false
  #status = 0
  #firstMs = 0
  #fields: ReadonlyMap<string, string> = new Map()
  readonly #body = new Gathered()
  #truncated = false
  #held = 0
  #bytes = 0

  constructor(limits: CallLimits, done: (answer: CopiedAnswer) => void) {
    this.#limits = limits
    this.#done = done
    this.#late = limits.lateness.begin()
    this.#timer = setTimeout(() => {
      this.#finish('timeout')
      this.#controller?.abort(TIMED_OUT)
    }, limits.timeoutMs)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#started = true
    if (this.#over) controller.abort(TIMED_OUT)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over || status < 200) return
    this.#status = status
    this.#firstMs = performance.now() - this.#sentAt
    this.#fields = fieldsOf(controller.rawHeaders)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    this.#bytes += chunk.length
    if (this.#truncated) {
      if (this.#bytes > FLOOD * this.#limits.maxBody) this.#slowDown(controller)
      return
    }
    if (this.#bytes <= this.#limits.maxBody && this.#limits.budget.take(chunk.length)) {
      this.#held += chunk.length
      this.#body.add(chunk)
    } else this.#truncated = true
  }

  /** An answer that goes on and on is read slowly, so that it costs neither memory nor the turn of others. */
  #slowDown(controller: Dispatcher.DispatchController): void {
    controller.pause()
    setTimeout(() => {
      if (!this.#over) controller.resume()
    }, FLOOD_MS)
  }

  onResponseEnd(): void {
    this.#finish('ok')
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return
    const stage: Stage = this.#started ? (this.#status === 0 ? 'head' : 'body') : 'connecting'
    this.#finish(faultOf(error, stage).outcome)
  }

  #finish(outcome: CopiedAnswer['outcome']): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    const length = this.#fields.get('inference-header-content-length')
    this.#done({
      outcome,
      status: this.#status,
      latencyMs: performance.now() - this.#sentAt,
      firstMs: this.#firstMs,
      contentType: this.#fields.get('content-type') ?? null,
      contentEncoding: this.#fields.get('content-encoding') ?? null,
      inferenceHeaderLength:
        length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : null,
      bytes: this.#bytes,
      body: this.#body.whole(),
      truncated: this.#truncated,
      held: this.#held,
      lateMs: this.#limits.lateness.end(this.#late)
    })
  }
}

function fieldsOf(raw: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  if (!Array.isArray(raw)) return fields
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]).toLowerCase()
    const before = fields.get(name)
    const value = String(raw[i + 1])
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return fields
}
