/**
 * What a request means: its route, its unit, the variant that answers and why. Every lane asks here.
 *
 * Takes plain values and knows no lane. The routing snapshot is compiled once into a table; a request reads one
 * table and keeps it to its end. Nothing here waits, logs or counts, and no regular expression sees a byte of
 * a client.
 */
import { randomBytes } from 'node:crypto'
import {
  type Assignment,
  type AssignmentPlan,
  assign,
  assignOther,
  compileAssignment
} from '../domain/assign.ts'
import type { AssignmentReason } from '../domain/counts.ts'
import type { RequestFacts } from '../domain/facts.ts'
import { findRoute, indexRoutes, type RouteIndex, servesHost } from '../domain/match.ts'
import type { BodyUnitSource } from '../domain/payload/unit-scan.ts'
import { isPredictionCall } from '../domain/prediction-call.ts'
import type { RouteSnapshot, Snapshot } from '../domain/snapshot.ts'
import {
  type BodyNeed,
  type BodyUnit,
  compileBodyNeed,
  compileUnit,
  sourcesText,
  type Unit,
  type UnitReader,
  type UnitSurroundings,
  unitFields
} from '../domain/unit.ts'
import type { ErrorCode } from '../errors.ts'
import { clientAddressOf, clientSecure, type Trusts, trustsOf } from './trusted.ts'

export type Table = {
  readonly snapshot: Snapshot
  readonly index: RouteIndex
  readonly routes: readonly CompiledRoute[]
  readonly trusts: Trusts
  /** Fields that carry a unit on some route, in lower case; names that fold to one of them are refused. */
  readonly unitFields: ReadonlySet<string>
  readonly surroundings: UnitSurroundings
  readonly withoutMinting: UnitSurroundings
}

type CompiledRoute = {
  readonly plan: AssignmentPlan
  readonly unit: UnitReader
  readonly bodyNeed: BodyNeed | null // null: the head is always enough
  readonly unitFields: readonly string[]
}

export type Rejection = {
  readonly kind: 'reject'
  readonly code: ErrorCode
  readonly args: readonly (string | number)[]
}

/** The unit may stand in the body: read it for these sources and ask again, with what came of them. */
export type NeedsBody = {
  readonly kind: 'body'
  readonly route: RouteSnapshot
  readonly sources: readonly BodyUnitSource[]
}

export type Decision = {
  readonly kind: 'forward'
  readonly route: RouteSnapshot
  readonly variant: number // index into route.variants
  readonly cohort: number // index into COHORTS
  readonly stratum: number // row of evidence
  readonly reason: AssignmentReason
  readonly unit: string | null // latin1, one character a byte
  readonly unitHash: number // unsigned 32 bits, 0 without a unit
  readonly bucket: number // 0..9999
  readonly prediction: boolean // a prediction call of the route's protocol
  readonly setCookie: string | null // value of a Set-Cookie field for the answer
  readonly override: string | null
  readonly trusted: boolean // the peer is a trusted proxy
}

/** Where ids of cookies and random assignments come from. */
export type Chance = { readonly id: () => string; readonly random: () => number }

const CHANCE: Chance = {
  id: () => randomBytes(16).toString('hex'),
  random: () => Math.floor(Math.random() * 2 ** 32)
}

const NO_ROUTE: Rejection = { kind: 'reject', code: 'SLC_NO_ROUTE', args: [] }

/** Compiles a snapshot; what is the same as in `before` is taken from there. */
export function buildTable(
  snapshot: Snapshot,
  before: Table | null = null,
  chance: Chance = CHANCE
): Table {
  const known = new Map(before?.routes.map(route => [route.plan.route, route]))
  const routes = snapshot.routes.map(route => known.get(route) ?? compileRoute(route))
  const trusts = trustsOf(snapshot.trustedProxies)
  const clientAddress = (facts: RequestFacts) => clientAddressOf(facts, trusts)
  return {
    snapshot,
    index:
      before !== null && sameMatches(before.snapshot, snapshot)
        ? before.index
        : indexRoutes(snapshot.routes.map(route => route.match)),
    routes,
    trusts,
    unitFields: new Set(routes.flatMap(route => route.unitFields)),
    surroundings: { clientAddress, mint: chance.id, random: chance.random },
    withoutMinting: { clientAddress, mint: () => null, random: () => null }
  }
}

function compileRoute(route: RouteSnapshot): CompiledRoute {
  return {
    plan: compileAssignment(route),
    unit: compileUnit(route.hashOn),
    bodyNeed: compileBodyNeed(route.hashOn),
    unitFields: unitFields(route.hashOn)
  }
}

/** Whether the same routes match the same requests, by their order. */
function sameMatches(before: Snapshot, after: Snapshot): boolean {
  if (before.routes.length !== after.routes.length) return false
  return after.routes.every((route, i) => {
    const other = before.routes[i]
    return other === route || JSON.stringify(other?.match) === JSON.stringify(route.match)
  })
}

/**
 * Decides a request. Refusals are of the request itself: no route, or a unit that is unusable or missing. Without
 * `body` the answer may be that the body has to be read first; with it, it never is.
 */
export function decide(table: Table, facts: RequestFacts): Decision | Rejection | NeedsBody
export function decide(table: Table, facts: RequestFacts, body: BodyUnit): Decision | Rejection
export function decide(
  table: Table,
  facts: RequestFacts,
  body?: BodyUnit
): Decision | Rejection | NeedsBody {
  const found = table.routes[findRoute(table.index, facts)]
  if (found === undefined) return NO_ROUTE
  const { route } = found.plan
  const prediction = isPredictionCall(route.protocol, facts.method, facts.path)
  const surroundings = prediction ? table.surroundings : table.withoutMinting
  if (prediction && body === undefined && found.bodyNeed !== null) {
    const sources = found.bodyNeed(facts, surroundings)
    if (sources.length > 0) return { kind: 'body', route, sources }
  }
  const unit = found.unit(facts, surroundings, body)
  if (unit.kind === 'invalid')
    return { kind: 'reject', code: 'SLC_UNIT_INVALID', args: [unit.where, unit.why] }
  const trusted = table.trusts(facts.peer)
  const assigned = prediction ? assign(found.plan, facts, unit, trusted) : assignOther(found.plan)
  if (assigned === null)
    return { kind: 'reject', code: 'SLC_UNIT_MISSING', args: [sourcesText(route.hashOn)] }
  const text = unit.kind === 'unit' || unit.kind === 'minted' ? unit.text : null
  return decision(route, assigned, prediction, text, cookieFor(unit, facts, trusted), trusted)
}

/** Whether some route serves this host; an absolute-form target to any other is misdirected (421). */
export function tableServesHost(table: Table, host: string): boolean {
  return servesHost(table.index, host)
}

function decision(
  route: RouteSnapshot,
  assigned: Assignment,
  prediction: boolean,
  unit: string | null,
  setCookie: string | null,
  trusted: boolean
): Decision {
  const { variant, cohort, stratum, reason, unitHash, bucket, override } = assigned
  return {
    kind: 'forward',
    route,
    variant,
    cohort,
    stratum,
    reason,
    unit,
    unitHash,
    bucket,
    prediction,
    setCookie,
    override,
    trusted
  }
}

function cookieFor(unit: Unit, facts: RequestFacts, trusted: boolean): string | null {
  if (unit.kind !== 'minted') return null
  const secure = clientSecure(facts, trusted) ? '; Secure' : ''
  return `${unit.name}=${unit.text}; Max-Age=${unit.maxAge}; Path=/; HttpOnly; SameSite=Lax${secure}`
}
