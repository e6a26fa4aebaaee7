/**
 * What the users saw, counted from their side: rates, failures and p99 per variant for the last seconds, and who
 * was hurt since the fault. The router's own figures come from its API and never from here.
 */
import type { Sample } from './load.ts'

const KEPT_MS = 10_000

export type VariantSeconds = {
  readonly rate: number // requests a second
  readonly failed: number
  readonly p99: number | null // ms
}

/** The requests that were due in a stretch of time, as far as they have ended. */
export type Stretch = {
  /** None that is due later belongs to it (performance.now). */
  end(at: number): void
  readonly requests: () => number
  /** Those without a good answer, however late. */
  readonly failed: () => number
  /** Of all of them, in ms; null without one. `q` is 0..1. */
  readonly quantile: (q: number) => number | null
}

export type Tally = {
  add(sample: Sample): void
  /** From here on (performance.now) failures count as hurt. */
  onset(at: number): void
  /** What `variant` (null: no variant answered) did for requests due in the last `windowMs` before `now`. */
  last(variant: string | null, now: number, windowMs: number): VariantSeconds
  /** Since the onset; `waiting` are users who still wait for an answer, one entry a request. */
  readonly hurt: (waiting: readonly string[]) => {
    readonly users: number
    readonly requests: number
  }
  /** Counts apart what is due from `from` on (performance.now), of what ends after this call. */
  readonly stretch: (from: number) => Stretch
  /** When the last request that this variant answered was due; null without one. */
  lastDue(variant: string): number | null
  /** Answers of each variant to requests that were due from `since` on. */
  answersSince(since: number, variant: string): number
  readonly total: () => number
}

/** `slowMs`: an answer later than this is a failure for its user. */
export function tally(slowMs: number): Tally {
  let recent: Sample[] = []
  let total = 0
  let since = Number.POSITIVE_INFINITY
  let hurtRequests = 0
  const hurtUsers = new Set<string>()
  const dues = new Map<string, number>()
  const stretches: ((sample: Sample) => void)[] = []

  return {
    add(sample) {
      total++
      recent.push(sample)
      for (const count of stretches) count(sample)
      if (sample.variant !== null) {
        dues.set(sample.variant, Math.max(dues.get(sample.variant) ?? 0, sample.due))
      }
      if (sample.due + sample.ms >= since && isFailure(sample, slowMs)) {
        hurtRequests++
        hurtUsers.add(sample.user)
      }
    },
    onset(at) {
      since = at
    },
    last(variant, now, windowMs) {
      recent = recent.filter(sample => sample.due + sample.ms > now - KEPT_MS)
      const own = recent.filter(s => s.variant === variant && s.due + s.ms > now - windowMs)
      return {
        rate: own.length / (windowMs / 1000),
        failed: own.filter(sample => isFailure(sample, slowMs)).length,
        p99: quantile(
          own.map(sample => sample.ms),
          0.99
        )
      }
    },
    hurt: waiting => ({
      users: new Set([...hurtUsers, ...waiting]).size,
      requests: hurtRequests + waiting.length
    }),
    stretch(from) {
      let to = Number.POSITIVE_INFINITY
      let requests = 0
      let failed = 0
      const times: number[] = []
      stretches.push(sample => {
        if (sample.due < from || sample.due > to) return
        requests++
        times.push(sample.ms)
        if (isFailure(sample, Number.POSITIVE_INFINITY)) failed++
      })
      return {
        end(at) {
          to = at
        },
        requests: () => requests,
        failed: () => failed,
        quantile: q => quantile(times, q)
      }
    },
    lastDue: variant => dues.get(variant) ?? null,
    answersSince: (from, variant) =>
      recent.filter(sample => sample.variant === variant && sample.due >= from).length,
    total: () => total
  }
}

/** What a user would call broken: no answer, an error, no number, or too late. */
export function isFailure(sample: Sample, slowMs: number): boolean {
  return sample.status === 0 || sample.status >= 400 || sample.nan || sample.ms > slowMs
}

function quantile(values: readonly number[], q: number): number | null {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length * q) - 1] ?? null
}
