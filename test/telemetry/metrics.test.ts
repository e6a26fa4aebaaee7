/**
 * The text of the metrics: every series that there has to be, as a scraper takes it.
 */
import t from 'tap'
import { AT, COHORTS, REASONS, UPSTREAM_ERRORS } from '../../src/domain/counts.ts'
import { REJECTS, THREAD_TIME, THREAD_WORD } from '../../src/domain/thread-region.ts'
import { TRIGGERS } from '../../src/domain/trigger-settings.ts'
import { createMetrics, metricRows } from '../../src/telemetry/metrics.ts'
import { count, find, sample, value } from '../helpers/metrics-sample.ts'
import { lintPrometheus, parsePrometheus } from '../helpers/prometheus.ts'

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
    ['sluice_process_resident_memory_bytes', { process: 'shadow' }, 2_000],
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
