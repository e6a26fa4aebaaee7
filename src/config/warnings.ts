/**
 * What is legal and dangerous: told by `check`, at every start and at every reload, and never an error.
 *
 * Exports: `warningsOf`.
 */

import type { Condition } from '../domain/route.ts'
import { isLoopback } from './address.ts'
import type { Config, RouteConfig } from './config.ts'
import type { Path, Report } from './diagnostics.ts'
import { warnOfEvents } from './event-warnings.ts'
import { ambiguous } from './overlap.ts'
import { warnOfPredictions, warnOfShadows } from './shadow-warnings.ts'
import { type StateCircumstances, warnOfState } from './state-warnings.ts'

export type Circumstances = StateCircumstances & {
  readonly reusePort: boolean
  readonly asked: number | 'auto' // threads
}

const KUBERNETES_GRACE_MS = 30_000

export function warningsOf(config: Config, around: Circumstances, warn: Report): void {
  if (!around.reusePort && around.asked !== 1) {
    warn(
      ['threads'],
      'this system cannot share a port between threads, so there is one data thread'
    )
  }
  const { delay, grace } = config.drain
  if (delay + grace >= KUBERNETES_GRACE_MS) {
    warn(
      ['drain'],
      `delay and grace take ${(delay + grace) / 1000} s together; Kubernetes kills after 30 s unless terminationGracePeriodSeconds is raised`
    )
  }
  warnOfState(config, around, warn)
  warnOfEvents(config, around.given, warn)
  for (const [i, network] of config.trustedProxies.entries()) {
    if (network.endsWith('/0')) {
      warn(
        ['trustedProxies', i],
        `${network} is everybody: any client can claim any address and be trusted`
      )
    }
  }
  for (const route of config.routes) warnOfRoute(config, route, warn)
  for (const { first, second, at } of ambiguous(config.routes)) {
    warn(
      ['routes', second, 'match'],
      `a request can meet both this and route ${first} (${at}) with as many conditions; ${first} wins, being first in the file`
    )
  }
}

function warnOfRoute(config: Config, route: RouteConfig, warn: Report): void {
  const path: Path = ['routes', route.name]
  warnOfOverrides(config, route, path, warn)
  warnOfUnits(route, path, warn)
  warnOfPredictions(route, path, warn)
  warnOfShadows(route, path, warn)
  for (const variant of route.variants) {
    const at = [...path, 'variants', variant.name]
    if (variant.tls?.verify === false) {
      warn(
        [...at, 'tls', 'verify'],
        'certificates are not verified: anybody on the way can read and change predictions'
      )
    }
    if (variant.tls && variant.upstreams.every(upstream => !upstream.secure)) {
      warn([...at, 'tls'], 'has no effect: no upstream of the variant is https://', 'key')
    }
    if (variant.tls?.verify === false && variant.tls.ca !== null) {
      warn([...at, 'tls', 'ca'], 'has no effect while verify is off')
    }
  }
  if (route.variants.length < 2) return
  if (route.triggers.latency === null) {
    warn(
      [...path, 'triggers'],
      'the latency trigger is off, because there is no SLA: a slow challenger stays; set triggers.latency.sla',
      'key'
    )
  }
  for (const trigger of ['errors', 'badPredictions', 'absence'] as const) {
    if (route.triggers[trigger] === null) {
      warn([...path, 'triggers', trigger], 'is off: this fault does not take a challenger out')
    }
  }
}

function warnOfOverrides(config: Config, route: RouteConfig, path: Path, warn: Report): void {
  const open = !isLoopback(config.listen.host)
  for (const [i, override] of route.overrides.entries()) {
    const at = [...path, 'overrides', i]
    if (override.from === 'any' && open && dependsOnClient(override.when)) {
      warn(
        at,
        `anybody who can reach ${config.listen.host} can choose the variant with override ${override.name}; set from: trusted, or keep the condition secret`
      )
    }
    if (override.from === 'trusted' && config.trustedProxies.length === 0) {
      warn([...at, 'from'], 'never applies, because trustedProxies is empty')
    }
  }
}

function warnOfUnits(route: RouteConfig, path: Path, warn: Report): void {
  if (route.hashOn.length === 0 && route.variants.length > 1) {
    const got =
      route.onMissingUnit === 'reject'
        ? 'every request is refused'
        : 'the champion gets every request'
    warn([...path, 'hashOn'], `there is no unit, so ${got}; name what identifies a user`)
  }
  const last = route.hashOn.findIndex(
    source => 'setCookie' in source || 'clientIp' in source || 'request' in source
  )
  if (last >= 0 && last < route.hashOn.length - 1) {
    warn(
      [...path, 'hashOn', last + 1],
      'is never reached: the source before it always gives a unit'
    )
  }
  if (route.hashOn.some(source => 'jwt' in source)) {
    warn(
      [...path, 'hashOn'],
      'a jwt is read and not verified: only behind something that verifies it'
    )
  }
}

/** A field, parameter or cookie can be sent by whoever knows its name; a unit is nobody's choice of variant. */
function dependsOnClient(condition: Condition): boolean {
  if ('all' in condition) return condition.all.some(dependsOnClient)
  if ('any' in condition) return condition.any.some(dependsOnClient)
  if ('not' in condition) return dependsOnClient(condition.not)
  return !('unit' in condition)
}
