/**
 * Parts of the queries of the board: the choice that its reader made, rates, quantiles, and names of lines.
 */
import type { Query } from './panels.ts'

export const FLEET = 'job=~"$job",instance=~"$instance"'
export const ROUTE = `${FLEET},route=~"$route"`
export const BY_VARIANT = 'sum by (route, variant)'

/** Names of lines. */
export const VARIANT = '{{route}} {{variant}}'
export const INSTANCE = '{{instance}}'

/** Per second, of a counter with these labels. */
export function rate(metric: string, labels: string): string {
  return `rate(${metric}{${labels}}[$__rate_interval])`
}

/** Seconds below which the share `q` of the requests of a variant lies. */
export function quantile(q: number): Query {
  const buckets = rate('sluice_request_duration_seconds_bucket', ROUTE)
  return {
    expr: `histogram_quantile(${q}, sum by (route, variant, le) (${buckets}))`,
    legend: VARIANT
  }
}
