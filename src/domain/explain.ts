/**
 * Why a unit, or a request with given facts, gets its variant: the answer of `explain`.
 *
 * Runs the code that decides requests (unit.ts, assign.ts) on a made-up prediction call of the route, so it
 * cannot say anything else than what would happen. What only a real request has (the client's address, a
 * cookie that we would set, chance) is missing here.
 */
import { assign, compileAssignment } from './assign.ts'
import { COHORTS } from './counts.ts'
import { latin1Of, type RequestFacts } from './facts.ts'
import type { RouteSnapshot } from './snapshot.ts'
import { checkedUnit, compileUnit, sourcesText, type Unit } from './unit.ts'

/** Ordinary text; a unit that is given is not looked for. */
export type QuestionFacts = {
  readonly unit?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly trusted?: boolean
}

export type ExplainedAssignment = {
  readonly kind: 'explained'
  readonly unit: string | null
  readonly salt: string
  readonly hash: number | null
  readonly bucket: number | null
  readonly variant: string
  readonly cohort: string // hash, override:<name>, other
  readonly reason: string
  readonly revision: string
}

/** The request would be refused: a code of errors.ts and what its sentence needs. */
export type ExplainedRefusal = {
  readonly kind: 'reject'
  readonly code: 'SLC_UNIT_INVALID' | 'SLC_UNIT_MISSING'
  readonly args: readonly string[]
}

export function explain(
  route: RouteSnapshot,
  question: QuestionFacts
): ExplainedAssignment | ExplainedRefusal {
  const facts = requestOf(route, question)
  const unit = unitIn(route, question, facts)
  if (unit.kind === 'invalid')
    return { kind: 'reject', code: 'SLC_UNIT_INVALID', args: [unit.where, unit.why] }
  const assigned = assign(compileAssignment(route), facts, unit, question.trusted ?? false)
  if (assigned === null)
    return { kind: 'reject', code: 'SLC_UNIT_MISSING', args: [sourcesText(route.hashOn)] }
  const { salt, hash, bucket, cohort, override, reason } = assigned
  return {
    kind: 'explained',
    unit: unit.kind === 'unit' ? textOf(unit.text) : null,
    salt,
    hash,
    bucket: hash === null ? null : bucket,
    variant: route.variants[assigned.variant]?.name ?? '',
    cohort: COHORTS[cohort] === 'override' ? `override:${override}` : (COHORTS[cohort] ?? 'other'),
    reason,
    revision: route.revision
  }
}

function unitIn(route: RouteSnapshot, question: QuestionFacts, facts: RequestFacts): Unit {
  if (question.unit !== undefined) return checkedUnit('the question', latin1Of(question.unit))
  return compileUnit(route.hashOn)(facts, {
    clientAddress: () => null,
    mint: () => null,
    random: () => null
  })
}

function requestOf(route: RouteSnapshot, question: QuestionFacts): RequestFacts {
  const query = Object.entries(question.query ?? {})
  return {
    method: 'POST',
    path: route.match.paths[0] ?? '/',
    query: query.map(pair => pair.map(encodeBytes).join('=')).join('&'),
    host: route.match.hosts[0] ?? '',
    rawHeaders: Object.entries(question.headers ?? {})
      .flat()
      .map(latin1Of),
    peer: '',
    secure: false
  }
}

/** Every byte percent-encoded, which any text survives (a lone surrogate too, where encodeURIComponent throws). */
function encodeBytes(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map(byte => `%${byte.toString(16).padStart(2, '0')}`)
    .join('')
}

/** Units are bytes; those that are no UTF-8 are shown with replacement characters. */
function textOf(latin1: string): string {
  return new TextDecoder().decode(Uint8Array.from(latin1, c => c.charCodeAt(0)))
}
