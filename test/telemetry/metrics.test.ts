/**
 * The metrics from counters: right sums, right buckets, never falling, and text that a scraper takes.
 */
import t from 'tap'
import {
  AT,
  bucketOf,
  COHORTS,
  type Counters,
  countersOver,
  OUTCOMES,
  REASONS,
  regionBytes,
  requestCell,
  TIME_AT,
  UPSTREAM_ERRORS
} from '../../src/domain/counts.ts'
import { NOT_READ } from '../../src/domain/payload/reading.ts'
import {
  recordFirstToken,
  recordOutcome,
  recordReading,
  recordTokenTimes
} from '../../src/domain/record.ts'
import {
  REJECTS,
  THREAD_REGION_BYTES,
  THREAD_TIME,
  THREAD_WORD,
  threadRegionOver
} from '../../src/domain/thread-region.ts'
import { TRIGGERS } from '../../src/domain/trigger-settings.ts'
import { BOUNDS } from '../../src/telemetry/latency-buckets.ts'
import { createMetrics, metricRows } from '../../src/telemetry/metrics.ts'
import type { MetricsSource } from '../../src/telemetry/metrics-source.ts'
import { type Family, lintPrometheus, parsePrometheus } from '../helpers/prometheus.ts'

t.test('keeps every rule of the format and of naming when it is rendered', async t => {
  const { source, counters } = sample()
  count(counters, 3, 5_000)
  const families = parsePrometheus(await createMetrics().render(source))
  t.same(lintPrometheus(families), [])
  t.same(
    families.map(({ name, type, help }) => [name, type, help]),
    metricRows().map(({ name, kind, help }) => [name, kind, help]),
    'every row of the table, in its order'
  )
  for (const { name, samples } of families) {
    const { labels = [] } = metricRows().find(row => row.name === name) ?? {}
    for (const { labels: given } of samples) {
      t.same([...given.keys()].filter(label => label !== 'le').sort(), [...labels].sort(), name)
    }
  }
})

t.test('finds what is wrong when a text breaks the rules it is held against', t => {
  const broken = [
    '# HELP a_seconds x\n# TYPE a_seconds counter\na_seconds 1\n',
    '# HELP a_total x\n# TYPE a_total gauge\na_total 1\n',
    '# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n',
    '# HELP a x\n# TYPE a gauge\na{b="1"} 1\na{b="1"} 2\n',
    '# HELP a x\n# TYPE a gauge\na NaN\n',
    '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    '# HELP h x\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n'
  ]
  for (const text of broken)
    t.not(lintPrometheus(parsePrometheus(text)).length, 0, text.slice(0, 40))
  t.throws(() => parsePrometheus('a{b="1} 1\n'))
  t.end()
})

t.test('sums over threads when more than one counts', async t => {
  const { source, counters } = sample(2)
  count(counters.slice(0, 1), 3, 5_000)
  count(counters.slice(1), 4, 20_000)
  const families = parsePrometheus(await createMetrics().render(source))
  const at = {
    route: 'demo',
    variant: 'v3',
    cohort: 'hash',
    call: 'prediction',
    outcome: 'ok',
    code: '2xx'
  }
  t.equal(value(families, 'sluice_requests_total', at), 7)
  const of = { route: 'demo', variant: 'v3' }
  t.equal(value(families, 'sluice_request_duration_seconds_count', of), 7)
  t.equal(value(families, 'sluice_request_duration_seconds_sum', of), 0.095)
})

