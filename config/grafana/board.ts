/**
 * The board of a fleet of routers: `node config/grafana/board.ts` writes boards/sluice.json.
 *
 * It answers, in this order: is a challenger in trouble, who gets what, how do the variants compare (always in one
 * panel with one axis, so that nothing looks alike that is not), do the routers agree, are they well. Metrics and
 * labels: docs/metrics.md.
 */
import { writeFileSync } from 'node:fs'
import { bars, lines, number, placed, type Query, row, SOURCE } from './panels.ts'

const FLEET = 'job=~"$job",instance=~"$instance"'
const ROUTE = `${FLEET},route=~"$route"`
const BY_VARIANT = 'sum by (route, variant)'
const VARIANT = '{{route}} {{variant}}'
const INSTANCE = '{{instance}}'
const FAILED = 'outcome=~"upstream_error|connect|timeout|reset|invalid"'
const EVERY = '[$__rate_interval]'

const requests = rate('sluice_requests_total', ROUTE)
const failures = rate('sluice_requests_total', `${ROUTE},${FAILED}`)

const now = [
  number(
    [
      'Rolled back',
      'Routes with a rollback that holds. Clear it by its id when the cause is known.'
    ],
    `count(max by (route) (sluice_route_phase{${ROUTE},phase="rolled-back"}) == 1) or vector(0)`,
    { limit: 1 }
  ),
  number(
    ['Paused', 'Challengers whose raises are refused.'],
    `count(max by (route, variant) (sluice_paused{${ROUTE}}) == 1) or vector(0)`,
    { limit: 1 }
  ),
  number(
    ['Quarantined', 'Challengers that are out on one router alone.'],
    `sum(sluice_quarantined{${ROUTE}}) or vector(0)`,
    { limit: 1 }
  ),
  number(
    ['Nearest trigger', 'Evidence over threshold, of the trigger that is nearest to acting.'],
    `max(sluice_trigger_log_evidence{${ROUTE}} / (sluice_trigger_log_threshold{${ROUTE}} > 0)) or vector(0)`,
    { limit: 0.7, unit: 'percentunit' }
  ),
  number(['Routers down', 'Targets that do not answer.'], `count(up{${FLEET}} == 0) or vector(0)`, {
    limit: 1
  }),
  number(
    ['Routes apart', 'Routes of which two routers have different revisions.'],
    `count(max by (route) (sluice_route_epoch{${ROUTE}}) != min by (route) (sluice_route_epoch{${ROUTE}})
  or max by (route) (sluice_route_revision{${ROUTE}}) != min by (route) (sluice_route_revision{${ROUTE}}))
  or vector(0)`,
    { limit: 1 }
  )
]

const traffic = [
  lines(
    ['Weights set', 'What was asked for, as the routers have it.'],
    [{ expr: `max by (route, variant) (sluice_variant_weight_ratio{${ROUTE}})`, legend: VARIANT }],
    { unit: 'percentunit', max: 1, stepped: true }
  ),
  lines(
    [
      'Weights observed',
      'What the last minute had; it follows the set weights but for units and overrides.'
    ],
    [{ expr: `avg by (route, variant) (sluice_variant_actual_ratio{${ROUTE}})`, legend: VARIANT }],
    { unit: 'percentunit', max: 1 }
  ),
  lines(
    ['Assignments', 'Why a variant was chosen.'],
    [
      {
        expr: `sum by (route, reason) (${rate('sluice_assignments_total', ROUTE)})`,
        legend: '{{route}} {{reason}}'
      }
    ],
    { unit: 'reqps' }
  ),
  lines(
    ['Requests', 'By the variant that was chosen.'],
    [{ expr: `${BY_VARIANT} (${requests})`, legend: VARIANT }],
    { unit: 'reqps' }
  ),
  lines(
    ['Failures', 'Share of 5xx, timeouts, refused and broken connections, and bad framing.'],
    [
      {
        expr: `${BY_VARIANT} (${failures}) / (${BY_VARIANT} (${requests}) > 0)`,
        legend: VARIANT
      }
    ],
    { unit: 'percentunit' }
  ),
  lines(
    ['Outcomes that are not ok', 'Each request has one.'],
    [
      {
        expr: `sum by (route, variant, outcome) (${rate('sluice_requests_total', `${ROUTE},outcome!="ok"`)}) > 0`,
        legend: `${VARIANT} {{outcome}}`
      }
    ],
    { unit: 'reqps' }
  ),
  lines(
    ['p50', 'Last byte of the request to last byte of the answer; to the first byte for streams.'],
    [quantile(0.5)],
    { unit: 's' }
  ),
  lines(['p99', 'The same, for one request of a hundred.'], [quantile(0.99)], { unit: 's' }),
  lines(
    ['Slower than the SLA', 'Above 1 % the p99 is beyond the SLA of the route.'],
    [
      {
        expr: `${BY_VARIANT} (${rate('sluice_sla_misses_total', ROUTE)}) / (${BY_VARIANT} (${requests}) > 0)`,
        legend: VARIANT
      }
    ],
    { unit: 'percentunit', limit: 0.01 }
  )
]

