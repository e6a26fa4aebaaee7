/**
 * From a unit to a variant, with the reason: overrides in their order, then the hash (assignment.md).
 *
 * Only prediction calls are split; all else goes to the champion. A rolled-back variant never gets a request,
 * by hash or by override: the champion answers. A missing unit is never hashed. What was taken at random
 * belongs to cohort `other`, because nothing ties such requests to a user and no experiment may count them.
 * Pure: the same code answers `explain`.
 */
import { type Check, compileCondition } from './condition.ts'
import { type AssignmentReason, COHORTS, strataOf } from './counts.ts'
import type { RequestFacts } from './facts.ts'
import { BUCKETS, bucketOfHash, hashText, saltPrefix } from './hash.ts'
import { ownerOf } from './ranges.ts'
import type { RangeEntry, RouteSnapshot } from './snapshot.ts'
import type { Unit } from './unit.ts'

export type Assignment = {
  readonly variant: number // index into the route's variants
  readonly cohort: number // index into COHORTS
  readonly stratum: number // 0 hash, 1.. splits of overrides, last everything else
  readonly reason: AssignmentReason
  readonly unitHash: number // by the route's salt, whatever decided: it identifies the unit; 0 without one
  readonly salt: string // of the hash that decided
  readonly hash: number | null // that decided, or that would have; null without a unit
  readonly bucket: number // of that hash; 0 without one
  readonly override: string | null // name of the override that applied
}

/** A route ready to be asked; compiled once per snapshot. */
export type AssignmentPlan = {
  readonly route: RouteSnapshot
  readonly prefix: Uint8Array
  readonly owners: readonly RangeEntry[]
  readonly overrides: readonly CompiledOverride[]
  readonly lastStratum: number
}

type CompiledOverride = {
  readonly name: string
  readonly trustedOnly: boolean
  readonly check: Check
  readonly target:
    | { readonly variant: number }
    | {
        readonly stratum: number
        readonly salt: string
        readonly prefix: Uint8Array
        readonly owners: readonly RangeEntry[]
      }
}

export function compileAssignment(route: RouteSnapshot): AssignmentPlan {
  const splits = route.overrides.filter(({ split }) => split !== null).length
  return {
    route,
    prefix: saltPrefix(route.salt),
    owners: covering(route.ranges, route.champion),
    overrides: route.overrides.flatMap(entry => compileOverride(entry, route.champion)),
    lastStratum: strataOf(splits) - 1
  }
}

/** Assigns a prediction call. `unit` is not invalid; null says that the route refuses requests without unit. */
export function assign(
  plan: AssignmentPlan,
  facts: RequestFacts,
  unit: Unit,
  trusted: boolean
): Assignment | null {
  const text = unit.kind === 'unit' || unit.kind === 'minted' ? unit.text : null
  const unitHash = text === null ? 0 : hashText(plan.prefix, text)
  for (const override of plan.overrides) {
    if (override.trustedOnly && !trusted) continue
    if (override.check(facts, text)) return byOverride(plan, override, unit, text, unitHash)
  }
  const { route } = plan
  if (text !== null)
    return byRanges(plan, HASH, 0, unitHash, unitHash, route.salt, plan.owners, null)
  if (unit.kind === 'random') {
    const { hash } = unit
    return byRanges(plan, OTHER, plan.lastStratum, hash, hash, route.salt, plan.owners, null)
  }
  return withoutUnit(plan, null)
}

/** What is no prediction call goes to the champion and is nobody's evidence. */
export function assignOther(plan: AssignmentPlan): Assignment {
  return champion(plan, OTHER, 'fallback', 0, plan.route.salt, null, 0, null)
}

const HASH = COHORTS.indexOf('hash')
const OVERRIDE = COHORTS.indexOf('override')
const OTHER = COHORTS.indexOf('other')
/** Why the owner of a bucket gets a request, by cohort. */
const REASON_OF: readonly AssignmentReason[] = ['hash', 'override', 'missing_unit']

function byOverride(
  plan: AssignmentPlan,
  override: CompiledOverride,
  unit: Unit,
  text: string | null,
  unitHash: number
): Assignment | null {
  const { name, target } = override
  const { route, lastStratum } = plan
  if ('variant' in target) {
    const hash = text === null ? null : unitHash
    const bucket = bucketOfHash(unitHash)
    if (route.variants[target.variant]?.rolledBack !== false)
      return champion(plan, OVERRIDE, 'rolled_back', unitHash, route.salt, hash, bucket, name)
    return {
      variant: target.variant,
      cohort: OVERRIDE,
      stratum: lastStratum,
      reason: 'override',
      unitHash,
      salt: route.salt,
      hash,
      bucket,
      override: name
    }
  }
  const { salt, owners, stratum } = target
  if (text !== null) {
    const hash = hashText(target.prefix, text)
    return byRanges(plan, OVERRIDE, stratum, unitHash, hash, salt, owners, name)
  }
  if (unit.kind === 'random') {
    const { hash } = unit
    return byRanges(plan, OTHER, lastStratum, hash, hash, salt, owners, name)
  }
  return withoutUnit(plan, name)
}

function byRanges(
  plan: AssignmentPlan,
  cohort: number,
  stratum: number,
  unitHash: number,
  hash: number,
  salt: string,
  owners: readonly RangeEntry[],
  override: string | null
): Assignment {
  const bucket = bucketOfHash(hash)
  const variant = ownerOf(owners, bucket) ?? plan.route.champion
  if (plan.route.variants[variant]?.rolledBack !== false) {
    const left = cohort === HASH ? OTHER : cohort
    return champion(plan, left, 'rolled_back', unitHash, salt, hash, bucket, override)
  }
  return {
    variant,
    cohort,
    stratum,
    reason: REASON_OF[cohort] ?? 'hash',
    unitHash,
    salt,
    hash,
    bucket,
    override
  }
}

function withoutUnit(plan: AssignmentPlan, override: string | null): Assignment | null {
  const { route } = plan
  if (route.onMissingUnit === 'reject') return null
  return champion(plan, OTHER, 'missing_unit', 0, route.salt, null, 0, override)
}

function champion(
  plan: AssignmentPlan,
  cohort: number,
  reason: AssignmentReason,
  unitHash: number,
  salt: string,
  hash: number | null,
  bucket: number,
  override: string | null
): Assignment {
  const variant = plan.route.champion
  const stratum = plan.lastStratum
  return { variant, cohort, stratum, reason, unitHash, salt, hash, bucket, override }
}

/** The table with the champion wherever a variant that does not exist any more left a gap. */
function covering(ranges: readonly RangeEntry[], champion: number): readonly RangeEntry[] {
  const covered: RangeEntry[] = []
  let at = 0
  for (const range of ranges) {
    if (at < range.start) covered.push({ start: at, end: range.start, variant: champion })
    covered.push(range)
    at = range.end
  }
  if (at < BUCKETS) covered.push({ start: at, end: BUCKETS, variant: champion })
  return covered
}

function compileOverride(
  entry: RouteSnapshot['overrides'][number],
  champion: number
): readonly CompiledOverride[] {
  const { override, variant, split } = entry
  const common = {
    name: override.name,
    trustedOnly: override.from === 'trusted',
    check: compileCondition(override.when)
  }
  if (variant !== null) return [{ ...common, target: { variant } }]
  if (split === null) return []
  const { stratum, salt, ranges } = split
  const target = { stratum, salt, prefix: saltPrefix(salt), owners: covering(ranges, champion) }
  return [{ ...common, target }]
}
