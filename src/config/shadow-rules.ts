/**
 * Rules of shadows beyond the form of their values: who gets copies exists and is not who answers, pointers can
 * be read, a router is not its own shadow, and the process has room for all.
 *
 * Exports: `checkShadows`.
 */
import { SHADOW_SLOTS } from '../domain/shadow.ts'
import { parseOrigin } from './address.ts'
import { hint, type Path, type Report } from './diagnostics.ts'
import { listenerAt, type OwnListener, ownListeners } from './own-listeners.ts'
import { faultOfPointer } from './pointer.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

type File = Loose<ConfigFile>
type RouteFile = Loose<ConfigFile['routes'][string]>
type ShadowFile = Loose<ConfigFile['routes'][string]['shadows'][number]>

export function checkShadows(file: File, report: Report): void {
  const listeners = ownListeners(file)
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
      if (route && shadow) checkShadow(route, shadow, listeners, [...path, i], report)
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

function checkShadow(
  route: RouteFile,
  shadow: ShadowFile,
  listeners: readonly OwnListener[],
  path: Path,
  report: Report
): void {
  if (shadow.variant !== undefined) {
    checkVariant(route, shadow.variant, listeners, [...path, 'variant'], report)
  }
  for (const key of ['ignore', 'redact'] as const) {
    for (const [i, text] of (shadow[key] ?? []).entries()) {
      const fault = text === undefined ? null : faultOfPointer(text)
      if (fault) report([...path, key, i], `"${text}" ${fault}`)
    }
  }
}

function checkVariant(
  route: RouteFile,
  name: string,
  listeners: readonly OwnListener[],
  path: Path,
  report: Report
): void {
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
  for (const upstream of route.variants?.[name]?.upstreams ?? []) {
    const url = typeof upstream === 'string' ? upstream : upstream?.url
    const origin = url === undefined ? null : parseOrigin(url)
    const own = origin === null || typeof origin === 'string' ? null : listenerAt(origin, listeners)
    if (own === null) continue
    report(
      path,
      `${name} leads back to ${own.by} of this router, so copies would go round in it; give the variant the address of a model server`
    )
    return
  }
}
