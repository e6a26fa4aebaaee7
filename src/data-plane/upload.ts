/**
 * The body of a request on its way to an upstream, when it did not come with the head.
 *
 * A stream of its own between the client and the upstream: the upstream's end destroys this one and never the
 * client's connection, on which we still have to answer. Bytes are counted against the route's limit, and the
 * upstream's slowness reaches the client through `pause`. What was held before its unit was known goes first.
 * Trailers are dropped here.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { HeldBody } from './held-body.ts'
import type { Tap } from './tap.ts'

export class Upload extends Readable {
  readonly #request: IncomingMessage
  readonly #limit: number
  readonly #onTooLarge: () => void
  readonly #before: HeldBody | null
  #attached = false
  #bytes = 0
  /** Whether the upstream holds the client back at this moment. */
  held = false
  /** Gets a copy of every piece. */
  tap: Tap | null = null

  /** `before`: the beginning of the body, which has been read already. */
  constructor(
    request: IncomingMessage,
    limit: number,
    onTooLarge: () => void,
    before: HeldBody | null = null
  ) {
    super({ highWaterMark: 65536, emitClose: false })
    this.#request = request
    this.#limit = limit
    this.#onTooLarge = onTooLarge
    this.#before = before
  }

  /** Bytes of the body so far. */
  get bytes(): number {
    return this.#bytes
  }

  override _read(): void {
    this.held = false
    if (!this.#attached && !this.#passHeld()) return
    if (!this.#attached) {
      this.#attached = true
      this.#request.on('data', this.#onData)
      this.#request.on('end', this.#onEnd)
    }
    this.#request.resume()
  }

  /** Passes on what was held. False: not all of it, or it was the whole body. */
  #passHeld(): boolean {
    const before = this.#before
    if (before === null) return true
    if (before.dropped) return false
    for (let piece = before.next(); piece !== null; piece = before.next()) {
      this.#bytes += piece.length
      this.tap?.requestBody(piece)
      if (!this.push(piece)) {
        this.held = true
        return false
      }
    }
    if (before.ended) this.#onEnd()
    return !before.ended
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request.off('data', this.#onData)
    this.#request.off('end', this.#onEnd)
    this.#before?.drop()
    callback(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limit) {
      this.#request.pause()
      this.#onTooLarge()
      return
    }
    this.tap?.requestBody(chunk)
    if (!this.push(chunk)) {
      this.held = true
      this.#request.pause()
    }
  }

  readonly #onEnd = (): void => {
    this.tap?.requestEnd()
    this.push(null)
  }
}
