/**
 * Observations and counters for tests of the evidence, with everything ordinary unless said.
 */
import {
  type Counters,
  countersOver,
  OUTCOMES,
  type Outcome,
  regionBytes
} from '../../src/domain/counts.ts'
import {
  type Observation,
  recordOutcome,
  recordSent,
  startGeneration
} from '../../src/domain/record.ts'

/** A region under generation 1. */
export function freshCounters(splits = 0): Counters {
  const c = countersOver(new ArrayBuffer(regionBytes(splits)), splits)
  startGeneration(c, 1)
  return c
}

export type Said = Partial<Omit<Observation, 'outcome'>> & { readonly outcome?: Outcome }

export function observation(said: Said = {}): Observation {
  const outcome = said.outcome ?? 'ok'
  return {
    cohort: 0,
    stratum: 0,
    prediction: true,
    status: outcome === 'ok' ? 200 : 500,
    generation: 1,
    unit: 7,
    bucket: 7,
    sentAt: 1000,
    endedAt: 1030,
    judged: outcome === 'ok',
    bad: 0,
    badCounts: false,
    timed: true,
    slow: false,
    address: 0,
    ...said,
    outcome: OUTCOMES.indexOf(outcome)
  }
}

/** Sends and ends one request. */
export function request(c: Counters, said: Said = {}): void {
  const o = observation(said)
  recordSent(c, o.sentAt, o.stratum, o.prediction, o.address)
  recordOutcome(c, o)
}
