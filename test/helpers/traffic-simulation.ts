/**
 * Simulated traffic through the real counters: arrivals, assignment by the hash, answers, and the watch.
 *
 * Requests are written by `record.ts` into the same regions that data threads use, and `Watch.tick` reads them
 * every 250 ms; only the network is left out. A seed decides everything, so a run can be repeated.
 */
import {
  ADDRESS_FLAGS,
  ADDRESSES,
  AT,
  BAD_KINDS,
  COHORTS,
  type Counters,
  countersOver,
  OUTCOMES,
  type Outcome,
  regionBytes,
  strataOf,
  TICK_MS,
  TIME_AT
} from '../../src/domain/counts.ts'
import { bucketOfHash } from '../../src/domain/hash.ts'
import {
  recordAnswered,
  recordOutcome,
  recordSent,
  startGeneration
} from '../../src/domain/record.ts'
import { createWatch } from '../../src/domain/trigger/route-watch.ts'
import type { TriggerSettings } from '../../src/domain/trigger-settings.ts'
import type { TriggerDecision, Watch, WatchInput } from '../../src/domain/watch.ts'

/** What a variant does with one call. `afterMs` Infinity = never. */
export type Answer = {
  readonly outcome: Outcome
  readonly afterMs: number
  readonly status?: number
  readonly nan?: boolean
  readonly retryAfterMs?: number // the client asks again; `attempt` rises
}

export type Call = {
  readonly variant: string
  readonly unit: number | null // null: the request has none
  readonly stratum: number // 0 hash, 1.. splits
  readonly attempt: number
  readonly sentAt: number
  readonly now: number // ms since the start
}

export type TrafficOptions = {
  readonly seed: number
  readonly settings?: Partial<TriggerSettings>
  readonly splits?: number
  readonly threads?: number
  readonly replicas?: number
  /** Requests a second at a time. */
  readonly rate: (now: number) => number
  /** Basis points of the challenger, in the hash. */
  readonly weight: number
  /** The same per stratum 1.. of overrides with a split. */
  readonly splitWeights?: readonly number[]
  /** Stratum of a request; 0 without overrides. */
  readonly stratumOf?: (unit: number) => number
  /** A unit per request; many by default. */
  readonly unit?: (random: () => number) => number | null
  readonly answer: (call: Call, random: () => number) => Answer
  /** Time when addresses count as warm from the first request on. */
  readonly warm?: boolean
  readonly championHealthy?: (now: number) => boolean
  readonly stalled?: (now: number) => boolean
  /** False where nobody asks the watch of this replica; it also keeps warmth, so addresses must be `warm`. */
  readonly watched?: boolean
}

export type Decided = TriggerDecision & { readonly at: number }

type Pending = {
  readonly variant: number
  readonly thread: number
  readonly cohort: number
  readonly stratum: number
  readonly unit: number
  readonly hasUnit: boolean
  readonly bucket: number
  readonly attempt: number
  readonly generation: number
  readonly sentAt: number
  readonly endsAt: number
  readonly warm: boolean // its address, when it was sent
  readonly answer: Answer
  done: boolean
}

type Arrival = { readonly at: number; readonly unit: number | null; readonly attempt: number }

export const CHAMPION = 'stable'
export const CHALLENGER = 'canary'
const NAMES = [CHAMPION, CHALLENGER] as const
const ANSWERED = new Set<Outcome>([
  'ok',
  'client_error',
  'upstream_error',
  'bad_prediction',
  'invalid'
])
const NAN = 1 << BAD_KINDS.indexOf('nan')
const OTHER = COHORTS.indexOf('other')
const WHEEL = 2048 // ticks: 512 s

const ROLLBACK = { action: 'rollback', dryRun: false } as const

export const DEFAULTS: TriggerSettings = {
  alphaPerDay: 0.001,
  errors: { ...ROLLBACK, ratio: 5, max: 0.1 },
  clientErrors: { ...ROLLBACK, ratio: 5 },
  badPredictions: {
    ...ROLLBACK,
    max: 0.01,
    kinds: ['nan', 'infinite', 'null', 'unparsable', 'shape']
  },
  latency: { ...ROLLBACK, sla: 250, of: 'total', percentile: 99 },
  absence: { ...ROLLBACK, after: 'auto', startup: 300_000 },
  gross: ROLLBACK
}

