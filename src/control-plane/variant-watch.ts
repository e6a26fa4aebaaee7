/**
 * Watching one variant: the names of its upstreams and the health of each address they give.
 *
 * Joins both in an address book and keeps the list that data threads get. Holds watchers of its ports alone;
 * `stop` ends them all.
 */
import { parseOrigin } from '../config/address.ts'
import type { HealthConfig } from '../config/config.ts'
import type { AddressSnapshot, TlsSettings } from '../domain/snapshot.ts'
import { type AddressRules, addressFault } from '../domain/upstream-address.ts'
import type { Clock, HealthProbe, Log, Resolver } from '../ports.ts'
import { type BookUpstream, createAddressBook } from './address-book.ts'
import type { LiveRoute, LiveVariant } from './live-route.ts'

/** What to watch. Plans of one identity differ in their upstreams and their time to start alone. */
export type UpstreamHealth = {
  readonly route: string
  readonly variant: string
  readonly upstream: string // url, and the address where the name has several
  readonly healthy: boolean
}

export type VariantPlan = {
  readonly route: string
  readonly variant: string
  readonly identity: string
  readonly health: HealthConfig | null
  readonly tls: TlsSettings | null
  readonly startupMs: number // for how long a failing address may be starting; 0 for the champion
  readonly upstreams: readonly PlannedUpstream[]
}

export type PlannedUpstream = BookUpstream & {
  readonly refreshMs: number
  readonly fromApi: boolean // held to the rules of upstream-address.ts
}

export type VariantWatch = {
  readonly plan: VariantPlan
  /** Takes another plan of the same identity. */
  follow(plan: VariantPlan): void
  addresses(): readonly AddressSnapshot[]
  /** Whether its addresses change by time alone. */
  moving(now: number): boolean
  /** Takes what time has changed into `addresses`. */
  refresh(): void
  settled(): boolean
  health(): readonly UpstreamHealth[]
  dnsErrors(): number
  stop(): void
}

const STARTUP_MS = 300_000
const REFRESH_MS = 5_000

/** Upstreams that are no origin are left out; configuration and API have refused them. */
export function planOf({ config, document }: LiveRoute, live: LiveVariant): VariantPlan {
  const { settings } = live
  const health = settings?.health ?? null
  const tls = settings?.tls ?? null
  const startupMs = config.triggers.absence?.startup ?? STARTUP_MS
  const isChampion = live.name === document.champion
  return {
    route: config.name,
    variant: live.name,
    identity: JSON.stringify([health, tls]),
    health,
    tls,
    startupMs: isChampion ? 0 : startupMs,
    upstreams: [...new Set(live.urls)].flatMap(text => {
      const origin = parseOrigin(text)
      if (typeof origin === 'string') return []
      const known = settings?.upstreams.find(({ url }) => url === origin.url)
      const refreshMs = known?.refresh ?? REFRESH_MS
      return [{ ...origin, refreshMs, fromApi: live.source === 'api' }]
    })
  }
}

export function watchVariant(options: {
  readonly plan: VariantPlan
  readonly resolver: Resolver
  readonly probe: HealthProbe
  readonly clock: Clock
  readonly log: Log
  readonly rules: () => AddressRules
  readonly changed: () => void
}): VariantWatch {
  const { plan, clock, log } = options
  const { route, variant, health, tls } = plan
  const book = createAddressBook({ checked: health !== null, now: clock.now() })
  const names = new Map<string, { readonly upstream: PlannedUpstream; readonly stop: () => void }>()
  const answered = new Set<string>() // urls, and keys of addresses that were checked
  const probes = new Map<string, () => void>()
  let current: readonly AddressSnapshot[] = []
  let dnsErrors = 0
  let { startupMs } = plan

  function refresh(): void {
    current = book.snapshot(clock.now(), startupMs)
  }

  function update(): void {
    syncProbes()
    refresh()
    options.changed()
  }

  function resolved(upstream: PlannedUpstream, ips: readonly string[]): void {
    answered.add(upstream.url)
    const left = book.resolved(upstream, allowed(upstream, ips), clock.now())
    if (left > 0)
      log.warn({ route, variant, upstream: upstream.url, left }, 'more addresses than slots')
    update()
  }

  function failed(upstream: PlannedUpstream, code: string): void {
    const first = !answered.has(upstream.url)
    answered.add(upstream.url)
    dnsErrors++
    const line = { route, variant, upstream: upstream.url, code }
    if (first) log.warn(line, 'the name of an upstream could not be resolved; it is tried again')
    else log.debug(line, 'the name of an upstream could not be resolved; the last answer stays')
  }

  function allowed(upstream: PlannedUpstream, ips: readonly string[]): readonly string[] {
    if (!upstream.fromApi) return ips
    const rules = options.rules()
    return ips.filter(ip => {
      const fault = addressFault(ip, upstream.hostname, upstream.port, rules)
      if (fault !== null)
        log.error({ route, variant, upstream: upstream.url, ip, fault }, 'address not allowed')
      return fault === null
    })
  }

  function syncProbes(): void {
    const entries = new Map(book.entries().map(entry => [entry.key, entry]))
    for (const [key, stop] of probes) {
      if (entries.has(key)) continue
      stop()
      probes.delete(key)
      answered.delete(key)
    }
    if (health === null) return
    for (const [key, { upstream, ip }] of entries) {
      if (probes.has(key)) continue
      const target = { ...upstream, ip, tls, ...health, intervalMs: health.interval }
      probes.set(
        key,
        options.probe.watch(target, (healthy, why) => {
          answered.add(key)
          book.checked(key, healthy, clock.now())
          const line = { route, variant, upstream: upstream.url, ip, why }
          if (healthy) log.info(line, 'an address is healthy')
          else log.warn(line, 'an address is not healthy')
          refresh()
          options.changed()
        })
      )
    }
  }

  function follow(next: VariantPlan): void {
    const wanted = new Map(next.upstreams.map(upstream => [upstream.url, upstream]))
    startupMs = next.startupMs
    refresh()
    for (const [url, name] of names) {
      const same = wanted.get(url)
      if (same && JSON.stringify(same) === JSON.stringify(name.upstream)) continue
      name.stop()
      names.delete(url)
      if (same) continue
      answered.delete(url)
      book.resolved(name.upstream, [], clock.now())
      update()
    }
    for (const [url, upstream] of wanted) if (!names.has(url)) watchName(url, upstream)
  }

  function watchName(url: string, upstream: PlannedUpstream): void {
    const stop = options.resolver.watch(upstream.hostname, upstream.refreshMs, answer => {
      if ('ips' in answer) resolved(upstream, answer.ips)
      else failed(upstream, answer.failed)
    })
    names.set(url, { upstream, stop })
  }

  follow(plan)
  return {
    plan,
    follow,
    addresses: () => current,
    moving: now => book.moving(now, startupMs),
    refresh,
    settled: () =>
      [...names.keys()].every(url => answered.has(url)) &&
      [...probes.keys()].every(key => answered.has(key)),
    health: () =>
      [...names.keys()].map(upstream => ({
        route,
        variant,
        upstream,
        healthy: current.some(address => address.url === upstream && address.healthy)
      })),
    dnsErrors: () => dnsErrors,
    stop() {
      for (const { stop } of names.values()) stop()
      for (const stop of probes.values()) stop()
      names.clear()
      probes.clear()
    }
  }
}
