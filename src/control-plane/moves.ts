/**
 * Who moves between two documents of a route: the answer of a dry run.
 */
import { ledgerOf, type RouteDocument } from '../domain/document.ts'
import { flatten, ownerOf } from '../domain/ranges.ts'

export type Move = { readonly from: string; readonly to: string; readonly percent: number }

/** The share of all units, in percent, that goes from one variant to another. */
export function movesBetween(before: RouteDocument, after: RouteDocument): readonly Move[] {
  const was = flatten(ledgerOf(before), before.champion)
  const is = flatten(ledgerOf(after), after.champion)
  const edges = [...new Set([...was, ...is].map(({ start }) => start))].sort((a, b) => a - b)
  const moves = new Map<string, Move>()
  for (const [i, start] of edges.entries()) {
    const from = ownerOf(was, start) ?? before.champion
    const to = ownerOf(is, start) ?? after.champion
    if (from === to) continue
    const buckets = (edges[i + 1] ?? 10_000) - start
    const known = moves.get(`${from}>${to}`)?.percent ?? 0
    moves.set(`${from}>${to}`, { from, to, percent: Math.round(known * 100 + buckets) / 100 })
  }
  return [...moves.values()]
}
