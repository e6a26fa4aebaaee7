/**
 * Every metric of Sluice, in one table: name, kind, labels, what it says, and where its values come from.
 *
 * A scrape is rendered from one reading, so that two scrapes never mix. Series: those of the configuration are there from the start with 0; a
 * combination of outcome and code beyond the usual ones appears when it happens, at most 360 a variant, and
 * nothing that a client sends adds any other. Naming: prometheus.io/docs/practices/naming.
 */
import { AT, BAD_KINDS, DIRECTIONS, REASONS, SHED_REASONS } from '../domain/counts.ts'
import { UNREADABLE } from '../domain/payload/reading.ts'
import { REJECTS, THREAD_TIME, THREAD_WORD } from '../domain/thread-region.ts'
import { counter, gauge, type Metric, type MetricRow, rendered } from './instruments.ts'
import type { MetricsSource } from './metrics-source.ts'
import { createReader } from './reading.ts'
import {
  actualShare,
  alone,
  busy,
  durations,
  eventsDropped,
  listed,
  missing,
  ofThreads,
  perRoute,
  perShadow,
  perThread,
  perTrigger,
  perVariant,
  phases,
  requests,
  rollbacks,
  single,
  stateSource,
  upstreamErrors,
  upstreamHealth,
  withOthers
} from './series.ts'

export type Metrics = {
  /** Prometheus text (format 0.0.4) of a source. */
  render(source: MetricsSource): Promise<string>
  /** Reads the counters only, so that none wraps unseen where nobody scrapes; once an hour is plenty. */
  observe(source: Pick<MetricsSource, 'routes'>): void
}

export function createMetrics(): Metrics {
  const reader = createReader()
  return {
    observe: source => reader.observe(source.routes),
    render: source => rendered(TABLE, reader.read(source))
  }
}

/** The table without its sources, for the reference page. */
export function metricRows(): readonly MetricRow[] {
  return TABLE.map(({ name, kind, labels, help }) => ({ name, kind, labels, help }))
}

const OF_VARIANT = ['route', 'variant'] as const
const OF_SHADOW = ['route', 'shadow'] as const
const OF_TRIGGER = ['route', 'variant', 'trigger'] as const

