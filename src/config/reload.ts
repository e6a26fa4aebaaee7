/**
 * What a new configuration changes in a running process, and whether it may.
 *
 * Exports: `planReload`, `ReloadPlan`. Pure.
 *
 * Refused: what needs a restart (listeners, threads, where state and events go), a variant with weight that
 * vanishes, and another model under a known variant name. Runtime state survives: `initialWeights` of a known
 * route are never applied again.
 */
import type { Config, Listen, RouteConfig } from './config.ts'
import { kafkaRefusals, kafkaRenewals } from './kafka-reload.ts'
import { redisRefusals, redisRenewals } from './redis-reload.ts'

export type ReloadPlan = {
  readonly refusals: readonly string[] // not empty: nothing of the new configuration is applied
  readonly warnings: readonly string[]
  readonly added: readonly string[] // names of routes, in the order of the new file
  readonly changed: readonly string[]
  readonly removed: readonly string[] // to be drained
  readonly settings: readonly string[] // keys outside of routes that change: admin, accessLog, …
}

/** `weighted` names, per route, the variants that own buckets now (the champion too), as the store knows. */
export function planReload(
  running: Config,
  next: Config,
  weighted: Readonly<Record<string, readonly string[]>>
): ReloadPlan {
  const before = new Map(running.routes.map(route => [route.name, route]))
  const after = new Set(next.routes.map(route => route.name))
  const known = next.routes.filter(route => before.has(route.name))
  const pairs = known.flatMap(route => {
    const old = before.get(route.name)
    return old ? [{ old, route }] : []
  })
  return {
    refusals: [
      ...restarts(running, next),
      ...redisRefusals(running.state.redis, next.state.redis),
      ...kafkaRefusals(running.events.kafka, next.events.kafka),
      ...pairs.flatMap(({ old, route }) => {
        const holders = Object.hasOwn(weighted, route.name) ? (weighted[route.name] ?? []) : []
        return [...vanished(old, route, holders), ...otherModels(old, route)]
      })
    ],
    warnings: [
      ...renewals(running, next),
      ...redisRenewals(running.state.redis, next.state.redis),
      ...kafkaRenewals(running.events.kafka, next.events.kafka),
      ...pairs.flatMap(({ old, route }) => [...ignored(old, route), ...otherUnits(old, route)])
    ],
    added: next.routes.filter(route => !before.has(route.name)).map(route => route.name),
    changed: pairs.filter(({ old, route }) => !same(old, route)).map(({ route }) => route.name),
    removed: running.routes.filter(route => !after.has(route.name)).map(route => route.name),
    settings: LIVE.filter(key => !same(running[key], next[key]))
  }
}

/** Settings outside of routes that may change while the process runs. */
const LIVE = [
  'admin',
  'telemetry',
  'events',
  'accessLog',
  'trustedProxies',
  'drain',
  'state'
] as const

function restarts(running: Config, next: Config): string[] {
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ['listen', placeOf(running.listen), placeOf(next.listen)],
    ['threads', running.threads, next.threads],
    ['admin.listen', placeOf(running.admin.listen), placeOf(next.admin.listen)],
    ['telemetry.listen', placeOf(running.telemetry?.listen), placeOf(next.telemetry?.listen)],
    ['state.driver', running.state.driver, next.state.driver],
    ['state.directory', running.state.directory, next.state.directory],
    ['events.driver', running.events.driver, next.events.driver],
    ['events.directory', running.events.directory, next.events.directory],
    ['events.unitKey', running.events.unitKey, next.events.unitKey]
  ]
  return fixed
    .filter(([, old, wanted]) => !same(old, wanted))
    .map(
      ([key]) =>
        `${key} cannot change while the process runs; restart it, or put the old value back`
    )
}

/** Renewed certificates must not block a reload; the listeners take them at the next start. */
function renewals(running: Config, next: Config): string[] {
  const listeners: readonly (readonly [string, Listen | undefined, Listen | undefined])[] = [
    ['listen', running.listen, next.listen],
    ['admin.listen', running.admin.listen, next.admin.listen],
    ['telemetry.listen', running.telemetry?.listen, next.telemetry?.listen]
  ]
  return listeners
    .filter(([, old, wanted]) => old?.tls && wanted?.tls && !same(old.tls, wanted.tls))
    .map(
      ([key]) => `${key}.tls: the certificate has changed; the old one is served until a restart`
    )
}

function placeOf(listen: Listen | undefined): unknown {
  return listen && { host: listen.host, port: listen.port, tls: listen.tls !== null }
}

/** Variants of the running file that have weight and are gone in the new one. Those of the API stay anyway. */
function vanished(old: RouteConfig, route: RouteConfig, weighted: readonly string[]): string[] {
  const stay = new Set(route.variants.map(variant => variant.name))
  return old.variants
    .filter(variant => !stay.has(variant.name) && weighted.includes(variant.name))
    .map(
      ({ name }) =>
        `routes.${route.name}.variants: ${name} has weight and cannot vanish; set its weight to 0 first, or put it back`
    )
}

function otherModels(old: RouteConfig, route: RouteConfig): string[] {
  const models = new Map(old.variants.map(variant => [variant.name, variant.model]))
  return route.variants
    .filter(({ name, model }) => models.has(name) && !same(models.get(name), model))
    .map(
      ({ name }) =>
        `routes.${route.name}.variants.${name}.model: the model cannot change under the same name; add another variant for another model`
    )
}

function ignored(old: RouteConfig, route: RouteConfig): string[] {
  const found: string[] = []
  const at = `routes.${route.name}`
  if (!same(old.initialWeights, route.initialWeights)) {
    found.push(
      `${at}.initialWeights: the edit is ignored, because the route has state; use sluice weights ${route.name}`
    )
  }
  if (old.champion !== route.champion) {
    found.push(`${at}.champion: the edit is ignored, because the route has state`)
  }
  if (old.salt !== route.salt) {
    found.push(`${at}.salt: the edit is ignored, because the route has state`)
  }
  return found
}

/** Applied at once, and felt by users: another unit has another bucket. */
function otherUnits(old: RouteConfig, route: RouteConfig): string[] {
  if (same(old.hashOn, route.hashOn) || route.variants.length < 2) return []
  return [
    `routes.${route.name}.hashOn: a request may have another unit now, and so its user another variant than before`
  ]
}

/** Equal as data; the order of keys does not matter, that of lists does. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, item: unknown) =>
      typeof item === 'object' && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
        : item
    ) ?? ''
  )
}
