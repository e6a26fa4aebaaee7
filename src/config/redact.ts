/**
 * The configuration as it may be shown: in the shape of the file, without anything secret.
 *
 * Exports: `redactConfig`.
 *
 * Certificates, keys, passwords, digests of tokens and the unit key are only told to be there. Header values that a
 * rewrite sets may be credentials of the upstream, so they are left out too.
 */
import type {
  Config,
  KafkaSettings,
  Listen,
  RedisSettings,
  RouteConfig,
  VariantConfig
} from './config.ts'

const HIDDEN = '[redacted]'

/** Plain data for JSON: durations in ms, sizes in bytes, shares 0..1. */
export function redactConfig(config: Config): unknown {
  const { admin, telemetry, state, events, routes, ...rest } = config
  return {
    ...rest,
    listen: listenOf(config.listen),
    admin: {
      ...admin,
      listen: listenOf(admin.listen),
      tokens: admin.tokens.map(({ id, role }) => ({ id, role, sha256: HIDDEN }))
    },
    telemetry: telemetry && { listen: listenOf(telemetry.listen) },
    state: { ...state, redis: state.redis && redisOf(state.redis) },
    events: {
      ...events,
      unitKey: hidden(events.unitKey),
      kafka: events.kafka && kafkaOf(events.kafka)
    },
    routes: Object.fromEntries(routes.map(route => [route.name, routeOf(route)]))
  }
}

function listenOf({ host, port, tls }: Listen): unknown {
  return { host, port, tls: tls && { cert: HIDDEN, key: HIDDEN } }
}

function routeOf({ name: _, variants, ...route }: RouteConfig): unknown {
  return {
    ...route,
    variants: Object.fromEntries(variants.map(variant => [variant.name, variantOf(variant)]))
  }
}

function redisOf({ password, sentinel, tls, ...redis }: RedisSettings): unknown {
  return {
    ...redis,
    password: hidden(password),
    sentinel: sentinel && { ...sentinel, password: hidden(sentinel.password) },
    tls: tls && pemOf(tls)
  }
}

function kafkaOf({ sasl, tls, ...kafka }: KafkaSettings): unknown {
  return {
    ...kafka,
    sasl: sasl && { ...sasl, password: HIDDEN },
    tls: tls && pemOf(tls)
  }
}

/** The names of what is there, without its text. */
function pemOf<T extends Pem>(tls: T): unknown {
  return { ...tls, ca: hidden(tls.ca), cert: hidden(tls.cert), key: hidden(tls.key) }
}

type Pem = {
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
}

function variantOf({ name: _, tls, rewrite, ...variant }: VariantConfig): unknown {
  return {
    ...variant,
    tls: tls && pemOf(tls),
    rewrite: rewrite && {
      ...rewrite,
      headers: {
        set: Object.fromEntries(Object.keys(rewrite.headers.set).map(name => [name, HIDDEN])),
        remove: rewrite.headers.remove
      }
    }
  }
}

function hidden(text: string | null): string | null {
  return text === null ? null : HIDDEN
}
