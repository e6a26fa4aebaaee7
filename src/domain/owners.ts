/**
 * Which variant owns a bucket: the sorted flattening of a route's ranges, made for looking up.
 *
 * Two small typed arrays and a binary search: 10,000 buckets need at most 14 steps, a canary two. The
 * ranges themselves and their invariants belong to the route's document.
 */
import type { RangeEntry } from './snapshot.ts'

export type Owners = { readonly starts: Uint16Array; readonly variants: Uint8Array }

/** `ranges` are sorted, disjoint and cover 0..9999. */
export function ownersOf(ranges: readonly RangeEntry[]): Owners {
  return {
    starts: Uint16Array.from(ranges, range => range.start),
    variants: Uint8Array.from(ranges, range => range.variant)
  }
}

/** Index of the variant that owns `bucket` (0..9999). */
export function ownerOf(owners: Owners, bucket: number): number {
  const { starts } = owners
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((starts[middle] ?? 0) <= bucket) low = middle
    else high = middle - 1
  }
  return owners.variants[low] ?? 0
}
