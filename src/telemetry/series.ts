/**
 * How the values of the metrics are read: from counters, route documents, triggers and thread regions.
 *
 * Every function gives samples, a label set with a number, and reads only; the table in metrics.ts says which
 * metric takes which.
 */
import {
  ADDRESSES,
  AT,
  CALLS,
  CODES,
  COHORTS,
  OUTCOMES,
  REASONS,
  requestCell,
  UPSTREAM_ERRORS
} from '../domain/counts.ts'
import { PHASES } from '../domain/document.ts'
import { TRIGGERS } from '../domain/trigger-settings.ts'
import type { TriggerStatus } from '../domain/watch.ts'
import { cumulative } from './latency-buckets.ts'
import type { RouteSource, ShadowSource, VariantSource } from './metrics-source.ts'
import type { OwnThread } from './own-thread.ts'
import type { OfThread, OfVariant, Reading } from './reading.ts'
import type { TimeName } from './totals.ts'

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]
export type Distribution = {
  readonly labels: Labels
  readonly counts: readonly number[]
  readonly sum: number
}
export function perVariant(read: (of: OfVariant) => readonly Sample[]) {
  return ({ variants }: Reading): readonly Sample[] =>
    variants.flatMap(of =>
      read(of).map(([labels, value]): Sample => [{ ...labelsOf(of), ...labels }, value])
    )
}

/** One number a variant. */
export function single(read: (of: OfVariant) => number) {
  return perVariant(of => [[{}, read(of)]])
}

/** One number a route. */
export function perRoute(read: (route: RouteSource, reading: Reading) => number) {
  return (reading: Reading): readonly Sample[] =>
    reading.source.routes.map(route => [{ route: route.name }, read(route, reading)])
}

/** One number for each word of a shadow's counts. */
export function perShadow(
  counts: (shadow: ShadowSource) => Readonly<Record<string, number>>,
  label: string
) {
  return ({ source }: Reading): readonly Sample[] =>
    source.routes.flatMap(({ name, shadows }) =>
      shadows.flatMap(shadow =>
        Object.entries(counts(shadow)).map(
          ([word, value]): Sample => [{ route: name, shadow: shadow.name, [label]: word }, value]
        )
      )
    )
}

/** One number for the process. */
export function alone(read: (reading: Reading) => number) {
  return (reading: Reading): readonly Sample[] => [[{}, read(reading)]]
}

export function labelsOf({ route, variant }: OfVariant): Labels {
  return { route: route.name, variant: variant.name }
}

/** One series for each value of a closed list whose counts lie side by side. */
export function listed(values: readonly string[], at: number, label: string) {
  return ({ totals }: OfVariant): readonly Sample[] =>
    values.map((value, i) => [{ [label]: value }, totals.count(at + i)])
}

/** Outcome and code that belong together are there from the start, everything else once it happened. */
const USUAL: Readonly<Record<string, string>> = {
  ok: '2xx',
  client_error: '4xx',
  upstream_error: '5xx',
  connect: 'none',
  timeout: 'none',
  reset: 'none',
  invalid: 'none',
  bad_prediction: '2xx',
  client_gone: 'none',
  shed: 'none'
}

export function requests({ totals }: OfVariant): readonly Sample[] {
  const samples: Sample[] = []
  COHORTS.forEach((cohort, c) => {
    CALLS.forEach((call, k) => {
      OUTCOMES.forEach((outcome, o) => {
        CODES.forEach((code, s) => {
          const value = totals.count(requestCell(c, k, o, s))
          if (value > 0 || USUAL[outcome] === code)
            samples.push([{ cohort, call, outcome, code }, value])
        })
      })
    })
  })
  return samples
}

/** A histogram of the counters, one distribution a variant. */
export function durations(at: number, time: TimeName) {
  return ({ variants }: Reading): readonly Distribution[] =>
    variants.map(of => ({
      labels: labelsOf(of),
      counts: cumulative(of.totals.count, at),
      sum: of.totals.seconds(time)
    }))
}

export function missing(route: RouteSource, { variants }: Reading): number {
  const at = AT.assignments + REASONS.indexOf('missing_unit')
  return variants
    .filter(of => of.route === route)
    .reduce((sum, { totals }) => sum + totals.count(at), 0)
}

export function upstreamErrors({ totals, variant }: OfVariant): readonly Sample[] {
  return UPSTREAM_ERRORS.map((reason, i) => {
    const resolved = reason === 'dns' ? variant.dnsErrors : 0
    return [{ reason }, totals.count(AT.upstreamErrors + i) + resolved]
  })
}

export function busy({ counters }: VariantSource): number {
  let sum = 0
  for (const { words } of counters) {
    for (let slot = 0; slot < ADDRESSES.slots; slot++) {
      sum += Math.max(
        0,
        (words[AT.addresses + slot * ADDRESSES.size + ADDRESSES.inFlight] ?? 0) | 0
      )
    }
  }
  return sum
}

export function perTrigger(value: (status: TriggerStatus) => number | null) {
  return ({ source }: Reading): readonly Sample[] =>
    source.routes.flatMap(route =>
      route.triggers.flatMap((status): readonly Sample[] => {
        const n = value(status)
        const labels = { route: route.name, variant: status.variant, trigger: status.trigger }
        return n === null ? [] : [[labels, n]]
      })
    )
}

export function rollbacks({ source }: Reading): readonly Sample[] {
  return source.routes.flatMap(route =>
    [...TRIGGERS, 'operator'].map((trigger): Sample => {
      return [{ route: route.name, trigger }, route.rollbacks[trigger] ?? 0]
    })
  )
}

export function phases({ source }: Reading): readonly Sample[] {
  return source.routes.flatMap(({ name, phase }) =>
    PHASES.map((each): Sample => [{ route: name, phase: each }, Number(each === phase)])
  )
}

export function stateSource({ source }: Reading): readonly Sample[] {
  const now = source.state.source
  return ['store', 'disk', 'config'].map(each => [{ source: each }, Number(each === now)])
}

export function eventsDropped({ source }: Reading): readonly Sample[] {
  return source.events.flatMap(({ topic, dropped }) =>
    Object.entries(dropped).map(([reason, n]): Sample => [{ topic, reason }, n])
  )
}

export function actualShare({ variant }: OfVariant): readonly Sample[] {
  return variant.actualWeight === null ? [] : [[{}, variant.actualWeight / 100]]
}

export function upstreamHealth({ variant }: OfVariant): readonly Sample[] {
  return variant.upstreams.map(({ upstream, healthy }) => [{ upstream }, Number(healthy)])
}

export function perThread(read: (of: OfThread) => number) {
  return ({ threads }: Reading): readonly Sample[] =>
    threads.map((of, i) => [{ thread: String(i) }, read(of)])
}

/** The data threads, and the main thread and the shadow process beside them. */
export function withOthers(ofOther: (other: OwnThread) => number, read: (of: OfThread) => number) {
  return (reading: Reading): readonly Sample[] => [
    [{ thread: 'main' }, ofOther(reading.main)],
    ...ofShadowProcess(reading, ofOther),
    ...perThread(read)(reading)
  ]
}

function ofShadowProcess(
  { source: { shadowProcess } }: Reading,
  read: (of: OwnThread) => number
): readonly Sample[] {
  return shadowProcess === null ? [] : [[{ thread: 'shadow' }, read(shadowProcess)]]
}

/** Sum of one word of the thread regions over all threads. */
export function ofThreads(word: number) {
  return ({ threads }: Reading): number =>
    threads.reduce((sum, { totals }) => sum + totals.count(word), 0)
}