t.test('tells tokens, their times and unreadable answers when threads counted them', async t => {
  const { source, counters } = sample(2)
  const reading = { ...NOT_READ, inputTokens: 7, outputTokens: 3 }
  for (const each of counters) {
    recordFirstToken(each, 250)
    recordTokenTimes(each, 20, 4)
    recordReading(each, { ...reading, truncated: true, why: 'coding' })
    recordReading(each, { ...reading, outputTokens: null })
  }
  const families = parsePrometheus(await createMetrics().render(source))
  const of = { route: 'demo', variant: 'v3' }
  const first = 'sluice_time_to_first_token_seconds'
  t.equal(value(families, `${first}_count`, of), 2)
  t.equal(value(families, `${first}_sum`, of), 0.5)
  t.equal(value(families, `${first}_bucket`, { ...of, le: '0.1' }), 0)
  t.equal(value(families, `${first}_bucket`, { ...of, le: '0.5' }), 2)
  const each = 'sluice_time_per_output_token_seconds'
  t.equal(value(families, `${each}_count`, of), 8)
  t.ok(Math.abs(value(families, `${each}_sum`, of) - 0.16) < 1e-9)
  t.equal(value(families, `${each}_bucket`, { ...of, le: '0.025' }), 8)
  t.equal(value(families, 'sluice_request_duration_seconds_count', of), 0)
  t.equal(value(families, 'sluice_tokens_total', { ...of, direction: 'input' }), 28)
  t.equal(value(families, 'sluice_tokens_total', { ...of, direction: 'output' }), 6)
  t.equal(value(families, 'sluice_scan_truncated_total', of), 2)
  t.equal(value(families, 'sluice_answers_unreadable_total', { ...of, reason: 'coding' }), 2)
  t.equal(value(families, 'sluice_answers_unreadable_total', { ...of, reason: 'cut' }), 0)
})

t.test('counts a request in the first bucket that it lies in as a whole', async t => {
  const { source, counters } = sample()
  const metrics = createMetrics()
  const seconds = [0.0009, 0.0031, 0.24, 0.9, 29, 599, 700, 2_000]
  for (const each of seconds) count(counters, 1, each * 1e6)
  const families = parsePrometheus(await metrics.render(source))
  for (const bound of BOUNDS) {
    const told = value(families, 'sluice_request_duration_seconds_bucket', {
      route: 'demo',
      variant: 'v3',
      le: String(bound)
    })
    const sure = seconds.filter(each => each * (1 + 1 / 16) < bound).length
    const most = seconds.filter(each => each <= bound).length
    t.ok(told >= sure && told <= most, `${told} at ${bound}: ${sure} to ${most}`)
  }
  t.equal(BOUNDS[0], 0.001)
  t.equal(BOUNDS.at(-1), 600)
})

t.test('tells no bucket boundary wrong when each latency is tried against its bounds', async t => {
  for (const bound of BOUNDS) {
    const { source, counters } = sample()
    const above = Math.floor(bound * 1e6) + 1
    count(counters, 1, above)
    const families = parsePrometheus(await createMetrics().render(source))
    const labels = { route: 'demo', variant: 'v3', le: String(bound) }
    t.equal(value(families, 'sluice_request_duration_seconds_bucket', labels), 0, `${above} µs`)
  }
})

t.test(
  'never falls when a counter wraps, a region is replaced, or a route goes and comes',
  async t => {
    const { source, counters } = sample()
    const metrics = createMetrics()
    const at = {
      route: 'demo',
      variant: 'v3',
      cohort: 'hash',
      call: 'prediction',
      outcome: 'ok',
      code: '2xx'
    }
    const total = async (from: MetricsSource) =>
      value(parsePrometheus(await metrics.render(from)), 'sluice_requests_total', at)
    const [only] = counters
    if (!only) throw new Error('no counters')
    const cell = requestCell(0, 0, OUTCOMES.indexOf('ok'), 2)
    only.words[cell] = 0xffff_fff0
    t.equal(await total(source), 0xffff_fff0)
    only.words[cell] = 16 // 32 more
    t.equal(await total(source), 0xffff_fff0 + 32, 'over the edge of 32 bits')

    const fresh = sample()
    count(fresh.counters, 5, 1_000)
    t.equal(await total(fresh.source), 0xffff_fff0 + 37, 'another region goes on')
    t.equal(
      await total({ ...source, routes: [] }).catch(() => 'gone'),
      'gone',
      'a route that left has no series'
    )
    t.equal(await total(source), 0xffff_fff0 + 37, 'and one that comes back goes on where it was')
  }
)