export class Traffic {
  readonly watch: Watch
  readonly decisions: Decided[] = []
  readonly random: () => number
  now = 0
  weight: number
  championWeight: number
  requests = 0
  #options: TrafficOptions
  #generation = 1
  #settings: TriggerSettings
  #regions: Counters[][]
  #wheel: Pending[][] = Array.from({ length: WHEEL }, () => [])
  #retries: Arrival[] = []
  #sent: Pending[][] = [[], []]
  #next = 0

  constructor(options: TrafficOptions) {
    this.#options = options
    this.weight = options.weight
    this.championWeight = 10_000 - options.weight
    this.random = seeded(options.seed)
    this.#settings = { ...DEFAULTS, ...options.settings }
    const splits = options.splits ?? 0
    this.watch = createWatch({ settings: this.#settings, splits, replicas: options.replicas ?? 1 })
    this.#regions = NAMES.map(() =>
      Array.from({ length: options.threads ?? 1 }, () =>
        countersOver(new ArrayBuffer(regionBytes(splits)), splits)
      )
    )
    for (const c of this.#regions.flat()) {
      startGeneration(c, 1)
      if (options.warm) c.words[AT.addresses + ADDRESSES.flags] = ADDRESS_FLAGS.warm
    }
    this.#next = this.#gap()
    this.#tickWatch()
  }

  /** Runs until a real rollback, or until `until` ms since the start. Gives the rollback. */
  run(until: number): Decided | null {
    while (this.now < until) {
      const rolledBack = this.step()
      if (rolledBack) return rolledBack
    }
    return null
  }

  /** Gives the challenger another weight, under new ranges. */
  setWeight(weight: number): void {
    this.weight = weight
    this.championWeight = 10_000 - weight
    this.#generation++
    for (const c of this.#regions.flat()) startGeneration(c, this.#generation)
  }

  /** One tick of traffic, and of the watch after it. */
  step(): Decided | null {
    const end = this.now + TICK_MS
    while (this.#next < end) {
      const unit = this.#options.unit
        ? this.#options.unit(this.random)
        : (this.random() * 2 ** 32) >>> 0
      this.#send({ at: this.#next, unit, attempt: 0 })
      this.#next += this.#gap()
    }
    if (this.#retries.length > 0) this.#retry(end)
    const slot = Math.floor(this.now / TICK_MS) % WHEEL
    const ending = this.#wheel[slot] ?? []
    this.#wheel[slot] = []
    ending.sort((a, b) => a.endsAt - b.endsAt)
    for (const pending of ending) this.#end(pending)
    this.now = end
    this.#sweep()
    return this.#tickWatch()
  }

  #gap(): number {
    const rate = this.#options.rate(this.now)
    return rate > 0 ? (-Math.log(1 - this.random()) / rate) * 1000 : Infinity
  }

  #retry(end: number): void {
    const due = this.#retries.filter(({ at }) => at < end)
    this.#retries = this.#retries.filter(({ at }) => at >= end)
    for (const arrival of due) this.#send(arrival)
  }

  #send({ at, unit, attempt }: Arrival): void {
    this.requests++
    const hash = unit === null ? 0 : mix(unit)
    const bucket = bucketOfHash(hash)
    const stratum = unit === null ? -1 : (this.#options.stratumOf?.(unit) ?? 0)
    const weight = stratum > 0 ? (this.#options.splitWeights?.[stratum - 1] ?? 0) : this.weight
    const variant = unit !== null && bucket < weight ? 1 : 0
    const regions = this.#regions[variant] ?? []
    const thread = regions.length > 1 ? Math.floor(this.random() * regions.length) : 0
    const c = regions[thread]
    if (!c) return
    const row = stratum < 0 ? strataOf(c.splits) - 1 : stratum
    const call = {
      variant: NAMES[variant] ?? CHAMPION,
      unit,
      stratum,
      attempt,
      sentAt: at,
      now: at
    }
    const answer = this.#options.answer(call, this.random)
    recordSent(c, at, row, true, 0)
    const endsAt = at + answer.afterMs
    const pending: Pending = {
      variant,
      thread,
      cohort: stratum < 0 ? OTHER : stratum > 0 ? 1 : 0,
      stratum: row,
      unit: hash,
      hasUnit: unit !== null,
      bucket,
      attempt,
      generation: this.#generation,
      sentAt: at,
      endsAt,
      warm: ((c.words[AT.addresses + ADDRESSES.flags] ?? 0) & ADDRESS_FLAGS.warm) !== 0,
      answer,
      done: false
    }
    this.#sent[variant]?.push(pending)
    if (Number.isFinite(endsAt)) this.#wheel[Math.floor(endsAt / TICK_MS) % WHEEL]?.push(pending)
    if (answer.retryAfterMs !== undefined) {
      this.#retries.push({ at: endsAt + answer.retryAfterMs, unit, attempt: attempt + 1 })
    }
  }

  #end(p: Pending): void {
    const c = this.#regions[p.variant]?.[p.thread]
    if (!c) return
    p.done = true
    const { outcome, status, nan } = p.answer
    const answered = ANSWERED.has(outcome)
    if (answered) recordAnswered(c, p.endsAt, p.sentAt, 0)
    if (outcome === 'connect') {
      const at = AT.addresses + ADDRESSES.connectFailures
      c.words[at] = (c.words[at] ?? 0) + 1
    }
    recordOutcome(c, {
      cohort: p.cohort,
      stratum: p.stratum,
      prediction: true,
      outcome: OUTCOMES.indexOf(outcome),
      status: status ?? (outcome === 'ok' ? 200 : 0),
      generation: p.generation,
      unit: p.unit,
      bucket: p.bucket,
      sentAt: p.sentAt,
      endedAt: p.endsAt,
      judged: outcome === 'ok' || outcome === 'bad_prediction',
      bad: nan ? NAN : 0,
      badCounts: nan ?? false,
      timed: p.warm,
      slow: p.endsAt - p.sentAt > (this.#settings.latency?.sla ?? Infinity),
      address: 0
    })
  }

  /** What a data thread's sweep writes: unanswered requests under the current ranges. */
  #sweep(): void {
    for (let v = 0; v < NAMES.length; v++) {
      const sent = this.#sent[v] ?? []
      let kept = 0
      for (const p of sent) if (!p.done) sent[kept++] = p
      sent.length = kept
      this.#regions[v]?.forEach((c, thread) => {
        let count = 0
        let oldest = 0
        let units = 0
        let first = -1
        for (const p of sent) {
          if (p.thread !== thread || p.generation !== this.#generation) continue
          if (count++ === 0) oldest = p.sentAt
          if (!p.hasUnit || p.unit === first || units === 2) continue
          units++
          first = p.unit
        }
        c.words[AT.pending] = count
        c.words[AT.pending + 1] = units
        c.times[TIME_AT.oldestPending] = oldest
      })
    }
  }