const evidence = [
  lines(
    ['Evidence against the threshold', 'A trigger acts at 100 %.'],
    [
      {
        expr: `max by (route, variant, trigger) (sluice_trigger_log_evidence{${ROUTE}} / (sluice_trigger_log_threshold{${ROUTE}} > 0))`,
        legend: `${VARIANT} {{trigger}}`
      }
    ],
    { unit: 'percentunit', limit: 1 }
  ),
  lines(
    [
      'Failure rate over that of the champion',
      '1 is as good as the champion; no line while unknown.'
    ],
    [
      {
        expr: `max by (route, variant, trigger) (sluice_trigger_ratio{${ROUTE}})`,
        legend: `${VARIANT} {{trigger}}`
      }
    ],
    { limit: 5 }
  ),
  lines(
    ['Bad predictions', 'Share of the judged answers, by kind; an answer may have several.'],
    [
      {
        expr: `sum by (route, variant, kind) (${rate('sluice_bad_predictions_total', ROUTE)})
  / on (route, variant) group_left () (${BY_VARIANT} (${rate('sluice_predictions_total', ROUTE)}) > 0)
  > 0`,
        legend: `${VARIANT} {{kind}}`
      }
    ],
    { unit: 'percentunit' }
  )
]

const state = [
  lines(
    ['Age of the state', 'Since the shared store answered; 0 where the state is in a file.'],
    [{ expr: `max by (instance) (sluice_state_age_seconds{${FLEET}})`, legend: INSTANCE }],
    { unit: 's', limit: 10 }
  ),
  lines(
    [
      'Epoch and revision',
      'The lines of one route lie on each other but for a second after a change.'
    ],
    [
      { expr: `sluice_route_epoch{${ROUTE}}`, legend: '{{route}} {{instance}} epoch' },
      { expr: `sluice_route_revision{${ROUTE}}`, legend: '{{route}} {{instance}} revision' }
    ],
    { stepped: true }
  ),
  lines(
    ['Failed reads and writes of state', 'By reason; what was accepted before is not lost.'],
    [
      {
        expr: `sum by (instance, reason) (${rate('sluice_state_errors_total', FLEET)})`,
        legend: '{{instance}} {{reason}}'
      }
    ],
    { unit: 'ops' }
  )
]

const upstreams = [
  bars(
    ['Upstreams', 'Healthy on every router, or out on at least one.'],
    [
      {
        expr: `min by (route, variant, upstream) (sluice_upstream_healthy{${ROUTE}})`,
        legend: `${VARIANT} {{upstream}}`
      }
    ],
    'healthy',
    'out'
  ),
  lines(
    ['Failed attempts at upstreams', 'Also those that another upstream made good.'],
    [
      {
        expr: `sum by (route, variant, reason) (${rate('sluice_upstream_errors_total', ROUTE)}) > 0`,
        legend: `${VARIANT} {{reason}}`
      }
    ],
    { unit: 'ops' }
  ),
  lines(
    ['In flight', 'Requests that are being answered, over all routers.'],
    [{ expr: `${BY_VARIANT} (sluice_requests_in_flight{${ROUTE}})`, legend: VARIANT }]
  )
]

