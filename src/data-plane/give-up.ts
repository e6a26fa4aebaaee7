/**
 * The ends of a request that its upstream did not choose: a clock, a client that leaves, a fault of ours.
 *
 * Each of them lets the upstream go and says to the client what can still be said.
 */
import type { Outcome } from '../domain/counts.ts'
import { answerProblem } from './answer.ts'
import { addressFailed } from './ejection.ts'
import type { Exchange } from './exchange.ts'
import { abandon, countUpstreamError, settle } from './settle.ts'

/** What a clock ends: an answer that does not come, stops coming, or may not go on. */
export function giveUp(ex: Exchange, outcome: Extract<Outcome, 'timeout' | 'reset'>): void {
  const { work, variant, route } = ex
  if (work === null || variant === null || route === null) return
  if (outcome === 'timeout') {
    countUpstreamError(variant, 'timeout')
    addressFailed(
      work.address.standing,
      variant.counters,
      work.address.snapshot.slot,
      ex.lane.now()
    )
  }
  settle(ex, outcome)
  work.abort()
  if (ex.tunnel !== null) ex.tunnel.cut()
  else {
    const { name } = variant.snapshot
    answerProblem(ex, 'SLC_UPSTREAM_TIMEOUT', [name, route.snapshot.timeouts.firstByte])
  }
}

/** The client has left: the upstream is told within the same turn of the loop. */
export function clientGone(ex: Exchange): void {
  ex.over = true
  if (ex.tunnel === null) settle(ex, 'client_gone')
  ex.work?.abort()
}

/** A fault of our own: the request fails, the variant is not blamed, and the process goes on. */
export function contain(ex: Exchange, error: unknown): void {
  ex.lane.log('error', 'a request failed inside the router', {
    requestId: ex.requestId,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error)
  })
  try {
    abandon(ex)
    ex.work?.abort()
    answerProblem(ex, 'SLC_INTERNAL', [ex.requestId])
  } catch {
    ex.client.socket.destroy()
  }
}