  /** What a watch is given now. */
  input(): WatchInput {
    const arm = (variant: number, weight: number) => ({
      counters: this.#regions[variant] ?? [],
      addresses: [{ slot: 0, healthy: true }],
      weight
    })
    return {
      now: this.now,
      generation: this.#generation,
      champion: arm(0, this.championWeight),
      championHealthy: this.#options.championHealthy?.(this.now) ?? true,
      challengers: new Map([[CHALLENGER, arm(1, this.weight)]]),
      stalled: this.#options.stalled?.(this.now) ?? false
    }
  }

  #tickWatch(): Decided | null {
    if (this.#options.watched === false) return null
    const { decisions } = this.watch.tick(this.input())
    let rollback: Decided | null = null
    for (const decision of decisions) {
      const decided = { ...decision, at: this.now }
      this.decisions.push(decided)
      if (decision.action === 'rollback' && !decision.dryRun) rollback ??= decided
    }
    return rollback
  }
}

/** Answers of a healthy model: 30 ms or so, and a share of errors. */
export function healthy(errorShare: number): TrafficOptions['answer'] {
  return (_, random) =>
    random() < errorShare ? failed(latency(random)) : { outcome: 'ok', afterMs: latency(random) }
}

export function failed(afterMs: number, status = 500): Answer {
  return { outcome: 'upstream_error', afterMs, status }
}

/** Log-normal around 30 ms, p99 about 95 ms. */
export function latency(random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return 30 * Math.exp(0.5 * normal)
}

/** sfc32: small, fast, good enough for simulations. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0
  let b = 0x9e3779b9
  let c = 0x243f6a88
  let d = 1
  const next = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return (t >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 16; i++) next()
  return next
}

/** Bucket 0..9999 of a unit. */
export function bucketOfUnit(unit: number): number {
  return bucketOfHash(mix(unit))
}

/** Stands in for the unit's hash: a bijection of 32 bits that scatters. */
function mix(x: number): number {
  let h = x | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
