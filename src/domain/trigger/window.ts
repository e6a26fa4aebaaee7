/**
 * Sums of the champion's evidence rows over the last 5 minutes and the last hour, in blocks of 10 s.
 *
 * The 5 minutes tell the gross failure rule what is usual; the hour is the reference once the champion gets
 * no more requests (triggers.md). Blocks survive a change of ranges; time without requests rolls nothing
 * while the window is frozen.
 */
export const BLOCK_MS = 10_000
const RECENT = 30
const HOUR = 360

export class RowWindow {
  readonly recent: Float64Array // sums of the last 30 blocks, the running one included
  readonly hour: Float64Array // sums of the last 360 blocks, the running one included
  readonly #blocks: Uint32Array
  readonly #width: number
  #running = 0

  constructor(width: number) {
    this.#width = width
    this.recent = new Float64Array(width)
    this.hour = new Float64Array(width)
    this.#blocks = new Uint32Array(HOUR * width)
  }

  /** Adds one tick's differences. */
  add(rows: Float64Array): void {
    const at = (this.#running % HOUR) * this.#width
    for (let i = 0; i < this.#width; i++) {
      const n = rows[i] ?? 0
      if (n === 0) continue
      this.#blocks[at + i] = (this.#blocks[at + i] ?? 0) + n
      this.recent[i] = (this.recent[i] ?? 0) + n
      this.hour[i] = (this.hour[i] ?? 0) + n
    }
  }

  /** Ends the running block and forgets what is older than the windows. */
  roll(): void {
    this.#running++
    this.#forget(this.recent, RECENT, false)
    this.#forget(this.hour, HOUR, true)
  }

  #forget(sums: Float64Array, length: number, clear: boolean): void {
    const old = this.#running - length
    if (old < 0) return
    const at = (old % HOUR) * this.#width
    for (let i = 0; i < this.#width; i++) {
      sums[i] = (sums[i] ?? 0) - (this.#blocks[at + i] ?? 0)
      if (clear) this.#blocks[at + i] = 0
    }
  }
}
