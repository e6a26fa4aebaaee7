/**
 * Room for the copies of one shadow that are under way at once. While a shadow that takes long has none, the data
 * threads are told so and copy nothing for it, for what a copy costs them would be in vain.
 */
import type { RoadBack } from '../copy-road/accept-roads.ts'
import { BATCH_MS } from '../domain/shadow-copy.ts'

/**
 * From when room is told until a copy comes, two batches may pass. A shadow whose copies take this long loses a tenth of
 * what it could answer by that, at most; a faster one would lose more, so its copies go on coming.
 */
const LONG_MS = 20 * BATCH_MS

export class Room {
  readonly #slot: number
  readonly #told = new Set<RoadBack>() // that there is no room
  #most = 0
  #inside = 0
  #lastTook = 0 // ms
  #lastLeft = 0 // when; or when the first came in, where nobody was

  constructor(slot: number) {
    this.#slot = slot
  }

  /** Room for so many copies from now on; those beyond it that are under way stay. */
  resize(most: number): void {
    this.#most = most
    this.#tell()
  }

  /** A copy is on its way, or finds no room. `now` in ms. */
  enter(now: number): boolean {
    if (this.#inside >= this.#most) return false
    if (this.#inside === 0) this.#lastLeft = now
    this.#inside++
    return true
  }

  /** One that came in `took` ms ago is done. */
  leave(now: number, took: number): void {
    this.#inside--
    this.#lastLeft = now
    this.#lastTook = took
    this.#tell()
  }

  /** A copy that came by this road found no room. */
  refused(now: number, road: RoadBack): void {
    if (Math.max(this.#lastTook, now - this.#lastLeft) < LONG_MS || this.#told.has(road)) return
    this.#told.add(road)
    road.full(this.#slot, true)
  }

  /** The shadow is gone; its slot may be another's. */
  end(): void {
    this.resize(Number.POSITIVE_INFINITY)
  }

  /** The road has ended. */
  forget(road: RoadBack): void {
    this.#told.delete(road)
  }

  #tell(): void {
    if (this.#inside >= this.#most) return
    for (const road of this.#told) road.full(this.#slot, false)
    this.#told.clear()
  }
}
