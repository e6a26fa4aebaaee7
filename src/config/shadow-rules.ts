/**
 * Rules of shadows beyond the form of their values: who gets copies exists and is not who answers, pointers can
 * be read, and the process has room for all. That a router is not its own shadow is in loop-rules.ts.
 *
 * Exports: `checkShadows`.
 */
import { SHADOW_SLOTS } from '../domain/shadow.ts'
import { hint, type Path, type Report } from './diagnostics.ts'
import { faultOfPointer } from './pointer.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

type File = Loose<ConfigFile>
type RouteFile = Loose<ConfigFile['routes'][string]>
type ShadowFile = Loose<ConfigFile['routes'][string]['shadows'][number]>

export function checkShadows(file: File, report: Report): void {
  let all = 0
  for (const [name, route] of Object.entries(file.routes ?? {})) {
    const shadows = route?.shadows ?? []
    const path = ['routes', name, 'shadows']
    if (all <= SHADOW_SLOTS && all + shadows.length > SHADOW_SLOTS) {
      report(path, `a router has at most ${SHADOW_SLOTS} shadows over all routes; remove some`)
    }
    all += shadows.length
    if (route) checkNames(shadows, path, report)
    for (const [i, shadow] of shadows.entries()) {
      if (route && shadow) checkShadow(route, shadow, [...path, i], report)
    }
  }
}

function checkNames(
  shadows: readonly (ShadowFile | undefined)[],
  path: Path,
  report: Report
): void {
  const names = new Set<string>()
  for (const [i, shadow] of shadows.entries()) {
    const name = shadow?.name
    if (name === undefined) continue
    if (names.has(name)) {
      report([...path, i, 'name'], `"${name}" is the name of another shadow already`)
    }
    names.add(name)
  }
}

function checkShadow(route: RouteFile, shadow: ShadowFile, path: Path, report: Report): void {
  if (shadow.variant !== undefined) {
    checkVariant(route, shadow.variant, [...path, 'variant'], report)
  }
  for (const key of ['ignore', 'redact'] as const) {
    for (const [i, text] of (shadow[key] ?? []).entries()) {
      const fault = text === undefined ? null : faultOfPointer(text)
      if (fault) report([...path, key, i], `"${text}" ${fault}`)
    }
  }
}

function checkVariant(route: RouteFile, name: string, path: Path, report: Report): void {
  const variants = Object.keys(route.variants ?? {})
  const champion = route.champion ?? (variants.length === 1 ? variants[0] : undefined)
  if (!variants.includes(name)) {
    const others = variants.filter(variant => variant !== champion)
    report(path, `variant "${name}" does not exist${hint(name, others)}`)
    return
  }
  if (name === champion) {
    report(
      path,
      `${name} is the champion, and a copy would go to who answers; name another variant`
    )
  }
}
