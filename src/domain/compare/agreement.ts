/**
 * What the pairs of one shadow say together, as the admin API shows it.
 *
 * Shares have Wilson's interval, means Student's. A field is reported only where the shadow differs from the
 * champion more than the champion from itself on the same requests: McNemar's exact test, Holm over all fields at
 * .001, and more than 0.03 % of the requests and 20 % of the differences. Memory is bounded: 200 fields (the rest
 * counted as `others`) with ten examples each.
 */
import { holm } from '../stats/holm.ts'
import { mcnemarGreater } from '../stats/mcnemar.ts'
import { RunningMean } from '../stats/running-mean.ts'
import { wilsonInterval } from '../stats/wilson.ts'
import type { Comparison, FieldResult } from './comparison.ts'
import { OTHERS } from './field-table.ts'

/** A share with its 95 % interval (Wilson score). `of` pairs had it, `agree` agreed. */
export type Share = {
  readonly agree: number
  readonly of: number
  readonly ratio: number | null
  readonly low: number | null
  readonly high: number | null
}

export type FieldAgreement = Share & {
  readonly field: string
  readonly kinds: Readonly<Record<string, number>> // differences by kind
  readonly meanDifference: number | null // of numbers, shadow − primary, with its 95 % interval
  readonly meanLow: number | null
  readonly meanHigh: number | null
  /** How often the champion differs from itself on the same requests, and whether the shadow differs more. */
  readonly noise: {
    readonly of: number
    readonly differs: number // champion from itself
    readonly onlyShadow: number // discordant pairs: the shadow differs and the champion does not
    readonly onlyNoise: number
    readonly p: number | null // exact McNemar, one-sided
  }
  readonly reported: boolean // differs more than noise: p (Holm over fields), absolute and relative
}

export type Exemplar = {
  readonly requestId: string
  readonly at: string
  readonly kind: string
  readonly primary: string | null // short renderings; null without capture
  readonly shadow: string | null
}

export type AgreementView = {
  readonly pairs: number
  readonly compared: number
  readonly refused: Readonly<Record<string, number>> // not compared, by reason
  readonly noiseMissed: Readonly<Record<string, number>> // second answers that never came, by outcome
  readonly overall: Share
  readonly fields: readonly FieldAgreement[] // those that differ most first, at most 100
  readonly latency: {
    readonly pairs: number // whose times can be compared
    readonly ratio: number | null // geometric mean of shadow over primary, with its 95 % interval
    readonly low: number | null
    readonly high: number | null
  }
  readonly exemplars: Readonly<Record<string, readonly Exemplar[]>> // by field, at most 10 each
}

/** What is known of a pair beside its comparison. Times in ms. */
export type PairFacts = {
  readonly requestId: string
  readonly at: string // ISO 8601
  readonly primaryMs: number
  readonly shadowMs: number
  readonly timed: boolean // both sides answered, in times that can be compared
  readonly capture: boolean // what differs may be shown
}

export type Agreement = {
  add(comparison: Comparison, facts: PairFacts): void
  /** A request that the champion got twice: its second answer, and the shadow's, against its first. */
  addNoise(champion: Comparison, shadow: Comparison | null): void
  /** A request of which the champion's second answer is not known. */
  missNoise(outcome: string): void
  view(): AgreementView
}

/** Bounds of what is kept: fields apart from each other, and examples of each. */
const MAX_FIELDS = 200
const EXEMPLARS = 10
const SHOWN_FIELDS = 100

/** When a field differs more than noise: level over all fields, and how much at least. */
export const LEVEL = 0.001
export const LEAST_ABSOLUTE = 0.0003 // of the requests
const LEAST_RELATIVE = 0.2 // of all differences, the shadow's and the champion's

/** Gathers pairs. `random` gives 0 <= x < 1 and chooses the examples. */
export function createAgreement({ random }: { readonly random: () => number }): Agreement {
  const fields = new Map<string, Tally>()
  const refused = new Map<string, number>()
  const noiseMissed = new Map<string, number>()
  const latency = new RunningMean()
  let pairs = 0
  let compared = 0
  let overallOf = 0
  let overallAgree = 0

  function tallyOf(name: string): Tally {
    const known = fields.get(name)
    if (known !== undefined) return known
    if (fields.size >= MAX_FIELDS - 1 && name !== OTHERS) return tallyOf(OTHERS)
    const tally = emptyTally()
    fields.set(name, tally)
    return tally
  }

  function addField(result: FieldResult, facts: PairFacts): void {
    const tally = tallyOf(result.field)
    tally.of++
    if (result.difference === 'number' || result.difference === null)
      tally.mean.add(result.by ?? NaN)
    if (result.difference === null) {
      tally.agree++
      return
    }
    const kind = result.difference
    increment(tally.kinds, kind)
    const place = placeOf(tally, random)
    if (place >= 0) tally.exemplars[place] = exemplarOf(result, kind, facts)
  }

  return {
    add(comparison, facts) {
      pairs++
      const { refusal } = comparison
      if (refusal === null) compared++
      else increment(refused, refusal)
      const differs = comparison.fields.some(({ difference }) => difference !== null)
      // Without bodies a pair can be known to differ, but never to agree.
      if (refusal === null || differs) {
        overallOf++
        if (!differs) overallAgree++
      }
      for (const result of comparison.fields) addField(result, facts)
      const { primaryMs, shadowMs, timed } = facts
      if (timed && primaryMs > 0 && shadowMs > 0) latency.add(Math.log(shadowMs / primaryMs))
    },
    addNoise(champion, shadow) {
      const noise = differencesOf(champion)
      for (const [name, differs] of noise) {
        const tally = tallyOf(name)
        tally.noiseOf++
        if (differs) tally.noiseDiffers++
      }
      if (shadow === null) return
      const raw = differencesOf(shadow)
      const areKnown = champion.refusal === null && shadow.refusal === null
      for (const name of new Set([...noise.keys(), ...raw.keys()])) {
        // Without bodies on one side only what is known of both can be told apart.
        if (!areKnown && !(noise.has(name) && raw.has(name))) continue
        const tally = tallyOf(name)
        // A field that one of them has not, is no difference there.
        const isRaw = raw.get(name) === true
        const isNoise = noise.get(name) === true
        if (!noise.has(name)) tally.noiseOf++
        tally.both++
        if (isRaw && isNoise) tally.bothDiffer++
        else if (isRaw) tally.onlyShadow++
        else if (isNoise) tally.onlyNoise++
      }
    },
    missNoise: outcome => increment(noiseMissed, outcome),
    view() {
      const mean = latency.interval()
      const shown = shownFields(fields)
      return {
        pairs,
        compared,
        refused: Object.fromEntries(refused),
        noiseMissed: Object.fromEntries(noiseMissed),
        overall: share(overallAgree, overallOf),
        fields: shown,
        latency: {
          pairs: latency.count,
          ratio: mean === null ? null : Math.exp(mean.mean),
          low: mean === null || mean.low === null ? null : Math.exp(mean.low),
          high: mean === null || mean.high === null ? null : Math.exp(mean.high)
        },
        exemplars: Object.fromEntries(
          shown.flatMap(({ field }) => {
            const exemplars = fields.get(field)?.exemplars ?? []
            return exemplars.length > 0 ? [[field, [...exemplars]]] : []
          })
        )
      }
    }
  }
}

