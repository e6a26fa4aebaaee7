/**
 * Whether one shadow takes another copy: so many may be under way at once, and an address of it must be there to try.
 * While it takes none, and will not for long, the data threads are told so and copy nothing for it, for what a copy
 * costs them would be in vain.
 */
import type { RoadBack } from '../copy-road/accept-roads.ts'
import type { ShadowClosed } from '../domain/shadow.ts'
import { BATCH_MS } from '../domain/shadow-copy.ts'
import type { CopyUpstream } from './upstream.ts'

/**
 * From when room is told until a copy comes, two batches may pass. A shadow whose copies take this long loses a tenth of
 * what it could answer by that, at most; a faster one would lose more, so its copies go on coming.
 */
const LONG_MS = 20 * BATCH_MS

const THERE: Pick<CopyUpstream, 'isAway'> = { isAway: () => false }

export class Room {
  readonly #slot: number
  readonly #told = new Map<RoadBack, ShadowClosed>()
  #upstream = THERE
  #most = 0
  #inside = 0
  #lastTook = 0 // ms
  #lastLeft = 0 // when; or when the first came in, where nobody was

  constructor(slot: number) {
    this.#slot = slot
  }

  /** So many at once, and those addresses, from now on; copies that are under way stay. */
  renew(most: number, upstream: Pick<CopyUpstream, 'isAway'>): void {
    this.#most = most
    this.#upstream = upstream
    this.reachable()
    this.#roomy()
  }

  /** To be called when an address that could not be connected to can be. */
  reachable(): void {
    if (!this.#upstream.isAway()) this.#open('unreachable')
  }

  /** A copy that came by this road is on its way, or why not. `now` in ms. */
  enter(now: number, road: RoadBack): ShadowClosed | null {
    if (this.#upstream.isAway()) {
      this.#close(road, 'unreachable')
      return 'unreachable'
    }
    if (this.#inside >= this.#most) {
      if (Math.max(this.#lastTook, now - this.#lastLeft) >= LONG_MS)
        this.#close(road, 'concurrency')
      return 'concurrency'
    }
    if (this.#inside === 0) this.#lastLeft = now
    this.#inside++
    return null
  }

  /** One that came in `took` ms ago is done. */
  leave(now: number, took: number): void {
    this.#inside--
    this.#lastLeft = now
    this.#lastTook = took
    this.#roomy()
  }

  /** The shadow is gone; its slot may be another's. */
  end(): void {
    this.renew(Number.POSITIVE_INFINITY, THERE)
  }

  /** The road has ended. */
  forget(road: RoadBack): void {
    this.#told.delete(road)
  }

  #roomy(): void {
    if (this.#inside < this.#most) this.#open('concurrency')
  }

  /** The first word counts, until it is taken back. */
  #close(road: RoadBack, why: ShadowClosed): void {
    if (this.#told.has(road)) return
    this.#told.set(road, why)
    road.closed(this.#slot, why)
  }

  #open(why: ShadowClosed): void {
    for (const [road, told] of this.#told) {
      if (told !== why) continue
      this.#told.delete(road)
      road.closed(this.#slot, null)
    }
  }
}
