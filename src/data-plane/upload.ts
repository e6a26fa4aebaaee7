/**
 * The body of a request on its way to an upstream, when it did not come with the head.
 *
 * A stream of its own between the client and the upstream: the upstream's end destroys this one and never the
 * client's connection, on which we still have to answer. Bytes are counted against the route's limit, and the
 * upstream's slowness reaches the client through `pause`. Trailers are dropped here.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

export class Upload extends Readable {
  readonly #request: IncomingMessage
  readonly #limit: number
  readonly #onTooLarge: () => void
  #attached = false
  #bytes = 0
  /** Whether the upstream holds the client back at this moment. */
  held = false

  constructor(request: IncomingMessage, limit: number, onTooLarge: () => void) {
    super({ highWaterMark: 65536, emitClose: false })
    this.#request = request
    this.#limit = limit
    this.#onTooLarge = onTooLarge
  }

  /** Bytes of the body so far. */
  get bytes(): number {
    return this.#bytes
  }

  override _read(): void {
    this.held = false
    if (!this.#attached) {
      this.#attached = true
      this.#request.on('data', this.#onData)
      this.#request.on('end', this.#onEnd)
      return
    }
    this.#request.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request.off('data', this.#onData)
    this.#request.off('end', this.#onEnd)
    callback(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limit) {
      this.#request.pause()
      this.#onTooLarge()
      return
    }
    if (!this.push(chunk)) {
      this.held = true
      this.#request.pause()
    }
  }

  readonly #onEnd = (): void => {
    this.push(null)
  }
}