/** What is counted of one field. */
type Tally = {
  of: number
  agree: number
  readonly kinds: Map<string, number>
  readonly mean: RunningMean // signed differences of numbers
  readonly exemplars: Exemplar[]
  noiseOf: number
  noiseDiffers: number
  both: number // requests on which noise and shadow are known
  bothDiffer: number
  onlyShadow: number
  onlyNoise: number
}

function emptyTally(): Tally {
  return {
    of: 0,
    agree: 0,
    kinds: new Map(),
    mean: new RunningMean(),
    exemplars: [],
    noiseOf: 0,
    noiseDiffers: 0,
    both: 0,
    bothDiffer: 0,
    onlyShadow: 0,
    onlyNoise: 0
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** Fields and whether they differ. */
function differencesOf({ fields }: Comparison): ReadonlyMap<string, boolean> {
  return new Map(fields.map(({ field, difference }) => [field, difference !== null]))
}

/** Where the newest of the differences goes, or -1: each is kept with the same chance (Vitter's algorithm R). */
function placeOf({ of, agree, exemplars }: Tally, random: () => number): number {
  if (exemplars.length < EXEMPLARS) return exemplars.length
  const place = Math.floor(random() * (of - agree))
  return place < EXEMPLARS ? place : -1
}

function exemplarOf(
  { primary, shadow }: FieldResult,
  kind: string,
  { requestId, at, capture }: PairFacts
): Exemplar {
  return { requestId, at, kind, primary: capture ? primary : null, shadow: capture ? shadow : null }
}

/** The fields that differ most first; what is reported goes before the rest. */
function shownFields(fields: ReadonlyMap<string, Tally>): readonly FieldAgreement[] {
  const names = [...fields.keys()]
  const tested = names.filter(name => (fields.get(name)?.both ?? 0) > 0)
  const p = tested.map(name => {
    const { onlyShadow, onlyNoise } = fields.get(name) ?? emptyTally()
    return mcnemarGreater(onlyShadow, onlyNoise)
  })
  const adjusted = holm(p)
  const tests = new Map(
    tested.map((name, i) => [name, { p: p[i] ?? 1, adjusted: adjusted[i] ?? 1 }])
  )
  return names
    .map(name => fieldOf(name, fields.get(name) ?? emptyTally(), tests.get(name) ?? null))
    .sort((a, b) => Number(b.reported) - Number(a.reported) || b.of - b.agree - (a.of - a.agree))
    .slice(0, SHOWN_FIELDS)
}

function fieldOf(
  field: string,
  tally: Tally,
  test: { readonly p: number; readonly adjusted: number } | null
): FieldAgreement {
  const mean = tally.mean.interval()
  return {
    field,
    ...share(tally.agree, tally.of),
    kinds: Object.fromEntries(tally.kinds),
    meanDifference: mean?.mean ?? null,
    meanLow: mean?.low ?? null,
    meanHigh: mean?.high ?? null,
    noise: {
      of: tally.noiseOf,
      differs: tally.noiseDiffers,
      onlyShadow: tally.onlyShadow,
      onlyNoise: tally.onlyNoise,
      p: test?.p ?? null
    },
    reported: test !== null && test.adjusted < LEVEL && isLarge(tally)
  }
}

/** Whether the shadow differs by more requests than the champion, in number and in proportion. */
function isLarge({ both, bothDiffer, onlyShadow, onlyNoise }: Tally): boolean {
  const more = onlyShadow - onlyNoise
  const all = 2 * bothDiffer + onlyShadow + onlyNoise
  return more > LEAST_ABSOLUTE * both && more > LEAST_RELATIVE * all
}

function share(agree: number, of: number): Share {
  if (of === 0) return { agree, of, ratio: null, low: null, high: null }
  return { agree, of, ratio: agree / of, ...wilsonInterval(agree, of) }
}
