/**
 * Bytes on their way to a client: at once, each chunk some time later, or byte by byte; always in order.
 *
 * A change of pace holds for what is already waiting, so the return to "at once" lets everything out.
 */
export type Pace =
  | { readonly kind: 'now' }
  | { readonly kind: 'later' | 'drip'; readonly ms: number }

export class FaultOutbox {
  readonly #send: (bytes: Buffer) => void
  readonly #waiting: { bytes: Buffer; readonly since: number }[] = []
  #pace: Pace = { kind: 'now' }
  #size = 0
  #timer: NodeJS.Timeout | null = null
  #last = 0 // when a byte left in a drip
  #onEmpty: (() => void) | null = null

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send
  }

  /** Bytes that have not left. */
  get size(): number {
    return this.#size
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return
    if (this.#pace.kind === 'now' && this.#waiting.length === 0) {
      this.#send(bytes)
      return
    }
    this.#size += bytes.length
    this.#waiting.push({ bytes, since: performance.now() })
    this.#pump()
  }

  setPace(pace: Pace): void {
    this.#pace = pace
    this.#pump()
  }

  /** Calls back once when everything has left. */
  whenEmpty(done: () => void): void {
    this.#onEmpty = done
    this.#pump()
  }

  clear(): void {
    this.#stopTimer()
    this.#waiting.length = 0
    this.#size = 0
    this.#onEmpty = null
  }

  #pump(): void {
    this.#stopTimer()
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      const wait = this.#waitFor(head.since)
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait)
        return
      }
      const length = this.#pace.kind === 'drip' ? 1 : head.bytes.length
      const leaving = head.bytes.subarray(0, length)
      head.bytes = head.bytes.subarray(length)
      if (head.bytes.length === 0) this.#waiting.shift()
      this.#size -= length
      this.#last = performance.now()
      this.#send(leaving)
    }
    const done = this.#onEmpty
    this.#onEmpty = null
    done?.()
  }

  /** ms until something of a chunk may leave that came at `since`. */
  #waitFor(since: number): number {
    if (this.#pace.kind === 'now') return 0
    const from = this.#pace.kind === 'drip' ? Math.max(this.#last, since) : since
    return Math.ceil(from + this.#pace.ms - performance.now())
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
