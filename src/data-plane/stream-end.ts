/**
 * What a rollback does to streams that are under way: they run up to the route's grace, or end at once.
 *
 * Requests with one answer finish on the variant that they were sent to. A stream ends by reset: the rest is
 * never spliced from another model, for what the client has was written by this one.
 */
import type { Exchange } from './exchange.ts'
import { giveUp } from './give-up.ts'
import type { Lane } from './lane.ts'

/** Call after a new table is in force. */
export function endStreams(lane: Lane): void {
  const now = lane.now()
  for (const ex of [...lane.exchanges]) {
    const end = endOf(ex, lane)
    if (end === null) continue
    ex.afterRollback = true
    if (ex.cutAt === 0) ex.cutAt = now + (end.cut ? 0 : end.graceMs)
    else if (end.cut) ex.cutAt = Math.min(ex.cutAt, now)
    if (ex.cutAt <= now && (ex.stream || ex.tunnel !== null)) giveUp(ex, 'reset')
  }
}

function endOf(
  ex: Exchange,
  lane: Lane
): { readonly graceMs: number; readonly cut: boolean } | null {
  const { variant, decision } = ex
  if (variant === null || decision === null || ex.settled) return null
  const route = lane.table?.byName.get(decision.route.name)
  const current = route?.variants.find(other => other.snapshot.name === variant.snapshot.name)
  if (route === undefined || current === undefined || !current.snapshot.rolledBack) return null
  return route.snapshot.stream
}
