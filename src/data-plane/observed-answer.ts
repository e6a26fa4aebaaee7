/**
 * The observed copy of an answer to a prediction call: what it says, and when its tokens came.
 *
 * It sees the bytes that the client gets and never holds one back. Without a content coding the reading is there
 * with the last byte; with one it comes as soon as the decoder is done, and within a second, so that an outcome is
 * late at most by that and never lost. Of an answer that broke nothing is judged: its outcome says what happened.
 */
import { codingsOf } from '../domain/content-coding.ts'
import { BAD_KINDS, type Counters } from '../domain/counts.ts'
import { answerReader } from '../domain/payload/answer-reader.ts'
import { type AnswerReader, NOT_READ, type Reading } from '../domain/payload/reading.ts'
import { recordFirstToken, recordTokenTimes } from '../domain/record.ts'
import type { AnswerHead } from './answer-fields.ts'
import { type ContentDecoder, contentDecoder, type DecodingEnd } from './content-decoder.ts'
import type { Exchange } from './exchange.ts'
import type { Lane } from './lane.ts'

export const DECODING_MS = 1000

/** Begins to observe an answer whose head is known; null where nothing is judged. */
export function observeAnswer(
  ex: Exchange,
  status: number,
  answer: AnswerHead
): ObservedAnswer | null {
  const { head, decision } = ex
  if (head === null || decision === null || !decision.prediction) return null
  if (decision.route.protocol === 'opaque' || head.method === 'HEAD') return null
  const reader = answerReader({
    protocol: decision.route.protocol,
    predictions: decision.route.predictions,
    path: head.path,
    status,
    contentType: answer.contentType,
    inferenceHeaderLength: answer.inferenceHeaderLength
  })
  return reader === null ? null : new ObservedAnswer(ex, reader, answer.contentEncoding)
}

const UNPARSABLE = 1 << BAD_KINDS.indexOf('unparsable')

/** What a reading needs of the request that it belongs to, whatever the lane. */
export type ObservedRequest = {
  readonly requestId: string
  readonly sentAt: number
  readonly variant: { readonly counters: Counters } | null
  readonly lane: Pick<Lane, 'now' | 'reading' | 'log'>
}

export class ObservedAnswer {
  readonly #ex: ObservedRequest
  readonly #reader: AnswerReader
  readonly #decoder: ContentDecoder | null
  #decoding: DecodingEnd | 'unknown' | 'fault' | null = null // how it ended
  #done: ((reading: Reading) => void) | null = null
  #timer: NodeJS.Timeout | undefined
  #events = 0
  #tokenAt = 0 // when the last content came

  constructor(ex: ObservedRequest, reader: AnswerReader, contentEncoding: string | null) {
    this.#ex = ex
    this.#reader = reader
    const codings = codingsOf(contentEncoding)
    if (codings === null) this.#decoding = 'unknown'
    this.#decoder =
      codings === null || codings.length === 0
        ? null
        : contentDecoder(
            codings,
            chunk => this.#read(chunk, ex.lane.now()),
            end => this.#decoded(end)
          )
  }

  /** The next bytes of the answer's body, which came at `now`. */
  push(chunk: Uint8Array, now: number): void {
    if (this.#decoding !== null) return
    if (this.#decoder === null) this.#read(chunk, now)
    else this.#decoder.write(chunk)
  }

  /** The body is whole. Its reading, or null: it is being decoded, ask `whenRead`. */
  end(): Reading | null {
    if (this.#decoding !== null) return this.#reading(this.#decoding)
    return this.#decoder === null ? this.#reading('whole') : null
  }

  /** Calls `done` with the reading, once, when the body has been decoded or the time for it is over. */
  whenRead(done: (reading: Reading) => void): void {
    this.#done = done
    this.#ex.lane.reading.add(this)
    this.#timer = setTimeout(() => this.hurry(), DECODING_MS)
    this.#decoder?.end()
  }

  /** Says now what is known by now. */
  hurry(): void {
    this.#decoder?.destroy()
    this.#decoded('more')
  }

  /** The body broke: tokens that came are counted, predictions are not judged. */
  cut(): Reading {
    this.#decoder?.destroy()
    if (this.#decoding === 'unknown') return NOT_READ
    const { truncated, inputTokens, outputTokens, model } = this.#ended(false)
    return { ...NOT_READ, truncated, inputTokens, outputTokens, model, finished: false }
  }

  /** Nobody asks any more. */
  drop(): void {
    this.#decoder?.destroy()
  }

  #read(chunk: Uint8Array, now: number): void {
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.#fault(error)
      return
    }
    const events = this.#reader.contentEvents
    if (events > this.#events) this.#content(events, now)
  }

  /** A fault of a reader is ours: the answer goes on, and nothing is known of it. */
  #fault(error: unknown): void {
    this.#decoding = 'fault'
    this.#ex.lane.log('error', 'an answer could not be read for a fault of the router', {
      requestId: this.#ex.requestId,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
  }

  /** Content came: the first ends the wait for a token, each later one took its share of the time since. */
  #content(events: number, now: number): void {
    const counters = this.#ex.variant?.counters
    if (counters === undefined) return
    const first = this.#events === 0
    if (first) recordFirstToken(counters, now - this.#ex.sentAt)
    const rest = events - this.#events - (first ? 1 : 0)
    const since = first ? now : this.#tokenAt
    if (rest > 0) recordTokenTimes(counters, (now - since) / rest, rest)
    this.#events = events
    this.#tokenAt = now
  }

  #decoded(end: DecodingEnd): void {
    this.#decoding ??= end
    const done = this.#done
    if (done === null) return
    this.#done = null
    clearTimeout(this.#timer)
    this.#ex.lane.reading.delete(this)
    done(this.#reading(this.#decoding))
  }

  #reading(end: DecodingEnd | 'unknown' | 'fault'): Reading {
    if (end === 'unknown') return { ...NOT_READ, why: 'coding' }
    if (end === 'whole' || end === 'fault') return this.#ended(true)
    const reading = this.#ended(false)
    if (end === 'more')
      return { ...reading, truncated: true, why: reading.why === 'cut' ? null : reading.why }
    const bad = reading.failed ? 0 : reading.bad | UNPARSABLE
    return { ...reading, judged: true, bad, why: 'coding' }
  }

  #ended(complete: boolean): Reading {
    if (this.#decoding === 'fault') return NOT_READ
    try {
      return this.#reader.end(complete)
    } catch (error) {
      this.#fault(error)
      return NOT_READ
    }
  }
}
