/**
 * Whether one shadow takes another copy: so many may be under way at once, and an address of it must be there to try.
 * Copies come in bursts when this process had no time, so one that finds no room waits a little for it.
 *
 * While a shadow takes none, and will not for long, the data threads are told so and copy nothing for it, for what a
 * copy costs them would be in vain.
 */
import type { RoadBack } from '../copy-road/accept-roads.ts'
import type { ShadowClosed, ShadowDrop } from '../domain/shadow.ts'
import { BATCH_MS } from '../domain/shadow-copy.ts'
import type { CopyUpstream } from './upstream.ts'

/** A copy for this shadow: one of the two is called, once, at once or later. */
export type Entrant = {
  go(): void
  refuse(why: ShadowDrop): void
}

type Waiting = { readonly entrant: Entrant; readonly road: RoadBack; readonly since: number }

/**
 * From when room is told until a copy comes, two batches may pass. A shadow whose copies take this long loses a tenth of
 * what it could answer by that, at most; a faster one would lose more, so its copies go on coming.
 */
const LONG_MS = 20 * BATCH_MS
/** Longer than this process is ever late, but when the machine has no time for it. */
const WAIT_MS = 5 * BATCH_MS
const MOST_WAITING = 4 // for each that is under way: what waits holds bytes that other shadows may be short of

const THERE: Pick<CopyUpstream, 'isAway'> = { isAway: () => false }

export class Room {
  readonly #slot: number
  readonly #told = new Map<RoadBack, ShadowClosed>()
  readonly #waiting: Waiting[] = [] // oldest first
  #upstream = THERE
  #most = 0
  #inside = 0
  #lastTook = 0 // ms
  #lastLeft = 0 // when; or when the first came in, where nobody was
  #timer: NodeJS.Timeout | null = null // until the oldest has waited too long
  #admitting = false

  constructor(slot: number) {
    this.#slot = slot
  }

  /** So many at once, and those addresses, from now on; copies that are under way stay. `now` in ms. */
  renew(most: number, upstream: Pick<CopyUpstream, 'isAway'>, now: number): void {
    this.#most = most
    this.#upstream = upstream
    this.reachable()
    this.#admit(now)
  }

  /** To be called when an address that could not be connected to can be. */
  reachable(): void {
    if (!this.#upstream.isAway()) this.#open('unreachable')
  }

  /** A copy came by this road. `now` in ms. */
  enter(now: number, road: RoadBack, entrant: Entrant): void {
    if (this.#upstream.isAway()) this.#turnAway(road, entrant, 'unreachable')
    else if (this.#inside < this.#most) this.#letIn(now, entrant)
    else if (Math.max(this.#lastTook, now - this.#lastLeft) >= LONG_MS)
      this.#turnAway(road, entrant, 'concurrency')
    else if (this.#waiting.length >= MOST_WAITING * this.#most) entrant.refuse('concurrency')
    else {
      this.#waiting.push({ entrant, road, since: now })
      this.#watch(WAIT_MS)
    }
  }

  /** One that came in `took` ms ago is done. */
  leave(now: number, took: number): void {
    this.#inside--
    this.#lastLeft = now
    this.#lastTook = took
    this.#admit(now)
  }

  /** Those that have waited too long go. */
  expire(now: number): void {
    while (this.#waiting[0] !== undefined && now - this.#waiting[0].since >= WAIT_MS) {
      this.#waiting.shift()?.entrant.refuse('concurrency')
    }
    if (this.#waiting[0] !== undefined) this.#watch(this.#waiting[0].since + WAIT_MS - now)
  }

  /** The shadow is gone; its slot may be another's. */
  end(now: number): void {
    for (const { entrant } of this.#waiting.splice(0)) entrant.refuse('off')
    this.renew(Number.POSITIVE_INFINITY, THERE, now)
  }

  /** The road has ended. */
  forget(road: RoadBack): void {
    this.#told.delete(road)
  }

  #letIn(now: number, entrant: Entrant): void {
    if (this.#inside === 0) this.#lastLeft = now
    this.#inside++
    entrant.go()
  }

  #turnAway(road: RoadBack, entrant: Entrant, why: ShadowClosed): void {
    this.#close(road, why)
    entrant.refuse(why)
  }

  /** One that goes in may be out again before the next one. */
  #admit(now: number): void {
    if (this.#admitting) return
    this.#admitting = true
    try {
      this.expire(now)
      while (this.#inside < this.#most) {
        const next = this.#waiting.shift()
        if (next === undefined) break
        if (this.#upstream.isAway()) this.#turnAway(next.road, next.entrant, 'unreachable')
        else this.#letIn(now, next.entrant)
      }
    } finally {
      this.#admitting = false
    }
    if (this.#inside < this.#most) this.#open('concurrency')
  }

  #watch(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.expire(performance.now())
    }, ms).unref()
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
