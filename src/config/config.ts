/**
 * The resolved configuration: what the rest of the program works with.
 *
 * Exports: `Config`, `RouteConfig`, `VariantConfig` and their parts.
 *
 * Every default is filled in, durations are milliseconds (but `maxAge` of a cookie: seconds), sizes bytes,
 * limits in percent shares 0..1, weights plain percent, header names and hosts lower case, files read, paths
 * of directories absolute. Clear text of a token is never here, only its digest.
 */
import type { Model, Override, Protocol, RouteMatch, UnitSource } from '../domain/route.ts'
import type { ShadowSettings } from '../domain/shadow.ts'
import type { Rewrite, RouteSnapshot, TlsSettings } from '../domain/snapshot.ts'
import type { TriggerSettings } from '../domain/trigger-settings.ts'

export const ROLES = ['viewer', 'breaker', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** An address to listen on; port 0 lets the system choose. PEM texts, already read. */
export type Listen = {
  readonly host: string // no brackets around IPv6
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | null
}

/** A token of the admin API: hex SHA-256 of its bytes. */
export type Token = { readonly id: string; readonly role: Role; readonly sha256: string }

/** How to reach the shared store. Secrets are clear text here and shown nowhere; PEM texts, already read. */
export type RedisSettings = {
  readonly mode: 'standalone' | 'sentinel' | 'cluster'
  readonly nodes: readonly { readonly host: string; readonly port: number }[] // at least one; sentinels in sentinel mode
  readonly database: number
  readonly username: string | null
  readonly password: string | null
  readonly sentinel: {
    readonly master: string
    readonly username: string | null
    readonly password: string | null
  } | null // null but in sentinel mode
  readonly tls: {
    readonly ca: string | null // null: the authorities of the system
    readonly cert: string | null
    readonly key: string | null
    readonly serverName: string | null // null: the host
  } | null // null: without TLS
  readonly prefix: string
}

/** How to reach the brokers. Secrets are clear text here and shown nowhere; PEM texts, already read. */
export type KafkaSettings = {
  readonly brokers: readonly string[] // host:port, at least one
  readonly clientId: string
  readonly topics: { readonly shadow: string; readonly decisions: string }
  readonly createTopics: boolean // those that are missing
  readonly tls: {
    readonly ca: string | null // null: the authorities of the system
    readonly cert: string | null
    readonly key: string | null
    readonly serverName: string | null // null: the host
  } | null // null: without TLS
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  } | null
}

export type Config = {
  readonly file: string // absolute path it was read from
  readonly listen: Listen
  readonly threads: number // resolved, at least 1
  readonly admin: {
    readonly listen: Listen
    readonly allowedHosts: readonly string[] // lower case
    readonly tokens: readonly Token[] // empty: a token file in the state directory
  }
  readonly telemetry: { readonly listen: Listen } | null
  readonly state: {
    readonly driver: 'file' | 'redis'
    readonly directory: string
    readonly firstStart: 'weights' | 'champion'
    readonly stale: { readonly policy: 'hold' | 'champion'; readonly after: number } // ms
    readonly redis: RedisSettings | null // null with the file driver
  }
  readonly events: {
    readonly driver: 'none' | 'file' | 'kafka'
    readonly directory: string
    readonly kafka: KafkaSettings | null // null but with the kafka driver
    readonly unitKey: string | null // null: a random one, kept in the state directory
  }
  readonly accessLog: { readonly format: 'json'; readonly sample: number } | null // share 0..1
  readonly trustedProxies: readonly string[] // CIDRs; an address alone became /32 or /128
  readonly drain: { readonly delay: number; readonly grace: number } // ms
  readonly routes: readonly RouteConfig[] // in the order of the file, names unique
}

export type RouteConfig = {
  readonly name: string
  readonly match: RouteMatch // paths are never empty: `/` is everything
  readonly protocol: Protocol
  readonly hashOn: readonly UnitSource[]
  readonly onMissingUnit: 'champion' | 'reject'
  readonly variants: readonly VariantConfig[] // in the order of the file, names unique
  readonly champion: string
  readonly initialWeights: Readonly<Record<string, number>> // percent of every variant, sum 100
  readonly overrides: readonly Override[]
  readonly salt: string
  readonly predictions: readonly string[] // JSON Pointers; empty: the protocol's own
  readonly shadows: readonly ShadowSettings[] // names unique in the route
  readonly onUnavailable: 'champion' | 'error'
  readonly triggers: TriggerSettings
  readonly lane: 'general' | 'auto'
  readonly timeouts: RouteSnapshot['timeouts']
  readonly stream: RouteSnapshot['stream']
  readonly limits: RouteSnapshot['limits']
  readonly headers: RouteSnapshot['headers']
}

export type VariantConfig = {
  readonly name: string
  readonly upstreams: readonly UpstreamConfig[] // at least one
  readonly model: Model
  readonly health: HealthConfig | null // null: no active checks
  readonly balance: 'least-in-flight' | 'unit-hash'
  readonly keepAliveMs: number
  readonly tls: TlsSettings | null // null: the system's authorities, verified
  readonly rewrite: Rewrite | null
}

export type UpstreamConfig = {
  readonly url: string // origin: scheme://host[:port], lower case
  readonly secure: boolean
  readonly hostname: string // no brackets around IPv6
  readonly port: number
  readonly resolve: 'all'
  readonly refresh: number // ms between resolutions of the name
}

/** GET `path` every `interval` ms; out after `unhealthy` failures in a row, in again after `healthy` successes. */
export type HealthConfig = {
  readonly path: string
  readonly interval: number
  readonly unhealthy: number
  readonly healthy: number
}
