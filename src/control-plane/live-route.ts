/**
 * A route while it runs: its configuration joined with its document. The merge rules are here and nowhere else:
 * the file gives match, units and variants; the document gives weights, rollbacks and what was added at run time.
 */
import type { RouteConfig, VariantConfig } from '../config/config.ts'
import { challengerOf, type RouteDocument, registeredOf } from '../domain/document.ts'
import type { Model } from '../domain/route.ts'
import { createShareWindow, type ShareWindow } from '../domain/share.ts'
import { createWatch } from '../domain/trigger/route-watch.ts'
import type { TriggerStatus, Watch } from '../domain/watch.ts'

export type LiveRoute = {
  readonly config: RouteConfig
  readonly document: RouteDocument
  readonly splits: number // overrides with a split
  readonly generation: number // of the ranges; rises when anything that assigns a unit changes
  /** Rollbacks that act already and are on their way into the document: `<variant>/<rolloutId>`. */
  readonly latched: readonly string[]
  readonly watch: Watch
  readonly shares: ShareWindow
  /** What the triggers said at the last tick. */
  statuses: readonly TriggerStatus[]
}

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
    watch: createWatch({ settings: config.triggers, splits, replicas }),
    shares: createShareWindow(),
    statuses: []
  }
}

/** The route with another document; the generation rises when units are assigned otherwise than before. */
export function withDocument(route: LiveRoute, document: RouteDocument): LiveRoute {
  const changed = assignmentOf(route.document) !== assignmentOf(document)
  return { ...route, document, generation: route.generation + (changed ? 1 : 0) }
}

/** The route with another configuration. A change of triggers or overrides starts the watch again. */
export function withConfig(route: LiveRoute, config: RouteConfig, replicas: number): LiveRoute {
  const fresh = liveRoute(config, route.document, replicas)
  const same =
    JSON.stringify([config.triggers, config.overrides]) ===
    JSON.stringify([route.config.triggers, route.config.overrides])
  if (same) return { ...route, config }
  return { ...fresh, shares: route.shares, generation: route.generation + 1 }
}

/** The route with a rollback in force before the store has it (state.md: local first, then durable). */
export function withLatch(route: LiveRoute, variant: string): LiveRoute {
  const key = latchKey(route.document, variant)
  if (route.latched.includes(key)) return route
  return { ...route, latched: [...route.latched, key], generation: route.generation + 1 }
}

export function isRolledBack(route: LiveRoute, variant: string): boolean {
  if ((challengerOf(route.document, variant)?.rollback ?? null) !== null) return true
  return route.latched.includes(latchKey(route.document, variant))
}

function latchKey(document: RouteDocument, variant: string): string {
  return `${variant}/${challengerOf(document, variant)?.rolloutId ?? ''}`
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
