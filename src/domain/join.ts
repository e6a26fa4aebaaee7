/**
 * Which of two documents of a route holds, on every replica alike (state.md): the later one by epoch, then by
 * revision. Two of the same revision that differ come from a store that was split in two: then the one that
 * gives challengers less holds, so that a split never raises a weight, and any two replicas choose the same; a
 * shadow that either switched off is off.
 *
 * Whichever holds, no rollback of the other is lost: it goes into the document that replaces it.
 */
import { canonicalJson } from './canonical-json.ts'
import { isLater, ledgerOf, type RouteDocument } from './document.ts'
import type { Means } from './operations.ts'
import { sizeOf } from './ranges.ts'
import { tombstonesOf, withTombstones } from './tombstones.ts'

export type Joined =
  | { readonly holds: 'same' | 'ours' | 'theirs' } // `theirs` may lack a rollback that ours has
  | { readonly holds: 'neither'; readonly document: RouteDocument } // the next one, for both

export function join(ours: RouteDocument, theirs: RouteDocument, means: Means): Joined {
  if (ours === theirs) return { holds: 'same' }
  if (isLater(theirs, ours)) return { holds: 'theirs' }
  if (isLater(ours, theirs)) {
    const document = withTombstones(ours, tombstonesOf(theirs), means)
    return document === ours ? { holds: 'ours' } : { holds: 'neither', document }
  }
  const [a, b] = [canonicalJson(ours), canonicalJson(theirs)]
  if (a === b) return { holds: 'same' }
  const oursIsSafer = isSafer(ours, a, theirs, b)
  const [safer, text, other] = oursIsSafer ? [ours, a, theirs] : [theirs, b, ours]
  const shadows = switchedOff(safer, other)
  const next = { ...safer, shadows, revision: safer.revision + 1, previous: means.sha256(text) }
  return { holds: 'neither', document: withTombstones(next, tombstonesOf(other), means) }
}

/** The switches of the safer document, and those of the other that are off. */
function switchedOff(safer: RouteDocument, other: RouteDocument): RouteDocument['shadows'] {
  const off = Object.entries(other.shadows).filter(([, { on }]) => !on)
  return { ...safer.shadows, ...Object.fromEntries(off) }
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
