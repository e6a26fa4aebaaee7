/**
 * Which routes get many requests without a unit: the champion answers these and no comparison counts them, so that
 * a `hashOn` which finds nothing makes every challenger idle without a word.
 *
 * From counters since the start of the replica that was asked. Few requests say nothing.
 */
import type { Sample } from './metrics-text.ts'

export type MissingUnits = { readonly without: number; readonly of: number }

export const MISSING = 'sluice_unit_missing_total'
export const ASSIGNED = 'sluice_assignments_total'

const FEWEST_REQUESTS = 20
const MANY = 0.1 // of the requests

/** By route, those of which many requests have no unit. */
export function missingUnits(samples: readonly Sample[]): ReadonlyMap<string, MissingUnits> {
  const routes = new Set(samples.map(({ labels }) => labels['route'] ?? ''))
  return new Map(
    [...routes].flatMap(route => {
      const without = sum(samples, MISSING, route)
      const of = sum(samples, ASSIGNED, route)
      return of >= FEWEST_REQUESTS && without >= MANY * of ? [[route, { without, of }]] : []
    })
  )
}

function sum(samples: readonly Sample[], wanted: string, route: string): number {
  return samples
    .filter(({ labels, name }) => name === wanted && labels['route'] === route)
    .reduce((total, { value }) => total + value, 0)
}