const TABLE: readonly Metric[] = [
  counter(
    'sluice_requests_total',
    [...OF_VARIANT, 'cohort', 'call', 'outcome', 'code'],
    'Requests that a variant was chosen for, by their one outcome.',
    perVariant(requests)
  ),
  {
    name: 'sluice_request_duration_seconds',
    kind: 'histogram',
    labels: OF_VARIANT,
    help: 'From the last byte of the request to the last byte of the answer (first byte for streams).',
    read: durations(AT.histogram, 'latency')
  },
  {
    name: 'sluice_time_to_first_token_seconds',
    kind: 'histogram',
    labels: OF_VARIANT,
    help: 'From the last byte of the request to the first event of its stream that carries content.',
    read: durations(AT.firstTokens, 'firstToken')
  },
  {
    name: 'sluice_time_per_output_token_seconds',
    kind: 'histogram',
    labels: OF_VARIANT,
    help: 'From one event of a stream that carries content to the next.',
    read: durations(AT.tokenTimes, 'tokenTime')
  },
  gauge(
    'sluice_requests_in_flight',
    OF_VARIANT,
    'Requests that are being answered now.',
    single(({ totals }) => totals.inFlight())
  ),
  gauge(
    'sluice_champion',
    OF_VARIANT,
    '1 for the champion of the route, 0 for its other variants.',
    single(({ route, variant }) => Number(variant.name === route.champion))
  ),
  gauge(
    'sluice_variant_weight_ratio',
    OF_VARIANT,
    'Share that was set, 0 to 1.',
    single(({ variant }) => variant.weight / 100)
  ),
  gauge(
    'sluice_variant_actual_ratio',
    OF_VARIANT,
    'Share that was observed in the last minute, 0 to 1; absent without requests.',
    perVariant(actualShare)
  ),
  counter(
    'sluice_assignments_total',
    [...OF_VARIANT, 'reason'],
    'Assignments by why the variant was chosen.',
    perVariant(listed(REASONS, AT.assignments, 'reason'))
  ),
  counter('sluice_unit_missing_total', ['route'], 'Requests without a unit.', perRoute(missing)),
  counter(
    'sluice_predictions_total',
    OF_VARIANT,
    'Answers whose predictions were judged.',
    single(({ totals }) => totals.count(AT.predictions))
  ),
  counter(
    'sluice_bad_predictions_total',
    [...OF_VARIANT, 'kind'],
    'Judged answers with at least one bad prediction of this kind.',
    perVariant(listed(BAD_KINDS, AT.badKinds, 'kind'))
  ),
  counter(
    'sluice_tokens_total',
    [...OF_VARIANT, 'direction'],
    'Tokens that answers say they took and gave.',
    perVariant(listed(DIRECTIONS, AT.tokens, 'direction'))
  ),
  counter(
    'sluice_scan_truncated_total',
    OF_VARIANT,
    'Answers that were longer than what is read of them.',
    single(({ totals }) => totals.count(AT.scanTruncated))
  ),
  counter(
    'sluice_answers_unreadable_total',
    [...OF_VARIANT, 'reason'],
    'Answers that could not be read as the protocol of their route.',
    perVariant(listed(UNREADABLE, AT.unreadable, 'reason'))
  ),
  counter(
    'sluice_sla_misses_total',
    OF_VARIANT,
    'Answers slower than the latency limit of the route.',
    single(({ totals }) => totals.count(AT.slaMisses))
  ),
  gauge(
    'sluice_trigger_log_evidence',
    OF_TRIGGER,
    'Natural logarithm of the evidence against the challenger.',
    perTrigger(status => status.logEvidence)
  ),
  gauge(
    'sluice_trigger_log_threshold',
    OF_TRIGGER,
    'Where the trigger fires.',
    perTrigger(status => status.threshold)
  ),
  gauge(
    'sluice_trigger_phi',
    OF_TRIGGER,
    'What the evidence is divided by, for bursts.',
    perTrigger(status => status.phi)
  ),
  gauge(
    'sluice_trigger_ratio',
    OF_TRIGGER,
    'Failure rate of the challenger over that of the champion; absent while unknown.',
    perTrigger(status => status.ratio)
  ),
  counter(
    'sluice_rollbacks_total',
    ['route', 'trigger'],
    'Rollbacks that this replica made, by what decided them: a trigger, or operator.',
    rollbacks
  ),
  gauge('sluice_route_phase', ['route', 'phase'], '1 for the current phase of the route.', phases),
  gauge(
    'sluice_route_epoch',
    ['route'],
    'Epoch of the route document.',
    perRoute(route => route.epoch)
  ),
  gauge(
    'sluice_route_revision',
    ['route'],
    'Revision of the route document.',
    perRoute(route => route.revision)
  ),
  gauge(
    'sluice_quarantined',
    OF_VARIANT,
    '1 while the challenger is out on this replica alone.',
    single(({ variant }) => Number(variant.quarantined))
  ),
  gauge(
    'sluice_paused',
    OF_VARIANT,
    '1 while raises of the challenger are refused.',
    single(({ variant }) => Number(variant.paused))
  ),
  gauge(
    'sluice_upstream_healthy',
    [...OF_VARIANT, 'upstream'],
    '1 while the upstream answers its health check and is not ejected.',
    perVariant(upstreamHealth)
  ),
  counter(
    'sluice_upstream_errors_total',
    [...OF_VARIANT, 'reason'],
    'Failed attempts at an upstream, also those that another upstream made good.',
    perVariant(upstreamErrors)
  ),
  gauge(
    'sluice_upstream_connections',
    [...OF_VARIANT, 'state'],
    'Connections to upstreams that carry a request now.',
    perVariant(({ variant }) => [[{ state: 'busy' }, busy(variant)]])
  ),
  counter(
    'sluice_shed_total',
    [...OF_VARIANT, 'reason'],
    'Requests refused because a limit was reached.',
    perVariant(listed(SHED_REASONS, AT.shed, 'reason'))
  ),
  gauge(
    'sluice_state_source',
    ['source'],
    '1 for where the state in force came from.',
    stateSource
  ),
  gauge(
    'sluice_state_age_seconds',
    [],
    'Since a shared store last confirmed the state of the route that waits longest; 0 with files.',
    alone(({ source }) => source.state.ageSeconds)
  ),
  gauge(
    'sluice_state_stale',
    ['route'],
    '1 while the store has not confirmed the route for state.stale.after.',
    perRoute(route => Number(route.stale))
  ),
  gauge(
    'sluice_replicas',
    ['route'],
    'Replicas that share the route and were there in the last seconds, this one among them.',
    perRoute(route => route.replicas.of)
  ),
  gauge(
    'sluice_replicas_applied',
    ['route'],
    'Of these, those that work with the same revision as this one.',
    perRoute(route => route.replicas.applied)
  ),
  counter(
    'sluice_state_errors_total',
    ['reason'],
    'Reads and writes of the state that failed.',
    ({ source }) => Object.entries(source.state.errors).map(([reason, n]) => [{ reason }, n])
  ),
  counter(
    'sluice_shadow_requests_total',
    [...OF_SHADOW, 'outcome'],
    'Copies that were sent to a shadow, by their one outcome.',
    perShadow(({ outcomes }) => outcomes, 'outcome')
  ),
  counter(
    'sluice_shadow_dropped_total',
    [...OF_SHADOW, 'reason'],
    'Requests that the champion answered and a shadow got no copy of, or lost it.',
    perShadow(({ dropped }) => dropped, 'reason')
  ),
  gauge(
    'sluice_shadow_agreement_ratio',
    [...OF_SHADOW, 'field'],
    'Share of pairs that agree in a field, 0 to 1; absent without pairs.',
    perShadow(({ agreement }) => agreement, 'field')
  ),
  counter(
    'sluice_events_total',
    ['topic'],
    'Events that were written to the file or acknowledged by the broker.',
    ({ source }) => source.events.map(({ topic, published }) => [{ topic }, published])
  ),
  counter(
    'sluice_events_dropped_total',
    ['topic', 'reason'],
    'Events that were lost.',
    eventsDropped
  ),
  gauge(
    'sluice_config_last_reload_successful',
    [],
    '1 when the last load of the configuration succeeded.',
    alone(({ source }) => Number(source.reload.succeeded))
  ),
  gauge(
    'sluice_config_last_reload_success_timestamp_seconds',
    [],
    'Unix time of the last successful load.',
    alone(({ source }) => source.reload.successMs / 1000)
  ),
  counter(
    'sluice_rejected_requests_total',
    ['reason'],
    'Requests refused before a variant was chosen.',
    reading => REJECTS.map((reason, i) => [{ reason }, ofThreads(THREAD_WORD.rejects + i)(reading)])
  ),
  counter(
    'sluice_connections_accepted_total',
    [],
    'Client connections accepted.',
    alone(ofThreads(THREAD_WORD.accepted))
  ),
  counter(
    'sluice_connections_shed_total',
    [],
    'Client connections refused because a limit was reached.',
    alone(ofThreads(THREAD_WORD.shedConnections))
  ),
  gauge(
    'sluice_connections',
    ['thread'],
    'Client connections that are open now.',
    perThread(({ region }) => region.words[THREAD_WORD.connections] ?? 0)
  ),
  counter(
    'sluice_thread_stalls_total',
    ['thread'],
    'Times that the event loop of a data thread was late by more than 200 ms.',
    perThread(({ totals }) => totals.count(THREAD_WORD.stalls))
  ),
  gauge(
    'sluice_thread_event_loop_delay_seconds',
    ['thread'],
    '99th percentile of the event-loop delay.',
    withOthers(
      thread => thread.delaySeconds,
      ({ region }) => (region.times[THREAD_TIME.loopDelayP99Ms] ?? 0) / 1000
    )
  ),
  gauge(
    'sluice_thread_heap_bytes',
    ['thread'],
    'Heap in use.',
    withOthers(
      thread => thread.heapBytes,
      ({ region }) => region.times[THREAD_TIME.heapUsed] ?? 0
    )
  ),
  counter(
    'sluice_thread_cpu_seconds_total',
    ['thread'],
    'CPU time used.',
    withOthers(
      thread => thread.cpuSeconds,
      ({ totals }) => totals.cpuSeconds()
    )
  ),
  gauge(
    'sluice_process_resident_memory_bytes',
    ['process'],
    'Resident memory of the process that serves (main) and of the one for shadows and events.',
    ({ source: { shadowProcess } }) => [
      [{ process: 'main' }, process.memoryUsage.rss()],
      ...(shadowProcess === null
        ? []
        : [[{ process: 'shadow' }, shadowProcess.residentBytes] as const])
    ]
  ),
  gauge(
    'sluice_process_start_time_seconds',
    [],
    'Unix time of the start of the process.',
    alone(() => Math.round(performance.timeOrigin) / 1000)
  ),
  gauge('sluice_build_info', ['version', 'node'], 'Always 1; what runs.', ({ source }) => [
    [{ version: source.version, node: process.version }, 1]
  ])
]
