/**
 * How the requests of each variant ended lately: which variants answer nobody, and what failed when a trigger
 * decided. Reads the counters by outcome that the data threads keep anyway, once a second, and only of variants
 * that something was sent to; nothing here judges a challenger.
 */
import {
  addTally,
  causesOf,
  causeText,
  countOf,
  FAULTS,
  hasFailures,
  isCauseOf,
  TALLY_SIZE
} from '../domain/cause.ts'
import { AT, type COHORTS, type Counters, REASONS } from '../domain/counts.ts'
import type { TriggerDecision } from '../domain/watch.ts'
import { isOut, type LiveRoute, variantsOf } from './live-route.ts'
import type { Regions } from './regions.ts'
import type { Roster } from './roster.ts'

export type RecentOutcomes = {
  /** Reads what is new of a quarter of the routes; call it at every tick, so that each has its turn in a second. */
  sample(): void
  /** Variants in traffic none of whose last requests got an answer that is no failure: a sentence each. */
  failing(route: LiveRoute): Readonly<Record<string, string>>
  /** The decision with what failed, in its sentence and in its evidence, where the counters can say it. */
  explained(route: LiveRoute, decision: TriggerDecision): TriggerDecision
}

const TURNS = 4
const LEAST = 5 // requests in a row, as many as put an address out
const LATELY_MS = 60_000
const MOST_SAMPLES = 64

type Sample = { readonly at: number; readonly tally: Uint32Array }

/** What is known of one variant. A sample is kept where the tally has changed but for good answers. */
type Known = {
  readonly memory: ArrayBufferLike
  activity: number
  tally: Uint32Array
  samples: readonly Sample[]
  streak: Uint32Array // since the last good answer
  failedAt: number
}

export function createRecentOutcomes(options: {
  readonly roster: Pick<Roster, 'all'>
  readonly regions: Regions
  readonly now: () => number
}): RecentOutcomes {
  const { roster, regions, now } = options
  const known = new Map<string, Known>()
  let turn = -1

  function read(route: LiveRoute, variant: string): Known | null {
    const counters = regions.of(route.config.name, variant, route.splits)
    const [first] = counters
    if (first === undefined) return null
    const key = `${route.config.name}/${variant}`
    const before = known.get(key)
    if (before === undefined || before.memory !== first.words.buffer) {
      const fresh = begin(counters, first.words.buffer, now())
      known.set(key, fresh)
      return fresh
    }
    const activity = activityOf(counters)
    if (activity !== before.activity) take(before, counters, activity, now())
    return before
  }

  /** What is not named any more. */
  function forget(routes: readonly LiveRoute[]): void {
    const named = new Set(
      routes.flatMap(route => variantsOf(route).map(({ name }) => `${route.config.name}/${name}`))
    )
    for (const key of known.keys()) if (!named.has(key)) known.delete(key)
  }

  return {
    sample() {
      turn = (turn + 1) % TURNS
      const routes = roster.all()
      for (let i = turn; i < routes.length; i += TURNS) {
        const route = routes[i]
        if (route) for (const { name } of variantsOf(route)) read(route, name)
      }
      if (turn === 0) forget(routes)
    },

    failing(route) {
      const found = variantsOf(route).flatMap(({ name, urls }) => {
        const of = known.get(`${route.config.name}/${name}`)
        if (of === undefined || isOut(route, name) || now() - of.failedAt > LATELY_MS) return []
        return faultsIn(of.streak) < LEAST ? [] : [[name, failingText(of.streak, urls)] as const]
      })
      return Object.fromEntries(found)
    },

    explained(route, decision) {
      const { variant, trigger, sentence, evidence } = decision
      const { test, windowMs } = evidence
      const of = read(route, variant)
      if (of === null || typeof windowMs !== 'number') return decision
      const sense = trigger === 'gross' ? String(test) : trigger
      const gains = gainsOf(of, now() - windowMs)
      const causes = new Map(
        [...causesOf(gains, cohortsOf(route, test))].filter(([cause]) => isCauseOf(sense, cause))
      )
      const text = causeText(causes)
      if (text === '') return decision
      return {
        ...decision,
        sentence: `${sentence} What failed${evidence['scope'] === 'fleet' ? ' on this replica' : ''}: ${text}.`,
        evidence: { ...evidence, causes: Object.fromEntries<number>(causes) }
      }
    }
  }
}

