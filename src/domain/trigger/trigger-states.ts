/**
 * The state of every trigger of a challenger that is on, for the API and the metrics: how far the evidence is
 * before it fires.
 *
 * absence shows seconds waited against its limit, gross failures among the last 12 calls against theirs.
 */

import type { TriggerStatus } from '../watch.ts'
import type { Absence } from './absence.ts'
import type { Alarms } from './alarms.ts'
import { GROSS_WINDOW, type GrossRule } from './gross.ts'
import type { TriggerDetectors, TriggerRule } from './trigger.ts'
import { sumsOf } from './verdict.ts'

export type Detected = {
  readonly variant: string
  readonly sinceMs: number
  readonly now: number
  readonly alarms: Alarms
  readonly detectors: readonly TriggerDetectors[]
  readonly strata: number
  readonly logC: number
  readonly phi: (rule: TriggerRule) => number
  readonly anyWarm: boolean
}

export type Watched = Detected & {
  readonly absence: Absence | null | 'off' // null: not armed
  readonly gross: GrossRule
  readonly seen: number // calls in the ring
}

export function triggerStates(w: Watched): TriggerStatus[] {
  const states = countedStates(w)
  if (w.absence !== 'off') states.push(absent(w, w.absence))
  states.push(gross(w))
  return states
}

/** Those of the triggers that count failures. */
export function countedStates(w: Detected): TriggerStatus[] {
  return w.detectors.map(detectors => counted(w, detectors))
}

function counted(w: Detected, detectors: TriggerDetectors): TriggerStatus {
  const { rule } = detectors
  const { nc, xc } = sumsOf(detectors, w.strata)
  const warming = rule.kind === 'latency' && !w.anyWarm
  return {
    variant: w.variant,
    trigger: rule.trigger,
    state: w.alarms.stateOf(rule.trigger, w.now) ?? (warming ? 'warmup' : 'armed'),
    logEvidence: detectors.shown,
    threshold: w.logC,
    phi: w.phi(rule),
    ratio: detectors.above.ratio(),
    n: nc,
    x: xc,
    sinceMs: w.sinceMs
  }
}

function absent(w: Watched, absence: Absence | null): TriggerStatus {
  const { waitedMs = 0, limitMs = 0, pending = 0 } = absence ?? {}
  return {
    variant: w.variant,
    trigger: 'absence',
    state: w.alarms.stateOf('absence', w.now) ?? (absence ? 'armed' : 'warmup'),
    logEvidence: waitedMs / 1000,
    threshold: limitMs / 1000,
    phi: 1,
    ratio: null,
    n: pending,
    x: pending,
    sinceMs: w.sinceMs
  }
}

function gross(w: Watched): TriggerStatus {
  const failures = w.gross.most
  return {
    variant: w.variant,
    trigger: 'gross',
    state: w.alarms.stateOf('gross', w.now) ?? 'armed',
    logEvidence: failures,
    threshold: w.gross.least,
    phi: 1,
    ratio: null,
    n: Math.min(GROSS_WINDOW, w.seen),
    x: failures,
    sinceMs: w.sinceMs
  }
}
