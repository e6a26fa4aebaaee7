/**
 * The addresses of all variants: watches their names and their health, and says when something changed.
 *
 * A variant keeps its addresses through a change of weights; only a change of its upstreams or of its health
 * check starts anew, and then only where they differ. Addresses that came through the API are held to
 * upstream-address.ts each time their name is resolved, and what is forbidden never reaches a data thread, which
 * connects to the very addresses given here.
 */
import type { AddressSnapshot } from '../domain/snapshot.ts'
import { type AddressRules, addressFault, checkUpstreamUrl } from '../domain/upstream-address.ts'
import { fail } from '../errors.ts'
import type { Clock, HealthProbe, Log, Resolver } from '../ports.ts'
import { RAMP_MS, RAMP_STEPS } from './address-book.ts'
import { type LiveRoute, variantsOf } from './live-route.ts'
import { planOf, type UpstreamHealth, type VariantWatch, watchVariant } from './variant-watch.ts'

export type Upstreams = {
  /** The variants there are now; what is not named any more is forgotten. */
  configure(routes: readonly LiveRoute[]): void
  /** Addresses of a variant, in the order of their slots; empty for an unknown one. */
  addresses(route: string, variant: string): readonly AddressSnapshot[]
  /** Calls back after addresses changed, once for all changes of a turn. */
  onChange(listener: () => void): () => void
  /** Resolves when every name was answered and every address checked once, or after `limitMs`. */
  settled(limitMs: number): Promise<void>
  /** Throws SLC_UPSTREAM_ADDRESS for a URL that may not be given through the API. */
  check(url: string): Promise<void>
  health(): readonly UpstreamHealth[]
  /** Failed resolutions so far. */
  dnsErrors(route: string, variant: string): number
  stop(): void
}

export type UpstreamsOptions = {
  readonly resolver: Resolver
  readonly probe: HealthProbe
  readonly clock: Clock
  readonly log: Log
  /** Ports of our own listeners, as far as they are open. */
  readonly ownPorts: () => readonly number[]
  /** Names and addresses of our own stores. */
  readonly stores: () => readonly { readonly host: string; readonly port: number }[]
}

export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const { clock, log } = options
  const variants = new Map<string, VariantWatch>()
  const listeners = new Set<() => void>()
  let named: ReadonlySet<string> = new Set()
  let planned: ReadonlySet<LiveRoute> = new Set() // as of the last time; what is the same object is the same
  let announced = false
  let timer: NodeJS.Timeout | null = null

  const rules = (): AddressRules => ({
    ownPorts: options.ownPorts(),
    ownAddresses: options.resolver.ownAddresses(),
    stores: options.stores(),
    named
  })

  function changed(): void {
    schedule()
    if (announced) return
    announced = true
    queueMicrotask(() => {
      announced = false
      for (const listener of listeners) listener()
    })
  }

  /** A timer runs only while some address is growing in or cold. */
  function schedule(): void {
    const now = clock.now()
    const moving = [...variants.values()].some(variant => variant.moving(now))
    if (!moving || timer !== null) return
    timer = setTimeout(() => {
      timer = null
      for (const variant of variants.values()) variant.refresh()
      changed()
    }, RAMP_MS / RAMP_STEPS)
    timer.unref()
  }

  function configure(routes: readonly LiveRoute[]): void {
    named = new Set(
      routes.flatMap(({ config }) =>
        config.variants.flatMap(({ upstreams }) =>
          upstreams.map(({ hostname, port }) => `${hostname}:${port}`)
        )
      )
    )
    const wanted = new Set<string>()
    const before = planned
    planned = new Set(routes)
    for (const route of routes) {
      for (const live of variantsOf(route)) {
        const key = keyOf(route.config.name, live.name)
        if (before.has(route)) {
          wanted.add(key)
          continue
        }
        const plan = planOf(route, live)
        wanted.add(key)
        const known = variants.get(key)
        if (known && known.plan.identity === plan.identity) {
          known.follow(plan)
          continue
        }
        known?.stop() // and its addresses are forgotten
        variants.set(key, watchVariant({ ...options, plan, rules, changed }))
      }
    }
    for (const [key, watch] of variants) {
      if (wanted.has(key)) continue
      watch.stop()
      variants.delete(key)
    }
    schedule()
  }

  return {
    configure,
    addresses: (route, variant) => variants.get(keyOf(route, variant))?.addresses() ?? [],
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async settled(limitMs) {
      const until = clock.now() + limitMs
      while (clock.now() < until && [...variants.values()].some(watch => !watch.settled())) {
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
    async check(url) {
      const checked = checkUpstreamUrl(url, rules())
      if ('fault' in checked) throw fail('SLC_UPSTREAM_ADDRESS', [shown(url), checked.fault])
      const { hostname, port } = checked.upstream
      const ips = await options.resolver.lookup(hostname).catch(() => []) // it may get its name later
      for (const ip of ips) {
        const fault = addressFault(ip, hostname, port, rules())
        if (fault !== null) throw fail('SLC_UPSTREAM_ADDRESS', [shown(url), fault])
      }
    },
    health: () => [...variants.values()].flatMap(watch => watch.health()),
    dnsErrors: (route, variant) => variants.get(keyOf(route, variant))?.dnsErrors() ?? 0,
    stop() {
      if (timer) clearTimeout(timer)
      for (const watch of variants.values()) watch.stop()
      variants.clear()
      log.debug({}, 'stopped to watch upstreams')
    }
  }
}

function keyOf(route: string, variant: string): string {
  return `${route}/${variant}`
}

/** A URL from a request for a sentence: short, on one line, and without a user or password. */
function shown(url: string): string {
  const start = url.indexOf('://') + 3
  const at = url.lastIndexOf('@')
  const plain = start > 2 && at > start ? `${url.slice(0, start)}…@${url.slice(at + 1)}` : url
  return JSON.stringify(plain.length > 200 ? `${plain.slice(0, 200)}…` : plain)
}
