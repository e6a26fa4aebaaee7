import { isDeepStrictEqual } from 'node:util'
import { test } from 'tap'
import {
  disjoint,
  flatten,
  type Ledger,
  ownerOf,
  reallocate,
  sizeOf
} from '../../src/domain/ranges.ts'
import { seeded } from '../helpers/seeded.ts'

const CHAMPION = 'v0'
const RAISED = 'v1'
const NAMES = ['v1', 'v2', 'v3', 'v4', 'v5']

test('keeps the rules of ranges when weights change at random, 2,000 histories of 20 changes', async t => {
  const faults: string[] = []
  let accepted = 0
  let refused = 0
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = seeded(seed)
    let ledger: Ledger = {}
    for (let step = 0; step < 20; step++) {
      const targets = randomTargets(random)
      const change = reallocate(ledger, targets)
      const fault = change.ok
        ? faultOf(ledger, change.ledger, targets)
        : feeds(ledger, targets)
          ? 'refused although the champion has enough'
          : null
      if (fault !== null) faults.push(`seed ${seed} step ${step}: ${fault}`)
      if (change.ok) ledger = change.ledger
      if (change.ok) accepted++
      else refused++
    }
  }
  t.same(faults.slice(0, 5), [])
  t.ok(accepted > 10_000, `${accepted} changes were accepted`)
  t.ok(refused > 1_000, `${refused} changes were refused`)
})

test('comes back to the same ranges when a raise is taken back', async t => {
  const faults: string[] = []
  let raises = 0
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = seeded(seed)
    const start = reallocate({}, randomTargets(random))
    if (!start.ok) continue
    const size = sizeOf(start.ledger[RAISED] ?? [])
    const raised = reallocate(start.ledger, withOne(start.ledger, size + 100))
    if (!raised.ok) continue
    const back = reallocate(raised.ledger, withOne(raised.ledger, size))
    raises++
    const same =
      back.ok && isDeepStrictEqual(flatten(back.ledger, CHAMPION), flatten(start.ledger, CHAMPION))
    if (!same) faults.push(`seed ${seed}`)
  }
  t.same(faults, [])
  t.ok(raises > 1_000, `${raises} raises were taken back`)
})

/** What is wrong with a change, or null. */
function faultOf(
  before: Ledger,
  after: Ledger,
  targets: ReadonlyMap<string, number>
): string | null {
  if (!disjoint(after)) return 'two own a bucket'
  const from = flatten(before, CHAMPION)
  const to = flatten(after, CHAMPION)
  let at = 0
  for (const { start, end } of to) {
    if (start !== at || end <= start) return `the table has a hole at ${at}`
    at = end
  }
  if (at !== 10_000) return `the table ends at ${at}`
  for (const [name, ranges] of Object.entries(after)) {
    if (sizeOf(ranges) !== (targets.get(name) ?? 0)) return `${name} has ${sizeOf(ranges)} buckets`
  }
  const edges = new Set([...from, ...to].map(({ start }) => start)) // owners change nowhere else
  for (const bucket of edges) {
    const was = ownerOf(from, bucket)
    const is = ownerOf(to, bucket)
    if (was === is) continue
    if (was !== CHAMPION && is !== CHAMPION) return `bucket ${bucket} went from ${was} to ${is}`
    const grows = (name = '') => (targets.get(name) ?? 0) > sizeOf(before[name] ?? [])
    if (is === CHAMPION && grows(was)) return `${was} grew and lost bucket ${bucket}`
    if (was === CHAMPION && !grows(is)) return `${is} did not grow and got bucket ${bucket}`
  }
  return null
}

/** Whether the growth of `targets` fits into what the champion has. */
function feeds(ledger: Ledger, targets: ReadonlyMap<string, number>): boolean {
  const owned = Object.values(ledger).reduce((sum, ranges) => sum + sizeOf(ranges), 0)
  let growth = 0
  for (const [name, size] of targets) growth += Math.max(0, size - sizeOf(ledger[name] ?? []))
  return growth <= 10_000 - owned
}

function randomTargets(random: () => number): ReadonlyMap<string, number> {
  const targets = new Map<string, number>()
  let left = 10_000
  for (const name of NAMES) {
    if (random() < 0.3) continue
    const size = random() < 0.1 ? left : Math.floor(random() * Math.min(left, 4_000))
    targets.set(name, size)
    left -= size
  }
  return targets
}

function withOne(ledger: Ledger, size: number): ReadonlyMap<string, number> {
  const sizes = Object.entries(ledger).map(([other, ranges]): [string, number] => [
    other,
    sizeOf(ranges)
  ])
  return new Map([...sizes, [RAISED, size]])
}
