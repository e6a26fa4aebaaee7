/**
 * Passive ejection: an address that fails several times in a row is left out for a while, by this thread alone.
 *
 * It is no rollback and no evidence, only counted. The choice of an address uses all of them when all are out,
 * so the last one is never taken away; a success brings an address back at once.
 */
import { ADDRESSES, AT, type Counters } from '../domain/counts.ts'
import type { AddressStanding } from './live-routes.ts'

export const EJECT_AFTER = 5
export const EJECT_MS = 5_000
const EJECT_MAX_MS = 60_000

/** A connection that was not made, a broken or invalid answer, a timeout, a 502, 503 or 504. */
export function addressFailed(
  standing: AddressStanding,
  counters: Counters,
  slot: number,
  now: number
): void {
  standing.failures++
  if (standing.failures < EJECT_AFTER || standing.ejectedUntil > now) return
  standing.ejectedUntil = now + Math.min(EJECT_MS * 2 ** standing.ejections, EJECT_MAX_MS)
  standing.ejections = Math.min(standing.ejections + 1, 8)
  standing.failures = EJECT_AFTER - 1 // on trial afterwards: one more failure puts it out again
  const at = AT.addresses + slot * ADDRESSES.size + ADDRESSES.ejected
  counters.words[at] = (counters.words[at] ?? 0) + 1
}

/** Any other answer. */
export function addressAnswered(standing: AddressStanding): void {
  standing.failures = 0
  standing.ejections = 0
  standing.ejectedUntil = 0
}
