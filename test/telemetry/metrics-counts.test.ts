/**
 * Counters as metrics: right sums over threads, right buckets, never falling.
 */
import t from 'tap'
import { AT, OUTCOMES, requestCell } from '../../src/domain/counts.ts'
import { NOT_READ } from '../../src/domain/payload/reading.ts'
import { recordFirstToken, recordReading, recordTokenTimes } from '../../src/domain/record.ts'
import { THREAD_TIME } from '../../src/domain/thread-region.ts'
import { BOUNDS } from '../../src/telemetry/latency-buckets.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { MetricsSource } from '../../src/telemetry/metrics-source.ts'
import { count, sample, value } from '../helpers/metrics-sample.ts'
import { parsePrometheus } from '../helpers/prometheus.ts'

/** Labels of good predictions of the champion. */
const GOOD = {
  route: 'demo',
  variant: 'v3',
  cohort: 'hash',
  call: 'prediction',
  outcome: 'ok',
  code: '2xx'
}

t.test('sums over threads when more than one counts', async t => {
  const { source, counters } = sample(2)
  count(counters.slice(0, 1), 3, 5_000)
  count(counters.slice(1), 4, 20_000)
  const families = parsePrometheus(await createMetrics().render(source))
  t.equal(value(families, 'sluice_requests_total', GOOD), 7)
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
    const total = async (from: MetricsSource) =>
      value(parsePrometheus(await metrics.render(from)), 'sluice_requests_total', GOOD)
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
