/**
 * Panels that compare variants: who gets what, how it goes, and what speaks against a challenger.
 */
import { lines } from './panels.ts'
import { BY_VARIANT, quantile, ROUTE, rate, VARIANT } from './queries.ts'

const FAILED = 'outcome=~"upstream_error|connect|timeout|reset|invalid"'

const requests = rate('sluice_requests_total', ROUTE)
const failures = rate('sluice_requests_total', `${ROUTE},${FAILED}`)

export const traffic = [
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

export const evidence = [
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
