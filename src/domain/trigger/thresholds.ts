/**
 * How rare a false alarm must be: alpha per challenger and day, divided by the rows of the triggers' table and
 * by the deciders (each replica alone, and the fleet).
 *
 * For e-detectors P(alarm within T ticks) <= T / c, so c = ticks per day / share. One process, alpha 0.001:
 * ln c = 22.15.
 */
import { TICK_MS } from '../counts.ts'

/** Length of a slot, the tick of the fleet's counters. */
export const SLOT_MS = 5_000

const ROWS = 6
const TICKS_PER_DAY = 86_400_000 / TICK_MS
const SLOTS_PER_DAY = 86_400_000 / SLOT_MS

export type Thresholds = {
  readonly logC: number // evidence from which a detector alarms
  readonly perLook: number // probability of a false alarm that the gross rule may use in one look
}

/** `replicas` known routers, 1 alone; `looks` tests that share the gross rule's part. */
export function thresholds(alphaPerDay: number, replicas: number, looks: number): Thresholds {
  const share = shareOf(alphaPerDay, replicas)
  return {
    logC: Math.log(TICKS_PER_DAY / share),
    perLook: share / TICKS_PER_DAY / Math.max(1, looks)
  }
}

/** Evidence from which the fleet's detectors alarm: one look per slot, 17,280 a day. */
export function fleetLogC(alphaPerDay: number, replicas: number): number {
  return Math.log(SLOTS_PER_DAY / shareOf(alphaPerDay, replicas))
}

function shareOf(alphaPerDay: number, replicas: number): number {
  return alphaPerDay / ROWS / (Math.max(1, replicas) + 1)
}
