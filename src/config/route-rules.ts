/**
 * Rules of one route beyond the form of its values: variants that are named exist, weights are a whole, hosts,
 * paths and upstreams are ones that can be served.
 *
 * Exports: `checkRoute`.
 */
import { faultOfHost, faultOfPath, parseOrigin } from './address.ts'
import { hint, type Path, type Report } from './diagnostics.ts'
import { basisPoints } from './quantities.ts'
import { RESERVED } from './reserved-fields.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'
import { checkPredictions, checkUnits } from './unit-rules.ts'

type RouteFile = Loose<ConfigFile['routes'][string]>
type VariantFile = Loose<ConfigFile['routes'][string]['variants'][string]>
type OverrideFile = Loose<ConfigFile['routes'][string]['overrides'][number]>

export function checkRoute(route: RouteFile, path: Path, report: Report): void {
  const variants = Object.keys(route.variants ?? {})
  checkMatch(route, path, report)
  checkUnits(route, path, report)
  checkPredictions(route, path, report)
  for (const [name, variant] of Object.entries(route.variants ?? {})) {
    if (variant) checkVariant(variant, [...path, 'variants', name], report)
  }
  checkChampion(route, variants, path, report)
  if (route.initialWeights) {
    checkWeights(route.initialWeights, variants, [...path, 'initialWeights'], report)
  }
  const names = new Set<string>()
  route.overrides?.forEach((override, i) => {
    if (!override) return
    const at = [...path, 'overrides', i]
    checkOverride(override, variants, at, report)
    if (override.name === undefined) return
    if (names.has(override.name)) {
      report([...at, 'name'], `"${override.name}" is the name of another override already`)
    }
    names.add(override.name)
  })
}

function checkMatch(route: RouteFile, path: Path, report: Report): void {
  route.match?.hosts?.forEach((host, i) => {
    const fault = host === undefined ? null : faultOfHost(host, 'no port')
    if (fault) report([...path, 'match', 'hosts', i], `"${host}" ${fault}`)
  })
  route.match?.paths?.forEach((text, i) => {
    const fault = text === undefined ? null : faultOfPath(text)
    if (fault) report([...path, 'match', 'paths', i], `"${text}" ${fault}`)
  })
  const seen = new Set<string>()
  for (const name of Object.keys(route.match?.headers ?? {})) {
    if (seen.has(name.toLowerCase())) {
      report(
        [...path, 'match', 'headers', name],
        'this field is there twice; names of fields ignore case',
        'key'
      )
    }
    seen.add(name.toLowerCase())
  }
}

function checkVariant(variant: VariantFile, path: Path, report: Report): void {
  const origins = new Set<string>()
  variant.upstreams?.forEach((upstream, i) => {
    const url = typeof upstream === 'string' ? upstream : upstream?.url
    if (url === undefined) return
    const at = [...path, 'upstreams', i, ...(typeof upstream === 'string' ? [] : ['url'])]
    const origin = parseOrigin(url)
    if (typeof origin === 'string') {
      report(at, url.includes('@') ? origin : `"${url}": ${origin}`)
      return
    }
    if (origins.has(origin.url)) report(at, `${origin.url} is listed twice`)
    origins.add(origin.url)
  })
  if (variant.tls && (variant.tls.cert === undefined) !== (variant.tls.key === undefined)) {
    report([...path, 'tls'], 'cert and key belong together; one of them is missing')
  }
  checkRewrite(variant, [...path, 'rewrite'], report)
}

function checkRewrite(variant: VariantFile, path: Path, report: Report): void {
  const rewrite = variant.rewrite
  if (!rewrite) return
  if (typeof rewrite.host === 'string') {
    const fault = faultOfHost(rewrite.host, 'port allowed')
    if (fault) report([...path, 'host'], `"${rewrite.host}" ${fault}`)
  }
  for (const key of ['from', 'to'] as const) {
    const text = rewrite.path?.[key]
    const fault = text === undefined ? null : faultOfPath(text)
    if (fault) report([...path, 'path', key], `"${text}" ${fault}`)
  }
  for (const name of Object.keys(rewrite.headers?.set ?? {})) {
    const fault = faultOfField(name)
    if (fault) report([...path, 'headers', 'set', name], fault, 'key')
  }
  rewrite.headers?.remove?.forEach((name, i) => {
    const fault = name === undefined ? null : faultOfField(name)
    if (fault) report([...path, 'headers', 'remove', i], fault)
  })
}

function faultOfField(name: string): string | null {
  const lower = name.toLowerCase()
  if (lower === 'host') return 'Host is set by rewrite.host'
  if (lower.startsWith('x-sluice-')) return `${lower} belongs to Sluice and cannot be rewritten`
  return RESERVED.includes(lower) ? `${lower} frames the message and cannot be rewritten` : null
}

function checkChampion(
  route: RouteFile,
  variants: readonly string[],
  path: Path,
  report: Report
): void {
  if (route.champion !== undefined && !variants.includes(route.champion)) {
    report([...path, 'champion'], noVariant(route.champion, variants))
  }
  if (route.champion === undefined && variants.length > 1) {
    report(path, 'champion is missing; name the variant in production', 'key')
  }
}

function checkOverride(
  override: OverrideFile,
  variants: readonly string[],
  path: Path,
  report: Report
): void {
  if (override.variant !== undefined && !variants.includes(override.variant)) {
    report([...path, 'variant'], noVariant(override.variant, variants))
  }
  if (override.split) checkWeights(override.split, variants, [...path, 'split'], report)
}

/** Every name is a variant and the sum is 100, in whole basis points. A faulty weight was reported before. */
function checkWeights(
  weights: Readonly<Record<string, number | undefined>>,
  variants: readonly string[],
  path: Path,
  report: Report
): void {
  let sum = 0
  let whole = true
  for (const [name, percent] of Object.entries(weights)) {
    if (!variants.includes(name)) report([...path, name], noVariant(name, variants), 'entry')
    const points = percent === undefined ? null : basisPoints(percent)
    if (points === null) whole = false
    else sum += points
  }
  if (whole && sum !== 10_000) {
    report(path, `the weights sum to ${sum / 100}, and must sum to 100`)
  }
}

function noVariant(name: string, variants: readonly string[]): string {
  return `variant "${name}" does not exist${hint(name, variants)}`
}
