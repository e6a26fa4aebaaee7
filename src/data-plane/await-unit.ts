/**
 * Waiting for the unit of a request whose route looks for it in the body: the body is scanned as it comes and
 * held, and no upstream hears of the request before its variant is known.
 *
 * The wait ends with the byte that decides: the unit, or that there can be none. Then everything held goes out
 * and the rest is streamed behind it. The clocks of the lane go on meanwhile: a body that is too slow or too
 * large is refused as ever, and a thread without room for another body sheds the request.
 */

import type { RequestFacts } from '../domain/facts.ts'
import { bodyFacts } from '../domain/payload/body-facts.ts'
import { type BodyUnitSource, type UnitScan, unitScan } from '../domain/payload/unit-scan.ts'
import type { RouteSnapshot } from '../domain/snapshot.ts'
import type { BodyUnit } from '../domain/unit.ts'
import { answerProblem, refuse } from './answer.ts'
import type { Exchange } from './exchange.ts'
import type { Head } from './gate.ts'
import { contain } from './give-up.ts'
import { HeldBody } from './held-body.ts'
import { countShed } from './settle.ts'

/** Goes on with a request whose body has said what it could. */
export type GoOn = (unit: BodyUnit) => void

/** Calls `goOn` once, at once where the body is here or cannot tell; never when the request ends before. */
export function awaitUnit(
  ex: Exchange,
  head: Head,
  facts: RequestFacts,
  route: RouteSnapshot,
  sources: readonly BodyUnitSource[],
  goOn: GoOn
): void {
  if (head.websocket || (!head.chunked && head.contentLength <= 0)) {
    goOn(NO_UNIT)
    return
  }
  const scan = unitScan(sources, bodyFacts(facts))
  const before = scan.push(NOTHING)
  if (before.kind !== 'open') goOn(before)
  else if (ex.req.complete) scanWhole(ex, scan, route.limits.body, goOn)
  else new Waiting(ex, scan, route, goOn).start(head.expects)
}

/** Whether nothing may be done with a request any more: it was answered, or its client left or was not understood. */
function isOver({ over, res, req, client }: Exchange): boolean {
  if (over || res.headersSent || client.socket.destroyed) return true
  return client.faulty && !req.complete
}

const NOTHING = new Uint8Array(0)
const NO_UNIT: BodyUnit = { kind: 'absent' }

/** A body that came with its head. */
function scanWhole(ex: Exchange, scan: UnitScan, limit: number, goOn: GoOn): void {
  const body: unknown = ex.req.read()
  ex.body = Buffer.isBuffer(body) ? body : null
  if (ex.body !== null && ex.body.length > limit) {
    refuse(ex, 'SLC_BODY_TOO_LARGE', [limit])
    return
  }
  const state = scan.push(ex.body ?? NOTHING)
  goOn(state.kind === 'open' ? closed(scan) : state)
}

function closed(scan: UnitScan): BodyUnit {
  const state = scan.end()
  return state.kind === 'open' ? NO_UNIT : state
}

/** A request between its head and its decision. */
class Waiting {
  readonly #ex: Exchange
  readonly #scan: UnitScan
  readonly #route: RouteSnapshot
  readonly #goOn: GoOn
  readonly #held: HeldBody

  constructor(ex: Exchange, scan: UnitScan, route: RouteSnapshot, goOn: GoOn) {
    this.#ex = ex
    this.#scan = scan
    this.#route = route
    this.#goOn = goOn
    this.#held = new HeldBody(ex.lane.bodies)
  }

  start(expects: boolean): void {
    const { req, res } = this.#ex
    this.#ex.held = this.#held
    req.on('data', this.#onData)
    req.on('end', this.#onEnd)
    if (expects) res.writeContinue()
  }

  readonly #onData = (chunk: Buffer): void => {
    const ex = this.#ex
    if (ex.over || ex.res.headersSent) {
      this.#giveUp()
      return
    }
    try {
      const room = this.#held.add(chunk)
      if (this.#held.bytes > this.#route.limits.body) this.#tooLarge()
      else if (!room) this.#shed()
      else {
        const state = this.#scan.push(chunk)
        if (state.kind !== 'open') this.#decided(state)
      }
    } catch (error) {
      this.#giveUp()
      contain(ex, error)
    }
  }

  readonly #onEnd = (): void => {
    const ex = this.#ex
    if (ex.over || ex.res.headersSent) {
      this.#giveUp()
      return
    }
    try {
      this.#held.ended = true
      this.#decided(closed(this.#scan))
    } catch (error) {
      this.#giveUp()
      contain(ex, error)
    }
  }

  /**
   * Goes on when the parser has seen the whole segment, for nothing is forwarded from one with a fault in it. A
   * tick would be too early: between two chunks of a body the parser lets ticks run.
   */
  #decided(unit: BodyUnit): void {
    this.#stop()
    if (!this.#held.ended) this.#ex.req.pause()
    setImmediate(() => {
      if (isOver(this.#ex)) {
        this.#held.drop()
        return
      }
      try {
        this.#goOn(unit)
      } catch (error) {
        this.#giveUp()
        contain(this.#ex, error)
      }
    })
  }

  #tooLarge(): void {
    this.#giveUp()
    refuse(this.#ex, 'SLC_BODY_TOO_LARGE', [this.#route.limits.body])
  }

  /** Counted for the champion: no variant has been chosen, so it is nobody's failure. */
  #shed(): void {
    const ex = this.#ex
    this.#giveUp()
    const champion = ex.table?.routes.get(this.#route)?.variants[this.#route.champion]
    if (champion !== undefined) countShed(champion, 'body')
    ex.outcome = 'shed'
    answerProblem(ex, 'SLC_SHED_BODY', [])
  }

  #giveUp(): void {
    this.#stop()
    this.#held.drop()
  }

  #stop(): void {
    this.#ex.req.off('data', this.#onData)
    this.#ex.req.off('end', this.#onEnd)
  }
}
