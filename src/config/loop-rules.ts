/**
 * A router is not its own model server: no upstream of the file is one of its listeners. Every request that a
 * variant got there would come back and end as 508, a copy for a shadow too.
 *
 * Exports: `checkLoops`. As far as the file alone can say (own-listeners.ts); `check --online` resolves names, and a
 * router never connects to itself whatever a name becomes.
 */
import { parseOrigin } from './address.ts'
import type { Path, Report } from './diagnostics.ts'
import { listenerAt, type OwnListener, ownListeners } from './own-listeners.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

type VariantFile = Loose<ConfigFile['routes'][string]['variants'][string]>

export function checkLoops(file: Loose<ConfigFile>, report: Report): void {
  const listeners = ownListeners(file)
  for (const [route, { variants = {} } = {}] of Object.entries(file.routes ?? {})) {
    for (const [name, variant] of Object.entries(variants)) {
      if (variant) checkVariant(variant, listeners, ['routes', route, 'variants', name], report)
    }
  }
}

function checkVariant(
  { upstreams = [] }: VariantFile,
  listeners: readonly OwnListener[],
  path: Path,
  report: Report
): void {
  for (const [i, upstream] of upstreams.entries()) {
    const url = typeof upstream === 'string' ? upstream : upstream?.url
    const origin = url === undefined ? null : parseOrigin(url)
    const own = origin === null || typeof origin === 'string' ? null : listenerAt(origin, listeners)
    if (own === null) continue
    const at = [...path, 'upstreams', i, ...(typeof upstream === 'string' ? [] : ['url'])]
    report(
      at,
      `${url} is ${own.by} of this router, so requests would go round in it; give the address of a model server`
    )
  }
}
