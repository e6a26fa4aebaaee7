/**
 * Holds a PromQL expression against the metrics that there are: names, labels, the values of closed lists, and
 * that a counter is looked at as one.
 */
import {
  BAD_KINDS,
  CALLS,
  CODES,
  COHORTS,
  OUTCOMES,
  REASONS,
  SHED_REASONS,
  UPSTREAM_ERRORS
} from '../../src/domain/counts.ts'
import { PHASES } from '../../src/domain/document.ts'
import { REJECTS } from '../../src/domain/thread-region.ts'
import { TRIGGERS } from '../../src/domain/trigger-settings.ts'
import { metricRows } from '../../src/telemetry/metrics.ts'
import { namesOf, type Selector } from './promql.ts'

/** Labels that Prometheus gives to every series of a target. */
const OF_TARGET = ['job', 'instance']
const OVER_TIME = ['rate', 'increase']
const FUNCTIONS = [
  ...['sum', 'min', 'max', 'avg', 'count', 'absent', 'vector', 'histogram_quantile', 'changes'],
  ...OVER_TIME
]

/** Values of labels whose lists are closed; a label of one metric alone as `metric/label`. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  outcome: OUTCOMES,
  code: CODES,
  cohort: COHORTS,
  call: CALLS,
  kind: BAD_KINDS,
  phase: PHASES,
  trigger: [...TRIGGERS, 'operator'],
  source: ['store', 'disk', 'config'],
  'sluice_rejected_requests_total/reason': REJECTS,
  'sluice_shed_total/reason': SHED_REASONS,
  'sluice_assignments_total/reason': REASONS,
  'sluice_upstream_errors_total/reason': UPSTREAM_ERRORS
}

type Known = { readonly kind: string; readonly labels: readonly string[] }

/** What is wrong with an expression; `records` are the names that rules record, with their labels. */
export function faultsOf(
  expression: string,
  records: ReadonlyMap<string, readonly string[]> = new Map()
): readonly string[] {
  const { selectors, labels, functions } = namesOf(expression)
  const known = selectors.map(({ metric }) => knownAs(metric, records))
  const given = new Set(known.flatMap(each => each?.labels ?? []))
  return [
    ...functions.filter(name => !FUNCTIONS.includes(name)).map(name => `no function ${name}`),
    ...labels.filter(label => !given.has(label)).map(label => `nothing has the label ${label}`),
    ...selectors.flatMap((selector, i) => selectorFaults(selector, known[i])),
    ...selectors
      .filter(({ ranged }, i) => known[i]?.kind === 'counter' && !ranged && !isCompared(expression))
      .map(({ metric }) => `${metric} is a counter, and only its rise says anything`)
  ]
}

/** The labels of what comes out of an expression: those it groups by, else those of the series it selects. */
export function labelsOf(
  expression: string,
  records: ReadonlyMap<string, readonly string[]> = new Map()
): readonly string[] {
  const { selectors, kept } = namesOf(expression)
  if (kept.length > 0) return [...new Set(kept)]
  return [...new Set(selectors.flatMap(({ metric }) => knownAs(metric, records)?.labels ?? []))]
}

/** A counter beside itself some time ago is told as "new". */
function isCompared(expression: string): boolean {
  return /\bunless\b[^()]*\boffset\b/.test(expression)
}

function knownAs(
  metric: string,
  records: ReadonlyMap<string, readonly string[]>
): Known | undefined {
  const recorded = records.get(metric)
  if (recorded) return { kind: 'gauge', labels: recorded }
  if (metric === 'up') return { kind: 'gauge', labels: OF_TARGET }
  for (const { name, kind, labels } of metricRows()) {
    if (kind !== 'histogram' && name === metric) return { kind, labels: [...labels, ...OF_TARGET] }
    if (kind !== 'histogram' || !metric.startsWith(`${name}_`)) continue
    const part = metric.slice(name.length + 1)
    if (part === 'bucket') return { kind: 'counter', labels: [...labels, ...OF_TARGET, 'le'] }
    if (part === 'sum' || part === 'count') {
      return { kind: 'counter', labels: [...labels, ...OF_TARGET] }
    }
  }
  return undefined
}

function selectorFaults(selector: Selector, known: Known | undefined): readonly string[] {
  const { metric, matchers, ranged, within } = selector
  if (!known) return [`no metric ${metric}`]
  const faults: string[] = []
  const rated = ranged && OVER_TIME.includes(within.at(-1) ?? '')
  if (known.kind === 'gauge' && rated) faults.push(`${metric} is no counter, and has no rate`)
  if (ranged && !rated && within.at(-1) !== 'changes') faults.push(`${metric}: a range of its own`)
  for (const { label, operator, value } of matchers) {
    if (!known.labels.includes(label)) faults.push(`${metric} has no label ${label}`)
    const values = VALUES[`${metric}/${label}`] ?? VALUES[label]
    if (!values || value.startsWith('$')) continue
    for (const each of operator.endsWith('~') ? value.split('|') : [value]) {
      if (!values.includes(each)) faults.push(`${metric}: ${label} is never ${each}`)
    }
  }
  return faults
}