const routers = [
  lines(
    [
      'Event loop delay',
      '99th percentile per thread; the tick of the control plane is due every 250 ms.'
    ],
    [
      {
        expr: `sluice_thread_event_loop_delay_seconds{${FLEET}}`,
        legend: '{{instance}} {{thread}}'
      }
    ],
    { unit: 's', limit: 0.2 }
  ),
  lines(
    ['CPU', 'Cores, per thread.'],
    [{ expr: rate('sluice_thread_cpu_seconds_total', FLEET), legend: '{{instance}} {{thread}}' }]
  ),
  lines(
    ['Resident memory', 'Of the process.'],
    [{ expr: `sluice_process_resident_memory_bytes{${FLEET}}`, legend: INSTANCE }],
    { unit: 'bytes' }
  ),
  lines(
    ['Refused', 'Before a variant was chosen, for want of room, or without a unit.'],
    [
      {
        expr: `sum by (reason) (${rate('sluice_rejected_requests_total', FLEET)}) > 0`,
        legend: 'rejected {{reason}}'
      },
      {
        expr: `sum by (route, reason) (${rate('sluice_shed_total', ROUTE)}) > 0`,
        legend: 'shed {{route}} {{reason}}'
      },
      {
        expr: `sum by (route) (${rate('sluice_unit_missing_total', ROUTE)}) > 0`,
        legend: 'no unit {{route}}'
      }
    ],
    { unit: 'reqps' }
  ),
  lines(
    ['Client connections', 'Open now, and refused per second.'],
    [
      { expr: `sum by (instance) (sluice_connections{${FLEET}})`, legend: INSTANCE },
      {
        expr: `sum by (instance) (${rate('sluice_connections_shed_total', FLEET)})`,
        legend: '{{instance}} refused'
      }
    ]
  ),
  lines(
    [
      'Stalls and lost events',
      'A data thread that was late by more than 200 ms; events that were dropped.'
    ],
    [
      {
        expr: `sum by (instance) (${rate('sluice_thread_stalls_total', FLEET)})`,
        legend: '{{instance}} stalls'
      },
      {
        expr: `sum by (instance, reason) (${rate('sluice_events_dropped_total', FLEET)})`,
        legend: '{{instance}} dropped {{reason}}'
      }
    ],
    { unit: 'ops' }
  )
]

/** The board as Grafana's dashboard JSON. */
export const board = {
  uid: 'sluice',
  title: 'Sluice',
  description: 'Releases of models behind Sluice: who gets what, how variants compare, what acts.',
  tags: ['sluice'],
  schemaVersion: 39,
  editable: false,
  graphTooltip: 1,
  time: { from: 'now-1h', to: 'now' },
  refresh: '10s',
  timezone: 'browser',
  templating: {
    list: [
      {
        name: 'datasource',
        label: 'Source',
        type: 'datasource',
        query: 'prometheus',
        hide: 0
      },
      chosen('job', 'Fleet', 'label_values(sluice_build_info, job)', false),
      chosen('route', 'Route', 'label_values(sluice_route_phase{job=~"$job"}, route)', true),
      chosen('instance', 'Router', 'label_values(sluice_build_info{job=~"$job"}, instance)', true)
    ]
  },
  annotations: {
    list: [
      {
        name: 'Rollbacks',
        datasource: SOURCE,
        enable: true,
        hide: false,
        iconColor: 'red',
        target: {
          refId: 'Rollbacks',
          expr: `sum by (route, trigger) (increase(sluice_rollbacks_total{${ROUTE}}[1m])) > 0`,
          interval: '15s'
        },
        titleFormat: 'Rollback on {{route}}',
        textFormat: 'decided by {{trigger}}',
        tagKeys: 'route,trigger'
      }
    ]
  },
  panels: placed([
    ...now,
    row('Who gets what, and how they compare'),
    ...traffic,
    row('Why a challenger would leave'),
    ...evidence,
    row('Do the routers agree'),
    ...state,
    row('Model servers'),
    ...upstreams,
    row('Routers'),
    ...routers
  ])
}

if (import.meta.main) {
  const path = new URL('boards/sluice.json', import.meta.url)
  writeFileSync(path, `${JSON.stringify(board, null, 2)}\n`)
}

function rate(metric: string, labels: string): string {
  return `rate(${metric}{${labels}}${EVERY})`
}

function quantile(q: number): Query {
  const buckets = rate('sluice_request_duration_seconds_bucket', ROUTE)
  return {
    expr: `histogram_quantile(${q}, sum by (route, variant, le) (${buckets}))`,
    legend: VARIANT
  }
}

/** A variable of the board. Several values mean all that match; the first fleet is chosen. */
function chosen(name: string, label: string, query: string, several: boolean): object {
  return {
    name,
    label,
    type: 'query',
    datasource: SOURCE,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    hide: 0,
    multi: several,
    includeAll: several,
    ...(several ? { allValue: '.*', current: { text: 'All', value: '$__all' } } : {})
  }
}
