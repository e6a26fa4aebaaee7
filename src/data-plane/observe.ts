/**
 * What a request's end means for the counters: its outcome, once, and whether its latency is evidence.
 *
 * Knows no lane. Latency counts only where nobody but the model can be blamed (triggers.md, rules 4 and 8): a
 * warm address, no stall of ours since the request was sent, no wait for the client's socket.
 */
import {
  ADDRESS_FLAGS,
  ADDRESSES,
  AT,
  BAD_KINDS,
  type BadKind,
  type Counters,
  OUTCOMES,
  type Outcome
} from '../domain/counts.ts'
import { type Observation, recordOutcome } from '../domain/record.ts'
import type { RouteSnapshot } from '../domain/snapshot.ts'
import { BEAT_MS, STALL_MS, THREAD_TIME, type ThreadRegion } from '../domain/thread-region.ts'

/** The end of a request as a lane tells it. Times in ms since the process epoch, 0 for never. */
export type Ending = {
  readonly route: RouteSnapshot
  readonly cohort: number
  readonly stratum: number
  readonly prediction: boolean
  readonly unitHash: number
  readonly bucket: number
  readonly outcome: Outcome
  readonly status: number
  readonly sentAt: number
  readonly firstAt: number // the answer's head, or the first byte of a stream
  readonly endedAt: number
  readonly stream: boolean
  readonly waited: boolean // for the client's socket
  readonly warm: boolean // the address was warm when the request was sent
  readonly slot: number // of the address, -1 for none
  readonly judged: boolean
  readonly bad: number
}

export function observe(counters: Counters, region: ThreadRegion, ending: Ending): void {
  const { route, outcome } = ending
  const stopsAtFirstByte = ending.stream || route.latency?.of === 'first-byte'
  const stoppedAt = stopsAtFirstByte && ending.firstAt > 0 ? ending.firstAt : ending.endedAt
  const comes = ending.firstAt > 0 || outcome === 'timeout' || outcome === 'client_gone'
  const late = route.latency !== null && stoppedAt - ending.sentAt > route.latency.slaMs
  const observation: Observation = {
    cohort: ending.cohort,
    stratum: ending.stratum,
    prediction: ending.prediction,
    outcome: OUTCOMES.indexOf(outcome),
    status: ending.status,
    generation: route.generation,
    unit: ending.unitHash,
    bucket: ending.bucket,
    sentAt: ending.sentAt,
    endedAt: ending.endedAt,
    latencyMs: stoppedAt - ending.sentAt,
    judged: ending.judged,
    bad: ending.bad,
    badCounts: (ending.bad & countedKinds(route.badKinds)) !== 0,
    timed:
      route.latency !== null &&
      ending.prediction &&
      comes &&
      !ending.waited &&
      ending.warm &&
      !stalledSince(region, ending.sentAt, ending.endedAt),
    slow: route.latency !== null && comes && (late || outcome === 'timeout'),
    address: ending.slot
  }
  recordOutcome(counters, observation)
}

/** Bits of the kinds of bad predictions that a route's trigger counts. */
export function countedKinds(kinds: readonly BadKind[]): number {
  let bits = 0
  for (const kind of kinds) bits |= 1 << BAD_KINDS.indexOf(kind)
  return bits
}

/** Whether the latency of what is sent to this address now is evidence. */
export function isWarm(counters: Counters, slot: number): boolean {
  if (slot < 0) return false
  const at = AT.addresses + slot * ADDRESSES.size + ADDRESSES.flags
  return ((counters.words[at] ?? 0) & ADDRESS_FLAGS.warm) !== 0
}

/** Whether our event loop stood still after `since`, or stands still right now. */
function stalledSince(region: ThreadRegion, since: number, now: number): boolean {
  const lastStall = region.times[THREAD_TIME.lastStall] ?? 0
  const beat = region.times[THREAD_TIME.beat] ?? 0
  return lastStall >= since || now - beat > BEAT_MS + STALL_MS
}