function begin(counters: readonly Counters[], memory: ArrayBufferLike, at: number): Known {
  const tally = tallyOf(counters)
  const activity = activityOf(counters)
  const streak = new Uint32Array(TALLY_SIZE)
  return { memory, activity, tally, samples: [{ at, tally }], streak, failedAt: -Infinity }
}

function take(of: Known, counters: readonly Counters[], activity: number, at: number): void {
  const tally = tallyOf(counters)
  const gains = minus(tally, of.tally)
  const failed = faultsIn(gains)
  if (failed > 0) of.failedAt = at
  if (countOf(gains, 'good') + countOf(gains, 'status_4xx') > 0)
    of.streak = new Uint32Array(TALLY_SIZE)
  else for (let i = 0; i < TALLY_SIZE; i++) of.streak[i] = (of.streak[i] ?? 0) + (gains[i] ?? 0)
  of.activity = activity
  of.tally = tally
  if (hasFailures(gains)) of.samples = thinned([...of.samples, { at, tally }])
}

/** The newer half stays as it is; of the older one every other sample, and the first of all. */
function thinned(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= MOST_SAMPLES) return samples
  return samples.filter((_, i) => i >= MOST_SAMPLES / 2 || i % 2 === 0)
}

/** What was counted since that moment, or since a little before it. */
function gainsOf({ tally, samples }: Known, sinceMs: number): Uint32Array {
  const base = samples.findLast(({ at }) => at <= sinceMs) ?? samples[0]
  return base === undefined ? tally : minus(tally, base.tally)
}

function minus(tally: Uint32Array, base: Uint32Array): Uint32Array {
  return tally.map((count, i) => count - (base[i] ?? 0)) // modulo 2^32, as the counters
}

function tallyOf(counters: readonly Counters[]): Uint32Array {
  const tally = new Uint32Array(TALLY_SIZE)
  for (const each of counters) addTally(tally, each)
  return tally
}

/** Another number after each request that began or ended. */
function activityOf(counters: readonly Counters[]): number {
  let sum = 0
  for (const { words } of counters) {
    for (let i = 0; i < REASONS.length; i++) sum += 2 * (words[AT.assignments + i] ?? 0)
    sum -= words[AT.inFlight] ?? 0
  }
  return sum
}

function faultsIn(tally: Uint32Array): number {
  return FAULTS.reduce((sum, kind) => sum + countOf(tally, kind), 0)
}

/** The cohorts that a decision is about (triggers.md, rule 1). */
function cohortsOf({ splits }: LiveRoute, test: unknown): readonly (typeof COHORTS)[number][] {
  if (test === 'other-cohort') return ['override', 'other']
  return splits > 0 ? ['hash', 'override'] : ['hash']
}

function failingText(streak: Uint32Array, urls: readonly string[]): string {
  const causes = new Map(FAULTS.map(kind => [kind, countOf(streak, kind)] as const))
  const where = urls.slice(0, MOST_URLS).join(', ') || 'its upstreams'
  const more = urls.length > MOST_URLS ? ` and ${urls.length - MOST_URLS} more` : ''
  const failed = faultsIn(streak)
  const mostly = causeText(new Map([...causes].filter(([, count]) => count > 0)))
  const connects = (causes.get('connect') ?? 0) * 2 > failed
  const todo = connects ? 'runs and can be reached from here' : 'is well, its log may say more'
  return `each of its last ${failed} requests failed (${mostly}); check that ${where}${more} ${todo}`
}

const MOST_URLS = 3
