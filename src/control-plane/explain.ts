/**
 * Why a unit, or a request like this one, gets which variant. Asks the same code as the data path
 * (domain/assign.ts) with the snapshot that is in force; it changes nothing and counts nothing.
 */
import { type Assignment, assign, compileAssignment } from '../domain/assign.ts'
import { COHORTS } from '../domain/counts.ts'
import { latin1Of, type RequestFacts } from '../domain/facts.ts'
import type { RouteSnapshot, Snapshot } from '../domain/snapshot.ts'
import { checkedUnit, compileUnit, sourcesText, type Unit } from '../domain/unit.ts'
import { fail } from '../errors.ts'
import type { ExplainFacts, Explanation } from '../ports.ts'

const NO_LAST_RESORTS = { clientAddress: () => null, mint: () => null, random: () => null }

/** Throws SLC_UNIT_INVALID for a unit that a request would be refused for, SLC_UNIT_MISSING likewise. */
export function explainRequest(snapshot: Snapshot, name: string, asked: ExplainFacts): Explanation {
  const route = snapshot.routes.find(candidate => candidate.name === name)
  if (!route) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${name}`])
  const facts = factsOf(asked)
  const unit = unitOf(route, asked, facts)
  if (unit.kind === 'invalid') throw fail('SLC_UNIT_INVALID', [unit.where, unit.why])
  const assigned = assign(compileAssignment(route), facts, unit, asked.trusted ?? false)
  if (assigned === null) throw fail('SLC_UNIT_MISSING', [sourcesText(route.hashOn)])
  return {
    unit: unit.kind === 'unit' ? Buffer.from(unit.text, 'latin1').toString('utf8') : null,
    salt: assigned.salt,
    hash: assigned.hash,
    bucket: assigned.hash === null ? null : assigned.bucket,
    variant: route.variants[assigned.variant]?.name ?? '',
    cohort: cohortOf(assigned),
    reason: assigned.reason,
    revision: route.revision
  }
}

function unitOf(route: RouteSnapshot, asked: ExplainFacts, facts: RequestFacts): Unit {
  if (asked.unit !== undefined) return checkedUnit('unit', latin1Of(asked.unit))
  return compileUnit(route.hashOn)(facts, NO_LAST_RESORTS)
}

function cohortOf({ cohort, override }: Assignment): string {
  const name = COHORTS[cohort] ?? 'other'
  return name === 'override' && override !== null ? `override:${override}` : name
}

/** Facts as the data plane would have them: text as the latin1 of its UTF-8 bytes. */
function factsOf(asked: ExplainFacts): RequestFacts {
  const rawHeaders = Object.entries(asked.headers ?? {}).flatMap(([name, value]) => [
    latin1Of(name),
    latin1Of(value)
  ])
  const query = Object.entries(asked.query ?? {})
    .map(([name, value]) => `${percentEncoded(name)}=${percentEncoded(value)}`)
    .join('&')
  return { method: 'POST', path: '/', query, host: '', rawHeaders, peer: '', secure: false }
}

/** Every byte of the UTF-8 as %hh; unlike encodeURIComponent it never throws, whatever the text. */
function percentEncoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex').replace(/../g, '%$&')
}
