/**
 * One route of a checked file as the control plane wants it.
 *
 * Exports: `resolveRoute`.
 */
import type { Condition, Override, UnitSource, ValueTest } from '../domain/route.ts'
import type { ShadowSettings } from '../domain/shadow.ts'
import type { Rewrite, TlsSettings } from '../domain/snapshot.ts'
import { parseOrigin } from './address.ts'
import type { HealthConfig, RouteConfig, UpstreamConfig, VariantConfig } from './config.ts'
import type { Path } from './diagnostics.ts'
import { parseDuration, parseSize } from './quantities.ts'
import { resolveTriggers } from './resolve-triggers.ts'
import type { ConfigFile } from './schema.ts'
import type { Secrets } from './secrets.ts'

type RouteFile = ConfigFile['routes'][string]
type VariantFile = RouteFile['variants'][string]
type SourceFile = RouteFile['hashOn'][number]
type ShadowFile = RouteFile['shadows'][number]
type OverrideFile = RouteFile['overrides'][number]
type ConditionFile = OverrideFile['when']
type TestFile = Extract<RouteFile['match']['headers'][string], object>

const FIRST_BYTE_MS = 60_000
const FIRST_BYTE_OPENAI_MS = 600_000

export function resolveRoute(name: string, route: RouteFile, secrets: Secrets): RouteConfig {
  const variants = Object.keys(route.variants)
  const champion = route.champion ?? variants[0] ?? ''
  const weights = route.initialWeights ?? { [champion]: 100 }
  const firstByte = route.protocol === 'openai' ? FIRST_BYTE_OPENAI_MS : FIRST_BYTE_MS
  return {
    name,
    match: {
      hosts: [...new Set(route.match.hosts.map(host => host.toLowerCase()))],
      paths: [...new Set(route.match.paths)],
      headers: tests(route.match.headers, 'fold'),
      query: tests(route.match.query, 'keep')
    },
    protocol: route.protocol,
    hashOn: route.hashOn.map(sourceOf),
    onMissingUnit: route.onMissingUnit,
    variants: Object.entries(route.variants).map(([variant, settings]) =>
      variantOf(variant, settings, ['routes', name, 'variants', variant], secrets)
    ),
    champion,
    initialWeights: Object.fromEntries(
      variants.map(variant => [
        variant,
        Object.hasOwn(weights, variant) ? (weights[variant] ?? 0) : 0
      ])
    ),
    overrides: route.overrides.map(overrideOf),
    salt: route.salt ?? `${name}.0`,
    predictions: [...new Set(route.predictions)],
    shadows: route.shadows.map(shadowOf),
    onUnavailable: route.onUnavailable,
    triggers: resolveTriggers(route.triggers, route.protocol),
    lane: route.lane === 'general' ? 'general' : 'auto',
    timeouts: {
      connect: ms(route.timeouts.connect),
      firstByte: route.timeouts.firstByte === undefined ? firstByte : ms(route.timeouts.firstByte),
      idle: ms(route.timeouts.idle),
      streamIdle: ms(route.timeouts.streamIdle)
    },
    stream: { graceMs: ms(route.stream.grace), cut: route.stream.cut },
    limits: { body: parseSize(route.limits.body) ?? 0, inFlight: route.limits.inFlight },
    headers: route.headers
  }
}

function variantOf(
  name: string,
  variant: VariantFile,
  path: Path,
  secrets: Secrets
): VariantConfig {
  return {
    name,
    upstreams: variant.upstreams.map(upstreamOf),
    model: variant.model,
    health: variant.health ? healthOf(variant.health) : null,
    balance: variant.balance,
    keepAliveMs: ms(variant.keepAlive),
    tls: variant.tls ? tlsOf(variant.tls, [...path, 'tls'], secrets) : null,
    rewrite: variant.rewrite ? rewriteOf(variant.rewrite) : null
  }
}

function upstreamOf(upstream: VariantFile['upstreams'][number]): UpstreamConfig {
  const settings =
    typeof upstream === 'string'
      ? { url: upstream, resolve: 'all' as const, refresh: '5s' }
      : upstream
  const origin = parseOrigin(settings.url)
  if (typeof origin === 'string') throw new TypeError(`an unchecked upstream: ${origin}`)
  return { ...origin, resolve: settings.resolve, refresh: ms(settings.refresh) }
}

