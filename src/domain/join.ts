/**
 * Which of two documents of a route holds, on every replica alike (state.md): the later one by epoch, then by
 * revision. Two of the same revision that differ come from a store that was split in two: then the one that
 * gives challengers less holds, so that a split never raises a weight, and any two replicas choose the same.
 */
import { canonicalJson } from './canonical-json.ts'
import { isLater, ledgerOf, type RouteDocument } from './document.ts'
import type { Means } from './operations.ts'
import { sizeOf } from './ranges.ts'

export type Joined =
  | { readonly holds: 'same' | 'ours' | 'theirs' }
  | { readonly holds: 'neither'; readonly document: RouteDocument } // both are of one revision: the next one

export function join(
  ours: RouteDocument,
  theirs: RouteDocument,
  means: Pick<Means, 'sha256'>
): Joined {
  if (ours === theirs) return { holds: 'same' }
  if (isLater(ours, theirs)) return { holds: 'ours' }
  if (isLater(theirs, ours)) return { holds: 'theirs' }
  const [a, b] = [canonicalJson(ours), canonicalJson(theirs)]
  if (a === b) return { holds: 'same' }
  const [safer, text] = isSafer(ours, a, theirs, b) ? [ours, a] : [theirs, b]
  const document = { ...safer, revision: safer.revision + 1, previous: means.sha256(text) }
  return { holds: 'neither', document }
}

function isSafer(one: RouteDocument, oneText: string, other: RouteDocument, otherText: string) {
  const less = challengerBuckets(one) - challengerBuckets(other)
  const more = rollbacks(one) - rollbacks(other)
  return less !== 0 ? less < 0 : more !== 0 ? more > 0 : oneText < otherText
}

function challengerBuckets(document: RouteDocument): number {
  return Object.values(ledgerOf(document)).reduce((sum, ranges) => sum + sizeOf(ranges), 0)
}

function rollbacks(document: RouteDocument): number {
  return Object.values(document.challengers).filter(({ rollback }) => rollback !== null).length
}
