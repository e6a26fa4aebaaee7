/**
 * What is legal and dangerous about shadows and about reading answers, and settings that have no effect.
 *
 * Exports: `warnOfShadows`, `warnOfPredictions`.
 */
import { CREDENTIALS, type ShadowSettings } from '../domain/shadow.ts'
import type { RouteConfig } from './config.ts'
import type { Path, Report } from './diagnostics.ts'

/** Methods that a model server may be asked twice without harm. */
const HARMLESS: readonly string[] = ['GET', 'HEAD', 'POST', 'OPTIONS']
const MUCH_NOISE = 10 // percent

export function warnOfShadows(route: RouteConfig, path: Path, warn: Report): void {
  for (const [i, shadow] of route.shadows.entries()) {
    const at = [...path, 'shadows', i]
    warnOfTraffic(route, shadow, at, warn)
    warnOfCopies(shadow, at, warn)
    warnOfComparing(route, shadow, at, warn)
    warnOfBodies(shadow, at, warn)
  }
}

export function warnOfPredictions(route: RouteConfig, path: Path, warn: Report): void {
  if (route.predictions.length === 0 || route.protocol === 'json') return
  warn(
    [...path, 'predictions'],
    `has no effect under protocol ${route.protocol}, which says itself where predictions are; it is for json`
  )
}

function warnOfTraffic(route: RouteConfig, shadow: ShadowSettings, path: Path, warn: Report): void {
  const { variant, whileLive } = shadow
  const weight = route.initialWeights[variant] ?? 0
  if (weight > 0 && !whileLive) {
    warn(
      [...path, 'variant'],
      `${variant} begins with ${weight} % of the traffic, and the shadow pauses for as long as it has some; take its weight away, or set whileLive: true if it can bear both`
    )
  }
  if (shadow.sample === 'unit' && route.hashOn.length === 0) {
    warn(
      path,
      'the route has no unit, so each request is sampled by itself; set hashOn to copy the same users always, or sample: request to say so',
      'key'
    )
  }
  if (shadow.percent === 0) warn([...path, 'percent'], 'is 0, so nothing is copied')
}

function warnOfCopies(shadow: ShadowSettings, path: Path, warn: Report): void {
  const changing = shadow.methods.filter(method => !HARMLESS.includes(method))
  if (changing.length > 0) {
    warn(
      [...path, 'methods'],
      `${changing.join(', ')} may change something, and a copy does it a second time`
    )
  }
  const other = shadow.keepHeaders.find(name => !CREDENTIALS.includes(name))
  if (other !== undefined) {
    warn([...path, 'keepHeaders'], `${other} is no credential and is in every copy anyway`)
  }
}

function warnOfComparing(
  route: RouteConfig,
  shadow: ShadowSettings,
  path: Path,
  warn: Report
): void {
  if (!shadow.compare) {
    if (shadow.ignore.length > 0) {
      warn([...path, 'ignore'], 'has no effect while compare is off')
    }
    return
  }
  if (route.protocol === 'opaque') {
    warn(
      [...path, 'compare'],
      'under protocol opaque answers have no fields: status, outcome and bytes are compared; name the protocol of the route to see what differs',
      'key'
    )
  }
  if (shadow.noise > MUCH_NOISE) {
    warn(
      [...path, 'noise'],
      `the champion gets ${shadow.noise} % of the copies a second time; 5 to 10 are enough to know its noise`
    )
  }
}

function warnOfBodies(shadow: ShadowSettings, path: Path, warn: Report): void {
  if (shadow.capture && shadow.redact.length === 0) {
    warn(
      [...path, 'capture'],
      'whole answers go into events and examples, with what they say of users; name in redact what nobody should read'
    )
  }
  if (!shadow.capture && shadow.redact.length > 0) {
    warn([...path, 'redact'], 'has no effect while capture is off')
  }
}
