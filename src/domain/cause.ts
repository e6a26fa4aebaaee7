/**
 * Why requests of a variant failed, in kinds that the counters by outcome tell apart, and in words for people.
 *
 * The counters know the class of a status and no more, so that nothing is counted per request for this alone.
 * Counts here say what prevails; what is evidence is for the triggers (record.ts).
 */
import {
  AT,
  BAD_KINDS,
  CALLS,
  CODES,
  COHORTS,
  type Counters,
  OUTCOMES,
  type Outcome,
  requestCell
} from './counts.ts'

/** Faults of the variant itself; what we shed, and what a client got wrong, are none. */
export const FAULTS = [
  'status_5xx',
  'status_408',
  'error_in_answer',
  'connect',
  'timeout',
  'reset',
  'invalid'
] as const

/** What can be told apart: answers that are no failure of the variant first, then failures. */
export const KINDS = ['good', 'status_4xx', ...FAULTS, 'shed'] as const
export type Kind = (typeof KINDS)[number]
export type Cause = Exclude<Kind, 'good'> | `prediction_${(typeof BAD_KINDS)[number]}`

/** What counts as a failure in the sense of a trigger; `gross` counts in the sense of its test. */
export function isCauseOf(trigger: string, cause: Cause): boolean {
  if (cause === 'status_4xx') return trigger === 'clientErrors' || trigger === 'any'
  if (cause.startsWith('prediction_')) return BAD.has(trigger)
  return trigger === 'errors' || trigger === 'any'
}

const BAD: ReadonlySet<string> = new Set(['bad_predictions', 'badPredictions', 'any'])

/** Prediction calls by cohort, then all other calls, each with a count per kind; then bad predictions. */
const GROUPS = COHORTS.length + 1
const BAD_AT = GROUPS * KINDS.length
export const TALLY_SIZE = BAD_AT + BAD_KINDS.length

/** Adds what a variant's counters say to `tally` (TALLY_SIZE counts, modulo 2^32). */
export function addTally(tally: Uint32Array, { words }: Counters): void {
  for (let i = 0; i < FROM.length; i++) {
    const at = TO[i] ?? 0
    tally[at] = (tally[at] ?? 0) + (words[FROM[i] ?? 0] ?? 0)
  }
}

/** How many of `tally` are of that kind, of all calls. */
export function countOf(tally: Uint32Array, kind: Kind): number {
  let sum = 0
  for (let group = 0; group < GROUPS; group++) sum += tally[slotOf(group, kind)] ?? 0
  return sum
}

/** Whether anything is above 0 but good answers. */
export function hasFailures(tally: Uint32Array): boolean {
  return tally.some((count, at) => count > 0 && (at >= BAD_AT || at % KINDS.length !== GOOD))
}

const GOOD = KINDS.indexOf('good')

/** Causes among the prediction calls of these cohorts, those above 0. */
export function causesOf(
  tally: Uint32Array,
  cohorts: readonly (typeof COHORTS)[number][]
): ReadonlyMap<Cause, number> {
  const causes = new Map<Cause, number>()
  const add = (cause: Cause, count: number) => {
    if (count > 0) causes.set(cause, (causes.get(cause) ?? 0) + count)
  }
  for (const cohort of cohorts) {
    for (const kind of KINDS) {
      if (kind !== 'good') add(kind, tally[slotOf(COHORTS.indexOf(cohort), kind)] ?? 0)
    }
  }
  BAD_KINDS.forEach((kind, i) => {
    add(`prediction_${kind}`, tally[BAD_AT + i] ?? 0)
  })
  return causes
}

/** `mostly status 5xx, also no connection`: the causes that make a tenth or more, at most three; '' for none. */
export function causeText(causes: ReadonlyMap<Cause, number>): string {
  const all = [...causes].sort(([, a], [, b]) => b - a)
  const sum = all.reduce((total, [, count]) => total + count, 0)
  const [first, ...others] = all.filter(([, count]) => count >= sum * LEAST_SHARE)
  if (first === undefined) return ''
  const [cause, count] = first
  if (count === sum) return WORDS[cause]
  const also = others.slice(0, MOST_NAMED - 1).map(([other]) => WORDS[other])
  const head = count * 2 > sum ? `mostly ${WORDS[cause]}` : WORDS[cause]
  return also.length === 0 ? head : `${head}, also ${also.join(' and ')}`
}

const LEAST_SHARE = 0.1
const MOST_NAMED = 3

const WORDS: Readonly<Record<Cause, string>> = {
  status_4xx: 'status 4xx',
  status_5xx: 'status 5xx',
  status_408: 'status 408',
  error_in_answer: 'an error inside an answer with a good status',
  connect: 'no connection',
  timeout: 'no answer in time',
  reset: 'connection broken off before the end of the answer',
  invalid: 'no valid HTTP',
  shed: 'refused here by a limit of requests in flight',
  prediction_null: 'null',
  prediction_nan: 'NaN',
  prediction_infinite: 'infinite numbers',
  prediction_empty: 'no predictions',
  prediction_shape: 'wrong shape',
  prediction_unparsable: 'predictions that cannot be parsed'
}

/** Cells of the counters with their place in a tally. */
const CELLS: readonly (readonly [cell: number, at: number])[] = [
  ...COHORTS.flatMap((_, cohort) => cellsOf(cohort, CALLS.indexOf('prediction'), cohort)),
  ...COHORTS.flatMap((_, cohort) => cellsOf(cohort, CALLS.indexOf('other'), COHORTS.length)),
  ...BAD_KINDS.map((_, i) => [AT.badKinds + i, BAD_AT + i] as const)
]

/** The same as flat lists, which are read for every variant once a second. */
const FROM = Uint32Array.from(CELLS, ([cell]) => cell)
const TO = Uint32Array.from(CELLS, ([, at]) => at)

function cellsOf(cohort: number, call: number, group: number): (readonly [number, number])[] {
  return OUTCOMES.flatMap((outcome, o) =>
    CODES.flatMap((code, c) => {
      const kind = kindOf(outcome, code)
      return kind === null ? [] : [[requestCell(cohort, call, o, c), slotOf(group, kind)] as const]
    })
  )
}

/** Null for a client that left: nobody knows what its answer would have been. */
function kindOf(outcome: Outcome, code: (typeof CODES)[number]): Kind | null {
  switch (outcome) {
    case 'client_gone':
      return null
    case 'ok':
    case 'bad_prediction':
      return 'good'
    case 'client_error':
      return 'status_4xx'
    case 'upstream_error':
      if (code === '5xx') return 'status_5xx'
      return code === '4xx' ? 'status_408' : 'error_in_answer'
    default:
      return outcome
  }
}

function slotOf(group: number, kind: Kind): number {
  return group * KINDS.length + KINDS.indexOf(kind)
}
