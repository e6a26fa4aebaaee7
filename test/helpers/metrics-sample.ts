/** What metrics are made of in tests, with a value in everything; and the series of it by name and labels. */
import {
  AT,
  bucketOf,
  type Counters,
  countersOver,
  OUTCOMES,
  regionBytes,
  TIME_AT
} from '../../src/domain/counts.ts'
import { recordOutcome } from '../../src/domain/record.ts'
import { THREAD_REGION_BYTES, threadRegionOver } from '../../src/domain/thread-region.ts'
import type { MetricsSource } from '../../src/telemetry/metrics-source.ts'
import type { Family } from './prometheus.ts'

/** A source with one route of two variants; the counters are those of v3, one for each thread. */
export function sample(threads = 1): { source: MetricsSource; counters: readonly Counters[] } {
  const region = () => countersOver(new SharedArrayBuffer(regionBytes(0)), 0)
  const counters = Array.from({ length: threads }, region)
  const status = {
    variant: 'v4',
    trigger: 'errors' as const,
    state: 'armed' as const,
    logEvidence: 4.5,
    threshold: 22.15,
    phi: 3,
    ratio: null,
    n: 100,
    x: 3,
    sinceMs: 0
  }
  const source: MetricsSource = {
    version: '1.2.3',
    routes: [
      {
        name: 'demo',
        phase: 'rolled-back',
        champion: 'v3',
        epoch: 3,
        revision: 12,
        shadows: [
          { name: 'try', outcomes: { ok: 7 }, dropped: { size: 2 }, agreement: { status: 0.75 } }
        ],
        triggers: [status],
        replicas: { applied: 3, of: 4 },
        stale: true,
        rollbacks: { gross: 2 },
        variants: [
          {
            name: 'v3',
            counters,
            weight: 95,
            actualWeight: 94.75,
            paused: false,
            quarantined: false,
            upstreams: [{ upstream: 'http://10.0.0.3:8000', healthy: true }],
            dnsErrors: 2
          },
          {
            name: 'v4',
            counters: Array.from({ length: threads }, region),
            weight: 5,
            actualWeight: null,
            paused: true,
            quarantined: true,
            upstreams: [{ upstream: 'http://10.0.0.4:8000', healthy: false }],
            dnsErrors: 0
          }
        ]
      }
    ],
    shadowProcess: { delaySeconds: 0.25, heapBytes: 1_000, residentBytes: 2_000, cpuSeconds: 3 },
    threads: Array.from({ length: threads }, () =>
      threadRegionOver(new SharedArrayBuffer(THREAD_REGION_BYTES))
    ),
    state: { source: 'disk', ageSeconds: 1.5, errors: { write: 0 } },
    reload: { succeeded: true, successMs: 1_700_000_000_000 },
    events: [{ topic: 'sluice.decisions', published: 5, dropped: { disk: 1 } }]
  }
  return { source, counters }
}

/** Counts `times` good predictions of `micros` each, as a data thread does. */
export function count(counters: readonly Counters[], times: number, micros: number): void {
  for (const region of counters) {
    for (let i = 0; i < times; i++) {
      recordOutcome(region, {
        cohort: 0,
        stratum: 0,
        prediction: true,
        outcome: OUTCOMES.indexOf('ok'),
        status: 200,
        generation: 1,
        unit: i,
        bucket: i,
        sentAt: 0,
        endedAt: micros / 1000,
        judged: false,
        bad: 0,
        badCounts: false,
        timed: false,
        slow: false,
        address: -1
      })
    }
    if (times > 0 && (region.words[AT.histogram + bucketOf(micros)] ?? 0) === 0) {
      throw new Error(`not counted: ${region.times[TIME_AT.latencySum]}`)
    }
  }
}

export function find(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>>
) {
  return families
    .flatMap(({ samples }) => samples)
    .filter(
      sample =>
        sample.name === name &&
        Object.entries(labels).every(([label, text]) => sample.labels.get(label) === text)
    )
}

export function value(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>>
): number {
  const [one, ...more] = find(families, name, labels)
  if (!one || more.length > 0) throw new Error(`${more.length + (one ? 1 : 0)} series of ${name}`)
  return one.value
}
