/**
 * What the metrics are made of, read together at a scrape: counters, documents, triggers, upstreams, threads.
 */

import { challengerOf } from '../domain/document.ts'
import type { StateSource, StateStore } from '../ports.ts'
import type {
  EventsSource,
  MetricsSource,
  RouteSource,
  ShadowSource,
  VariantSource
} from '../telemetry/metrics-source.ts'
import { type LiveRoute, variantsOf } from './live-route.ts'
import type { Regions } from './regions.ts'
import type { Reload } from './reload.ts'
import type { Roster } from './roster.ts'
import type { Upstreams } from './upstreams.ts'
import { appliedOf, weightsOf } from './view.ts'

export type MetricsParts = {
  readonly version: string
  readonly roster: Roster
  readonly regions: Regions
  readonly store: StateStore
  readonly upstreams: Upstreams
  readonly rollbacks: ReadonlyMap<string, number> // by `route/trigger`
  readonly stateErrors: Readonly<Record<string, number>>
  readonly reload: Reload
  readonly shadows: (route: LiveRoute) => readonly ShadowSource[]
  readonly shadowProcess: () => MetricsSource['shadowProcess']
  readonly events: () => readonly EventsSource[]
}

export function metricsSource(parts: MetricsParts): MetricsSource {
  const routes = parts.roster.all()
  return {
    version: parts.version,
    routes: routes.map(route => routeSource(route, parts)),
    threads: parts.regions.threads,
    shadowProcess: parts.shadowProcess(),
    state: {
      source: worst(routes.map(route => parts.store.source(route.config.name))),
      ageSeconds: Math.max(0, ...routes.map(({ config }) => parts.store.ageMs(config.name))) / 1000,
      errors: { ...parts.stateErrors, ...parts.store.errors() }
    },
    reload: { succeeded: parts.reload.lastSucceeded(), successMs: parts.reload.lastSuccessMs() },
    events: parts.events()
  }
}

function routeSource(route: LiveRoute, parts: MetricsParts): RouteSource {
  const { name } = route.config
  const { phase, champion, epoch, revision } = route.document
  const prefix = `${name}/`
  const rollbacks = [...parts.rollbacks]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, count]) => [key.slice(prefix.length), count])
  return {
    name,
    phase,
    champion,
    epoch,
    revision,
    variants: variantSources(route, parts),
    shadows: parts.shadows(route),
    triggers: route.statuses,
    replicas: appliedOf(route.document, parts.store.replicas(name)),
    stale: route.stale !== null,
    rollbacks: Object.fromEntries(rollbacks)
  }
}

function variantSources(route: LiveRoute, parts: MetricsParts): readonly VariantSource[] {
  const { name } = route.config
  const weights = new Map(Object.entries(weightsOf(route)))
  const actual = new Map(Object.entries(route.shares.percent()))
  const health = parts.upstreams.health().filter(each => each.route === name)
  return variantsOf(route).map(variant => ({
    name: variant.name,
    counters: parts.regions.all(name, variant.name),
    weight: weights.get(variant.name) ?? 0,
    actualWeight: actual.get(variant.name) ?? null,
    paused: (challengerOf(route.document, variant.name)?.paused ?? null) !== null,
    quarantined: route.quarantined.has(variant.name),
    upstreams: health.filter(each => each.variant === variant.name),
    dnsErrors: parts.upstreams.dnsErrors(name, variant.name)
  }))
}

/** The least of the sources: one route that runs from the configuration makes the whole process say so. */
function worst(sources: readonly StateSource[]): StateSource {
  for (const source of ['config', 'disk'] as const) if (sources.includes(source)) return source
  return 'store'
}
