/**
 * Bucket ranges: which of the 10,000 buckets each variant owns (assignment.md).
 *
 * Growing a challenger takes buckets from the champion and from nobody else, so a unit that is in stays in;
 * shrinking gives the newest back first. The champion owns what no challenger has. A change of several
 * challengers may take only what the champion owned before it, so a unit never moves between challengers.
 * One bucket is one basis point of weight; everything here is integers.
 */
import { BUCKETS } from './hash.ts'

/** [start, end) of buckets. */
export type Interval = readonly [number, number]

/** Intervals of one challenger, in order of acquisition: the last one is given back first. */
export type Ranges = readonly Interval[]

/** Ranges by challenger; the champion is not in it. */
export type Ledger = Readonly<Record<string, Ranges>>

export type RangeOwner<Name> = {
  readonly start: number
  readonly end: number
  readonly variant: Name
}

export type Reallocation =
  | { readonly ok: true; readonly ledger: Ledger }
  | { readonly ok: false; readonly variant: string } // the first one that the champion could not feed

/**
 * The ledger after a change of weights. `targets` has the buckets (0..10000) of each challenger after it; one
 * that is left out goes to 0. Challengers that grow are served in the order of their names, so that every
 * replica finds the same ranges. Refused when they need more than the champion owned before the change.
 */
export function reallocate(ledger: Ledger, targets: ReadonlyMap<string, number>): Reallocation {
  let free = freeOf(ledger)
  const after = new Map<string, Ranges>()
  for (const name of namesOf(ledger, targets)) {
    const ranges = rangesIn(ledger, name)
    const change = (targets.get(name) ?? 0) - sizeOf(ranges)
    if (change <= 0) {
      after.set(name, shrink(ranges, -change))
      continue
    }
    const grown = grow(ranges, free, change)
    if (grown === null) return { ok: false, variant: name }
    after.set(name, grown.ranges)
    free = grown.free
  }
  return { ok: true, ledger: Object.fromEntries(after) }
}

/** `count` more buckets from the lowest of `free` upward; null when `free` has not that many. */
export function grow(
  ranges: Ranges,
  free: Ranges,
  count: number
): { readonly ranges: Ranges; readonly free: Ranges } | null {
  if (sizeOf(free) < count) return null
  const grown = [...ranges]
  const rest: Interval[] = []
  let missing = count
  for (const [start, end] of free) {
    const taken = Math.min(missing, end - start)
    if (taken > 0) append(grown, [start, start + taken])
    if (start + taken < end) rest.push([start + taken, end])
    missing -= taken
  }
  return { ranges: grown, free: rest }
}

/** `count` fewer buckets, the newest first. */
export function shrink(ranges: Ranges, count: number): Ranges {
  const kept = [...ranges]
  let surplus = count
  while (surplus > 0) {
    const last = kept.pop()
    if (last === undefined) break
    const [start, end] = last
    const given = Math.min(surplus, end - start)
    if (start < end - given) kept.push([start, end - given])
    surplus -= given
  }
  return kept
}

/** What the champion owns: the sorted intervals that no challenger has. */
export function freeOf(ledger: Ledger): Ranges {
  const free: Interval[] = []
  let at = 0
  for (const [start, end] of Object.values(ledger).flat().sort(byStart)) {
    if (at < start) free.push([at, start])
    at = Math.max(at, end)
  }
  if (at < BUCKETS) free.push([at, BUCKETS])
  return free
}

/** Number of buckets, which is the weight in basis points. */
export function sizeOf(ranges: Ranges): number {
  let size = 0
  for (const [start, end] of ranges) size += end - start
  return size
}

/** The sorted flattening: every bucket of 0..9999 exactly once, neighbours of one variant joined. */
export function flatten(ledger: Ledger, champion: string): readonly RangeOwner<string>[] {
  const owned = Object.entries(ledger).flatMap(([variant, ranges]) => owners(variant, ranges))
  const all = [...owned, ...owners(champion, freeOf(ledger))].sort((a, b) => a.start - b.start)
  const table: RangeOwner<string>[] = []
  for (const entry of all) {
    const last = table.at(-1)
    const joins = last !== undefined && last.variant === entry.variant && last.end === entry.start
    if (joins) table[table.length - 1] = { ...last, end: entry.end }
    else table.push(entry)
  }
  return table
}

/** The owner of `bucket` (0..9999) in a sorted table that covers it. Binary search: at most 14 steps. */
export function ownerOf<Name>(
  table: readonly RangeOwner<Name>[],
  bucket: number
): Name | undefined {
  let low = 0
  let high = table.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (bucket < (table[middle]?.end ?? 0)) high = middle
    else low = middle + 1
  }
  return table[low]?.variant
}

/** Whether ranges are intervals of 0..10000, not empty, and no bucket is in two of them. */
export function disjoint(ledger: Ledger): boolean {
  let at = 0
  for (const [start, end] of Object.values(ledger).flat().sort(byStart)) {
    const whole = Number.isInteger(start) && Number.isInteger(end)
    if (!whole || start < at || end <= start || end > BUCKETS) return false
    at = end
  }
  return true
}

/** Appends, joined to the last one where it touches its end: the order of acquisition stays. */
function append(ranges: Interval[], interval: Interval): void {
  const last = ranges.at(-1)
  if (last !== undefined && last[1] === interval[0]) {
    ranges[ranges.length - 1] = [last[0], interval[1]]
  } else {
    ranges.push(interval)
  }
}

function owners(variant: string, ranges: Ranges): readonly RangeOwner<string>[] {
  return ranges.map(([start, end]) => ({ start, end, variant }))
}

function namesOf(ledger: Ledger, targets: ReadonlyMap<string, number>): readonly string[] {
  return [...new Set([...Object.keys(ledger), ...targets.keys()])].sort()
}

function rangesIn(ledger: Ledger, name: string): Ranges {
  return Object.hasOwn(ledger, name) ? (ledger[name] ?? []) : []
}

function byStart(a: Interval, b: Interval): number {
  return a[0] - b[0]
}