t.test('takes counts in between when observe is called and nobody scrapes', async t => {
  const { source, counters } = sample()
  const metrics = createMetrics()
  const [only] = counters
  if (!only) throw new Error('no counters')
  const cell = AT.predictions
  for (const now of [0x8000_0000, 0, 0x8000_0000]) {
    only.words[cell] = now
    metrics.observe(source)
  }
  const families = parsePrometheus(await metrics.render(source))
  t.equal(
    value(families, 'sluice_predictions_total', { route: 'demo', variant: 'v3' }),
    3 * 2 ** 31
  )
})

t.test('goes on with the CPU time of a thread when a new one takes its place', async t => {
  const { source } = sample()
  const metrics = createMetrics()
  const [region] = source.threads
  const cpu = async (seconds: number) => {
    if (region) region.times[THREAD_TIME.cpuMicros] = seconds * 1e6
    return value(parsePrometheus(await metrics.render(source)), 'sluice_thread_cpu_seconds_total', {
      thread: '0'
    })
  }
  t.same([await cpu(10), await cpu(11), await cpu(0.5), await cpu(1)], [10, 11, 11.5, 12])
})

t.test('says what counters, documents, triggers and threads say when it is rendered', async t => {
  const { source, counters } = sample()
  const [only] = counters
  const [thread] = source.threads
  if (!only || !thread) throw new Error('no counters')
  only.words[AT.inFlight] = 7
  only.words[AT.assignments + REASONS.indexOf('missing_unit')] = 4
  only.words[AT.upstreamErrors + UPSTREAM_ERRORS.indexOf('dns')] = 1
  thread.words[THREAD_WORD.rejects + REJECTS.indexOf('loop')] = 3
  thread.times[THREAD_TIME.loopDelayP99Ms] = 12
  const families = parsePrometheus(await createMetrics().render(source))
  const of = { route: 'demo', variant: 'v3' }
  const expected: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
    ['sluice_requests_in_flight', of, 7],
    ['sluice_unit_missing_total', { route: 'demo' }, 4],
    ['sluice_upstream_errors_total', { ...of, reason: 'dns' }, 3],
    ['sluice_champion', of, 1],
    ['sluice_champion', { route: 'demo', variant: 'v4' }, 0],
    ['sluice_variant_weight_ratio', of, 0.95],
    ['sluice_variant_actual_ratio', of, 0.9475],
    ['sluice_trigger_log_evidence', { route: 'demo', variant: 'v4', trigger: 'errors' }, 4.5],
    ['sluice_trigger_log_threshold', { route: 'demo', variant: 'v4', trigger: 'errors' }, 22.15],
    ['sluice_rollbacks_total', { route: 'demo', trigger: 'gross' }, 2],
    ['sluice_rollbacks_total', { route: 'demo', trigger: 'operator' }, 0],
    ['sluice_route_phase', { route: 'demo', phase: 'rolled-back' }, 1],
    ['sluice_route_phase', { route: 'demo', phase: 'steady' }, 0],
    ['sluice_route_epoch', { route: 'demo' }, 3],
    ['sluice_route_revision', { route: 'demo' }, 12],
    ['sluice_paused', { route: 'demo', variant: 'v4' }, 1],
    ['sluice_quarantined', { route: 'demo', variant: 'v4' }, 1],
    ['sluice_quarantined', of, 0],
    ['sluice_replicas', { route: 'demo' }, 4],
    ['sluice_replicas_applied', { route: 'demo' }, 3],
    ['sluice_state_stale', { route: 'demo' }, 1],
    ['sluice_state_age_seconds', {}, 1.5],
    ['sluice_upstream_healthy', { ...of, upstream: 'http://10.0.0.3:8000' }, 1],
    ['sluice_state_source', { source: 'disk' }, 1],
    ['sluice_state_source', { source: 'store' }, 0],
    ['sluice_rejected_requests_total', { reason: 'loop' }, 3],
    ['sluice_thread_event_loop_delay_seconds', { thread: '0' }, 0.012],
    ['sluice_thread_event_loop_delay_seconds', { thread: 'shadow' }, 0.25],
    ['sluice_thread_cpu_seconds_total', { thread: 'shadow' }, 3],
    ['sluice_shadow_requests_total', { route: 'demo', shadow: 'try', outcome: 'ok' }, 7],
    ['sluice_shadow_dropped_total', { route: 'demo', shadow: 'try', reason: 'size' }, 2],
    ['sluice_shadow_agreement_ratio', { route: 'demo', shadow: 'try', field: 'status' }, 0.75],
    ['sluice_config_last_reload_successful', {}, 1],
    ['sluice_config_last_reload_success_timestamp_seconds', {}, 1_700_000_000],
    ['sluice_events_dropped_total', { topic: 'sluice.decisions', reason: 'disk' }, 1],
    ['sluice_build_info', { version: '1.2.3', node: process.version }, 1]
  ]
  for (const [name, labels, number] of expected)
    t.equal(value(families, name, labels), number, name)
  t.equal(
    find(families, 'sluice_trigger_ratio', { variant: 'v4' }).length,
    0,
    'absent while unknown'
  )
  t.equal(
    find(families, 'sluice_variant_actual_ratio', { variant: 'v4' }).length,
    0,
    'absent without requests'
  )
  t.equal(find(families, 'sluice_thread_heap_bytes', { thread: 'main' }).length, 1)
})

