/**
 * A route while it runs: its configuration joined with its document. The merge rules are here and nowhere else:
 * the file gives match, units and variants; the document gives weights, rollbacks and what was added at run time.
 */
import type { RouteConfig, VariantConfig } from '../config/config.ts'
import { challengerOf, type RouteDocument, registeredOf } from '../domain/document.ts'
import { RecentCalls } from '../domain/recent-calls.ts'
import type { Model } from '../domain/route.ts'
import { createShareWindow, type ShareWindow } from '../domain/share.ts'
import { createWatch } from '../domain/trigger/route-watch.ts'
import type { TriggerStatus, Watch } from '../domain/watch.ts'
import type { Quarantine } from '../ports.ts'

export type LiveRoute = {
  readonly config: RouteConfig
  readonly document: RouteDocument
  readonly splits: number // overrides with a split
  readonly generation: number // of the ranges; rises when anything that assigns a unit changes
  /** Rollbacks that act already and are on their way into the document: `<variant>/<rolloutId>`. */
  readonly latched: readonly string[]
  /** Challengers that are out on this replica alone. */
  readonly quarantined: ReadonlyMap<string, Held>
  /** What is done because the store has not confirmed the document for long; null while it does. */
  readonly stale: StalePolicy | null
  readonly watch: Watch
  readonly shares: ShareWindow
  readonly calls: RecentCalls
  /** What the triggers said at the last tick. */
  statuses: readonly TriggerStatus[]
}

/** A quarantine of this replica, with the evidence of its alarm. */
export type Held = Quarantine & { readonly evidence: Readonly<Record<string, unknown>> }

/** `champion`: every challenger is out of this replica's traffic; `hold`: nothing changes. */
export type StalePolicy = 'hold' | 'champion'

/** A variant of the file or of the document's registry. `source` says who may use loopback (admin-api.md). */
export type LiveVariant = {
  readonly name: string
  readonly model: Model
  readonly urls: readonly string[]
  readonly source: 'file' | 'api'
  readonly settings: VariantConfig | null // null for a variant that only the document has
}

export function liveRoute(
  config: RouteConfig,
  document: RouteDocument,
  replicas: number
): LiveRoute {
  const splits = config.overrides.filter(override => 'split' in override).length
  return {
    config,
    document,
    splits,
    generation: 1,
    latched: [],
    quarantined: new Map(),
    stale: null,
    watch: createWatch({ settings: config.triggers, splits, replicas }),
    shares: createShareWindow(),
    calls: new RecentCalls(),
    statuses: []
  }
}

/** The route with another document; the generation rises when units are assigned otherwise than before. */
export function withDocument(route: LiveRoute, document: RouteDocument): LiveRoute {
  const next = withoutSettled({ ...route, document })
  const changed =
    assignmentOf(route.document) !== assignmentOf(document) ||
    next.quarantined.size < route.quarantined.size
  return { ...next, generation: route.generation + (changed ? 1 : 0) }
}

/** The route with another configuration. A change of triggers or overrides starts the watch again. */
export function withConfig(route: LiveRoute, config: RouteConfig, replicas: number): LiveRoute {
  const fresh = liveRoute(config, route.document, replicas)
  const same =
    JSON.stringify([config.triggers, config.overrides]) ===
    JSON.stringify([route.config.triggers, route.config.overrides])
  if (same) return { ...route, config }
  const { splits, watch, statuses } = fresh
  return { ...route, config, splits, watch, statuses, generation: route.generation + 1 }
}

/** The route with a rollback in force before the store has it (state.md: local first, then durable). */
export function withLatch(route: LiveRoute, variant: string): LiveRoute {
  const key = latchKey(route.document, variant)
  if (route.latched.includes(key)) return route
  const latched = [...route.latched, key]
  return { ...withoutSettled({ ...route, latched }), generation: route.generation + 1 }
}

/** The route with a challenger out on this replica alone. */
export function withQuarantine(route: LiveRoute, variant: string, held: Held): LiveRoute {
  const quarantined = new Map(route.quarantined).set(variant, held)
  return { ...route, quarantined, generation: route.generation + 1 }
}

/** The route with that challenger back in traffic. */
export function withoutQuarantine(route: LiveRoute, variant: string): LiveRoute {
  if (!route.quarantined.has(variant)) return route
  const quarantined = new Map(route.quarantined)
  quarantined.delete(variant)
  return { ...route, quarantined, generation: route.generation + 1 }
}

/** The route as it is to be while the store is away for long (or, null, confirms again). */
export function withStale(route: LiveRoute, stale: StalePolicy | null): LiveRoute {
  const moves = (route.stale === 'champion') !== (stale === 'champion')
  return { ...route, stale, generation: route.generation + (moves ? 1 : 0) }
}

/** Whether this replica sends nothing to a challenger that the document may give traffic to. */
export function isOut(route: LiveRoute, variant: string): boolean {
  if (isRolledBack(route, variant) || route.quarantined.has(variant)) return true
  return route.stale === 'champion' && variant !== route.document.champion
}

export function isRolledBack(route: LiveRoute, variant: string): boolean {
  if ((challengerOf(route.document, variant)?.rollback ?? null) !== null) return true
  return route.latched.includes(latchKey(route.document, variant))
}

/** The run of a challenger that the document has; '' where it has none. */
export function runOf(document: RouteDocument, variant: string): string {
  return challengerOf(document, variant)?.rolloutId ?? ''
}

/** A challenger has traffic by its weight or by an override that leads to it. */
export function hasTraffic(route: LiveRoute, variant: string): boolean {
  if ((challengerOf(route.document, variant)?.ranges.length ?? 0) > 0) return true
  return route.config.overrides.some(override =>
    'variant' in override ? override.variant === variant : (override.split[variant] ?? 0) > 0
  )
}

/** The route without quarantines of a challenger that is rolled back, of another run, or champion. */
function withoutSettled(route: LiveRoute): LiveRoute {
  const { document } = route
  const left = [...route.quarantined].filter(
    ([variant, { rolloutId }]) =>
      !isRolledBack(route, variant) &&
      variant !== document.champion &&
      runOf(document, variant) === rolloutId
  )
  return left.length === route.quarantined.size ? route : { ...route, quarantined: new Map(left) }
}

function latchKey(document: RouteDocument, variant: string): string {
  return `${variant}/${runOf(document, variant)}`
}

/** All variants: those of the file, with upstreams of the registry where it has an entry, then the others. */
export function variantsOf(route: LiveRoute): readonly LiveVariant[] {
  const { registry } = route.document
  const fromFile = route.config.variants.map((settings): LiveVariant => {
    const entry = registeredOf(route.document, settings.name)
    return {
      name: settings.name,
      model: settings.model,
      urls: entry ? entry.upstreams : settings.upstreams.map(upstream => upstream.url),
      source: entry ? 'api' : 'file',
      settings
    }
  })
  const named = new Set(fromFile.map(variant => variant.name))
  const added = Object.entries(registry)
    .filter(([name]) => !named.has(name))
    .map(
      ([name, entry]): LiveVariant => ({
        name,
        model: entry.model ?? {},
        urls: entry.upstreams,
        source: 'api',
        settings: null
      })
    )
  return [...fromFile, ...added]
}

/** Everything of a document that decides who gets which variant, as a key to compare. */
function assignmentOf(document: RouteDocument): string {
  const challengers = Object.entries(document.challengers)
    .map(([name, c]) => [name, c.ranges, c.rollback !== null])
    .sort()
  return JSON.stringify([document.salt, document.champion, challengers])
}
