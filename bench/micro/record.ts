/**
 * What does it cost to count a request: sent, answered, and its outcome with the evidence?
 */
import { countersOver, regionBytes } from '../../src/domain/counts.ts'
import {
  type Observation,
  recordAnswered,
  recordOutcome,
  recordSent,
  startGeneration
} from '../../src/domain/record.ts'
import { micro } from './micro.ts'

const counters = countersOver(new SharedArrayBuffer(regionBytes(0)), 0)
startGeneration(counters, 1)

function observation(i: number, outcome: number, status: number): Observation {
  return {
    cohort: 0,
    stratum: 0,
    prediction: true,
    outcome,
    status,
    generation: 1,
    unit: i * 7919,
    bucket: (i * 7919) % 10_000,
    sentAt: i,
    endedAt: i + 20,
    judged: true,
    bad: 0,
    badCounts: false,
    timed: true,
    slow: false,
    address: 0
  }
}

const good = Array.from({ length: 1024 }, (_, i) => observation(i, 0, 200))
const failed = Array.from({ length: 1024 }, (_, i) => observation(i, 2, 500))

function counting(observations: readonly Observation[]) {
  return (calls: number) => {
    for (let i = 0; i < calls; i++) {
      const o = observations[i & 1023]
      if (o === undefined) continue
      recordSent(counters, o.sentAt, o.stratum, o.prediction, o.address)
      recordAnswered(counters, o.endedAt, o.sentAt, o.address)
      recordOutcome(counters, o)
    }
    return counters.words[0] ?? 0
  }
}

micro('record', 'What does it cost to count a request?', [
  { name: 'answered well', run: counting(good) },
  { name: 'failed (enters the ring of failures)', run: counting(failed) }
])