function healthOf(health: NonNullable<VariantFile['health']>): HealthConfig {
  return { ...health, interval: ms(health.interval) }
}

function tlsOf(tls: NonNullable<VariantFile['tls']>, path: Path, secrets: Secrets): TlsSettings {
  return {
    ca: secrets.get([...path, 'ca']) ?? null,
    cert: secrets.get([...path, 'cert']) ?? null,
    key: secrets.get([...path, 'key']) ?? null,
    verify: tls.verify,
    serverName: tls.serverName
  }
}

/** Null when it would change nothing. `set` wins over `remove`. */
function rewriteOf(rewrite: NonNullable<VariantFile['rewrite']>): Rewrite | null {
  const set = Object.fromEntries(
    Object.entries(rewrite.headers.set).map(([name, value]) => [name.toLowerCase(), value])
  )
  const remove = rewrite.headers.remove
    .map(name => name.toLowerCase())
    .filter(name => !Object.hasOwn(set, name))
  const nothing =
    rewrite.path === null &&
    rewrite.host === null &&
    remove.length === 0 &&
    Object.keys(set).length === 0
  return nothing ? null : { path: rewrite.path, host: rewrite.host, headers: { set, remove } }
}

function sourceOf(source: SourceFile): UnitSource {
  if (typeof source === 'string') return { clientIp: true }
  if (source.header !== undefined) return { header: source.header.toLowerCase() }
  if (source.cookie !== undefined) return { cookie: source.cookie }
  if (source.query !== undefined) return { query: source.query }
  if (source.jwt !== undefined) return { jwt: source.jwt }
  if (source.setCookie !== undefined) {
    const { name, maxAge } = source.setCookie
    return { setCookie: { name, maxAge: Math.round(ms(maxAge) / 1000) } }
  }
  if (source.json !== undefined) return { json: source.json }
  if (source.tensor !== undefined) return { tensor: source.tensor }
  if (source.dataframe !== undefined) return { dataframe: source.dataframe }
  if (source.field !== undefined) return { field: source.field }
  return source.clientIp ? { clientIp: true } : { request: 'random' }
}

/** Names of fields in lower case; what is listed twice counts once. */
function shadowOf(shadow: ShadowFile): ShadowSettings {
  return {
    ...shadow,
    timeout: ms(shadow.timeout),
    maxBody: parseSize(shadow.maxBody) ?? 0,
    methods: [...new Set(shadow.methods)],
    keepHeaders: [...new Set(shadow.keepHeaders.map(name => name.toLowerCase()))],
    ignore: [...new Set(shadow.ignore)],
    redact: [...new Set(shadow.redact)]
  }
}

function overrideOf(override: OverrideFile): Override {
  const { name, from } = override
  const when = conditionOf(override.when)
  if (override.variant !== undefined) return { name, when, from, variant: override.variant }
  return { name, when, from, split: override.split ?? {} }
}

function conditionOf(condition: ConditionFile): Condition {
  if (condition.header) {
    return { header: { name: condition.header.name.toLowerCase(), ...testOf(condition.header) } }
  }
  if (condition.query) return { query: { name: condition.query.name, ...testOf(condition.query) } }
  if (condition.cookie) {
    return { cookie: { name: condition.cookie.name, ...testOf(condition.cookie) } }
  }
  if (condition.unit) return { unit: testOf(condition.unit) }
  if (condition.all) return { all: condition.all.map(conditionOf) }
  if (condition.any) return { any: condition.any.map(conditionOf) }
  return { not: condition.not ? conditionOf(condition.not) : { any: [] } }
}

function tests(
  given: RouteFile['match']['headers'],
  names: 'fold' | 'keep'
): Readonly<Record<string, ValueTest>> {
  return Object.fromEntries(
    Object.entries(given).map(([name, test]) => [
      names === 'fold' ? name.toLowerCase() : name,
      typeof test === 'string' ? { exact: test } : testOf(test)
    ])
  )
}

function testOf(test: TestFile): ValueTest {
  if (test.exact !== undefined) return { exact: test.exact }
  if (test.prefix !== undefined) return { prefix: test.prefix }
  if (test.in !== undefined) return { in: test.in }
  return { present: test.present ?? true }
}

function ms(duration: string): number {
  return parseDuration(duration) ?? 0
}
