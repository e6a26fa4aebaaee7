/**
 * From live routes to the routing snapshot that data threads work with. Pure but for the allocation of
 * counters; nothing here waits. A variant that the document names and nothing defines any more owns nothing:
 * its buckets are the champion's.
 *
 * A route that did not change is the same object in the next snapshot, so that a change of one route does not
 * send the others again.
 */
import { isDeepStrictEqual } from 'node:util'
import { rangeTable, revisionOf } from '../domain/document.ts'
import { BUCKETS } from '../domain/hash.ts'
import type { Override } from '../domain/route.ts'
import type {
  AccessLogSettings,
  AddressSnapshot,
  OverrideSnapshot,
  RangeEntry,
  RouteSnapshot,
  Snapshot,
  VariantSnapshot
} from '../domain/snapshot.ts'
import { isOut, type LiveRoute, type LiveVariant, variantsOf } from './live-route.ts'
import type { Regions } from './regions.ts'
import type { ShadowCounts } from './shadow-counts.ts'
import { tapsOf } from './shadows.ts'

export type RoutingInput = {
  readonly sequence: number
  readonly routes: readonly LiveRoute[]
  readonly trustedProxies: readonly string[]
  readonly pseudonym: string
  readonly accessLog: AccessLogSettings | null
  readonly regions: Regions
  readonly shadowCounts: Pick<ShadowCounts, 'slotOf'>
  readonly addresses: (route: string, variant: string) => readonly AddressSnapshot[]
}

/** Gives one immutable value for all data threads at each call. */
export function createRouting(): (input: RoutingInput) => Snapshot {
  let built: ReadonlyMap<string, Built> = new Map()
  return input => {
    const { sequence, trustedProxies, pseudonym, accessLog } = input
    const routes = input.routes.map(route => build(built.get(route.config.name), route, input))
    built = new Map(routes.map(each => [each.snapshot.name, each]))
    const snapshots = routes.map(({ snapshot }) => snapshot)
    return { sequence, trustedProxies, pseudonym, accessLog, routes: snapshots }
  }
}

/** A route's snapshot with what it was made from. */
type Built = {
  readonly route: LiveRoute
  readonly addresses: readonly (readonly AddressSnapshot[])[] // of each variant
  readonly snapshot: RouteSnapshot
}

/** A live route and its lists of addresses are replaced when they change, and at times when they do not. */
function build(before: Built | undefined, route: LiveRoute, input: RoutingInput): Built {
  const variants = before?.route === route ? before.snapshot.variants : variantsOf(route)
  const addresses = variants.map(({ name }) => input.addresses(route.config.name, name))
  if (before?.route === route && addresses.every((list, i) => list === before.addresses[i])) {
    return before
  }
  const snapshot = routeSnapshot(route, input)
  const same = isDeepStrictEqual(snapshot, before?.snapshot)
  return { route, addresses, snapshot: same && before ? before.snapshot : snapshot }
}

/** Who owns which buckets, by variant index; the champion owns what nobody else has. */
function rangesOf(route: LiveRoute, variants: readonly LiveVariant[]): RangeEntry[] {
  const champion = championIndex(route, variants)
  return rangeTable(route.document).map(({ start, end, variant }) => {
    const index = variants.findIndex(({ name }) => name === variant)
    return { start, end, variant: index < 0 ? champion : index }
  })
}

function championIndex(route: LiveRoute, variants: readonly LiveVariant[]): number {
  const index = variants.findIndex(({ name }) => name === route.document.champion)
  if (index >= 0) return index
  return Math.max(
    0,
    variants.findIndex(({ name }) => name === route.config.champion)
  )
}

function routeSnapshot(route: LiveRoute, input: RoutingInput): RouteSnapshot {
  const { config, document } = route
  const variants = variantsOf(route)
  const latency = config.triggers.latency
  return {
    name: config.name,
    match: config.match,
    protocol: config.protocol,
    hashOn: config.hashOn,
    onMissingUnit: config.onMissingUnit,
    revision: revisionOf(document),
    salt: document.salt,
    generation: route.generation,
    champion: championIndex(route, variants),
    ranges: rangesOf(route, variants),
    overrides: overridesOf(config.overrides, document.salt, variants),
    onUnavailable: config.onUnavailable,
    badKinds: config.triggers.badPredictions?.kinds ?? [],
    latency: latency ? { slaMs: latency.sla, of: latency.of } : null,
    timeouts: config.timeouts,
    stream: config.stream,
    limits: config.limits,
    headers: config.headers,
    predictions: config.predictions,
    shadows: tapsOf(route, input.shadowCounts),
    variants: variants.map(variant => variantSnapshot(route, variant, input))
  }
}

function variantSnapshot(
  route: LiveRoute,
  variant: LiveVariant,
  input: RoutingInput
): VariantSnapshot {
  const { settings } = variant
  return {
    name: variant.name,
    counters: input.regions.indexOf(route.config.name, variant.name, route.splits),
    rolledBack: isOut(route, variant.name),
    balance: settings?.balance ?? 'least-in-flight',
    keepAliveMs: settings?.keepAliveMs ?? 1_500,
    tls: settings?.tls ?? null,
    rewrite: settings?.rewrite ?? null,
    addresses: input.addresses(route.config.name, variant.name)
  }
}

function overridesOf(
  overrides: readonly Override[],
  salt: string,
  variants: readonly LiveVariant[]
): OverrideSnapshot[] {
  let stratum = 0
  return overrides.map(override => {
    if ('variant' in override) {
      const index = variants.findIndex(({ name }) => name === override.variant)
      return { override, variant: index < 0 ? null : index, split: null }
    }
    stratum++
    const ranges = splitRanges(override.split, variants)
    return { override, variant: null, split: { stratum, salt: `${salt}.${override.name}`, ranges } }
  })
}

/** Cumulative ranges in the order of the configuration; percent with two decimals are whole buckets. */
function splitRanges(
  split: Readonly<Record<string, number>>,
  variants: readonly LiveVariant[]
): RangeEntry[] {
  let start = 0
  const ranges: RangeEntry[] = []
  for (const [name, percent] of Object.entries(split)) {
    const end = Math.min(BUCKETS, start + Math.round(percent * 100))
    const variant = variants.findIndex(candidate => candidate.name === name)
    if (variant >= 0 && end > start) ranges.push({ start, end, variant })
    start = end
  }
  return ranges
}