t.test('escapes a label when an address has a quote, a backslash or a line feed in it', async t => {
  const { source } = sample()
  const odd = 'http://x"y\\z\n'
  const [route] = source.routes
  const [variant] = route?.variants ?? []
  if (!route || !variant) throw new Error('no variant')
  const upstreams = [{ upstream: odd, healthy: true }]
  const changed = { ...source, routes: [{ ...route, variants: [{ ...variant, upstreams }] }] }
  const families = parsePrometheus(await createMetrics().render(changed))
  t.equal(
    value(families, 'sluice_upstream_healthy', { route: 'demo', variant: 'v3', upstream: odd }),
    1
  )
})

t.test('has the same series before and after when every cell of the counters is used', async t => {
  const { source, counters } = sample()
  const metrics = createMetrics()
  const before = parsePrometheus(await metrics.render(source)).flatMap(({ samples }) => samples)
  for (const { words } of counters) words.fill(9, AT.requests, AT.groups)
  const after = parsePrometheus(await metrics.render(source)).flatMap(({ samples }) => samples)
  const perVariant = 3 * 2 * 10 * 6
  t.ok(after.length - before.length <= 2 * perVariant, 'at most the cells of requests')
  for (const { words } of counters) words.fill(77, AT.requests, AT.groups)
  const later = parsePrometheus(await metrics.render(source)).flatMap(({ samples }) => samples)
  t.equal(later.length, after.length)
})

t.test(
  'holds every series of all triggers, cohorts and phases from the start when nothing happened',
  async t => {
    const families = parsePrometheus(await createMetrics().render(sample().source))
    t.equal(find(families, 'sluice_rollbacks_total', {}).length, TRIGGERS.length + 1)
    t.equal(find(families, 'sluice_route_phase', {}).length, 8)
    const cohorts = find(families, 'sluice_requests_total', { variant: 'v3', outcome: 'ok' })
    t.equal(cohorts.length, COHORTS.length * 2)
  }
)

/** A source with one route of two variants; the counters are those of v3, one for each thread. */
function sample(threads = 1): { source: MetricsSource; counters: readonly Counters[] } {
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
    shadowThread: { delaySeconds: 0.25, heapBytes: 1_000, cpuSeconds: 3 },
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
function count(counters: readonly Counters[], times: number, micros: number): void {
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

function find(families: readonly Family[], name: string, labels: Readonly<Record<string, string>>) {
  return families
    .flatMap(({ samples }) => samples)
    .filter(
      sample =>
        sample.name === name &&
        Object.entries(labels).every(([label, text]) => sample.labels.get(label) === text)
    )
}

function value(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>>
): number {
  const [one, ...more] = find(families, name, labels)
  if (!one || more.length > 0) throw new Error(`${more.length + (one ? 1 : 0)} series of ${name}`)
  return one.value
}
