/**
 * The shadows of all routes: what data threads copy, where the shadow process sends it, and what the API shows.
 *
 * A shadow is off when it was switched off (in the route's document, so on every replica) and pauses while its
 * variant has traffic of its own, unless it may go on (shadow.md, rules 9 and 10).
 */
import { isDeepStrictEqual } from 'node:util'
import { isShadowOn, revisionOf } from '../domain/document.ts'
import { type ShadowSettings, type ShadowTap, shadowSalt } from '../domain/shadow.ts'
import type { ShadowTarget, ShadowUpstream } from '../domain/shadow-messages.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import type { Log, ShadowView } from '../ports.ts'
import type { ShadowSource } from '../telemetry/metrics-source.ts'
import { hasTraffic, isOut, type LiveRoute, type LiveVariant, variantsOf } from './live-route.ts'
import type { ShadowCounts } from './shadow-counts.ts'
import type { ShadowProcess } from './shadow-process.ts'

export type Addresses = (route: string, variant: string) => readonly AddressSnapshot[]

export type Shadows = {
  /** Takes what changed in the routes to the shadow process. */
  follow(routes: readonly LiveRoute[]): void
  /** For the metrics. */
  sources(route: LiveRoute): readonly ShadowSource[]
  view(route: LiveRoute, name: string, applied: ShadowView['applied']): Promise<ShadowView | null>
}

export function createShadows(options: {
  readonly shadowProcess: ShadowProcess
  readonly counts: ShadowCounts
  readonly addresses: Addresses
  readonly log: Log
}): Shadows {
  const { shadowProcess, counts, addresses, log } = options
  let targets: readonly ShadowTarget[] = []

  return {
    follow(routes) {
      const next = routes.flatMap(route => targetsOf(route, addresses, counts))
      if (isDeepStrictEqual(next, targets)) return
      targets = next
      shadowProcess.setTargets(targets)
      const asked = routes.reduce((sum, { config }) => sum + config.shadows.length, 0)
      if (targets.length < asked) {
        log.error({ missing: asked - targets.length }, NO_SLOTS)
      }
      if (targets.length === 0 || shadowProcess.running()) return
      shadowProcess
        .start()
        .catch(error => log.error({ err: error }, 'the shadow process could not start'))
    },

    sources: ({ config }) =>
      config.shadows.flatMap(({ name }) => {
        const slot = counts.slotOf(config.name, name)
        if (slot === null) return []
        const { outcomes, dropped } = counts.read(slot)
        const fields = shadowProcess.agreement(slot).map(({ field, ratio }) => [field, ratio])
        return [{ name, outcomes, dropped, agreement: Object.fromEntries(fields) }]
      }),

    async view(route, name, applied) {
      const { config, document } = route
      const settings = config.shadows.find(each => each.name === name)
      if (settings === undefined) return null
      const slot = counts.slotOf(config.name, name)
      const report = slot === null ? null : await shadowProcess.report(slot)
      const { name: shadow, variant, ...rest } = settings
      return {
        route: config.name,
        shadow,
        variant,
        on: isShadowOn(route.document, name),
        state: stateOf(route, settings),
        applied,
        settings: rest,
        ...(slot === null ? NOTHING : counts.read(slot)),
        agreement: report,
        revision: revisionOf(document)
      }
    }
  }
}

/** What the data threads copy of a route. A shadow without a slot (there are 1,024 in a process) is none. */
export function tapsOf(
  route: LiveRoute,
  counts: Pick<ShadowCounts, 'slotOf'>
): readonly ShadowTap[] {
  return route.config.shadows.flatMap(settings => {
    const slot = counts.slotOf(route.config.name, settings.name)
    if (slot === null) return []
    const { name, percent, sample, maxBody, methods } = settings
    const buckets = Math.round(percent * 100)
    const state = stateOf(route, settings)
    return [{ slot, name, state, buckets, sample, salt: shadowSalt(name), maxBody, methods }]
  })
}

const NO_SLOTS =
  'shadows get no copies: a process can have 1,024 of different names in its life; restart it'

const NOTHING = { considered: 0, dropped: {}, outcomes: {} } as const

function stateOf(
  route: LiveRoute,
  { name, variant, whileLive }: ShadowSettings
): ShadowTap['state'] {
  if (!isShadowOn(route.document, name)) return 'off'
  if (whileLive) return 'on'
  const isLive = variant === route.document.champion || hasTraffic(route, variant)
  return isLive && !isOut(route, variant) ? 'live' : 'on'
}

function targetsOf(
  route: LiveRoute,
  addresses: Addresses,
  counts: ShadowCounts
): readonly ShadowTarget[] {
  const { config, document } = route
  if (config.shadows.length === 0) return []
  const variants = variantsOf(route)
  const upstreamOf = (name: string): ShadowUpstream | null => {
    const variant = variants.find(each => each.name === name)
    return variant ? shadowUpstream(variant, addresses(config.name, name)) : null
  }
  return config.shadows.flatMap(settings => {
    const slot = counts.slotOf(config.name, settings.name)
    const shadow = upstreamOf(settings.variant)
    const champion = upstreamOf(document.champion)
    if (slot === null || shadow === null || champion === null) return []
    return [
      {
        slot,
        route: config.name,
        settings,
        protocol: config.protocol,
        predictions: config.predictions,
        connectMs: config.timeouts.connect,
        shadow,
        champion
      }
    ]
  })
}

function shadowUpstream(
  { name, model, settings }: LiveVariant,
  addresses: readonly AddressSnapshot[]
): ShadowUpstream {
  return {
    variant: name,
    model,
    addresses,
    balance: settings?.balance ?? 'least-in-flight',
    tls: settings?.tls ?? null,
    keepAliveMs: settings?.keepAliveMs ?? 1_500,
    rewrite: settings?.rewrite ?? null
  }
}
