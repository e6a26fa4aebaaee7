/**
 * Which address of a variant gets a request: fewest in flight, or by the unit's hash.
 *
 * Addresses that are healthy and not ejected come first; when none is left, all are used, for a variant is never
 * cut off by its own bookkeeping. An address that is new takes part in the share `ramp` of the choices; one with
 * ramp 0 is still starting and gets nothing. Equals take turns, the one that waited longest first. By unit it is
 * the highest of the hashes of (unit, address): an address that comes or goes moves only the units it wins or
 * had. No chance, and no allocation per request.
 */
import { murmur32 } from '../domain/hash.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'

/** An address with what this thread knows of it; times in ms since the process epoch. */
export type Choosable = {
  readonly snapshot: AddressSnapshot
  readonly standing: { readonly inFlight: number; readonly ejectedUntil: number }
}

/** The address for a request, not `tried`, or null. A `unitHash` of 0 means that there is no unit. */
export function chooseAddress<A extends Choosable>(
  variant: {
    readonly snapshot: { readonly balance: 'least-in-flight' | 'unit-hash' }
    readonly addresses: readonly A[]
  },
  unitHash: number,
  tried: A | null,
  now: number
): A | null {
  const { addresses } = variant
  const best = bestRank(addresses, tried, now)
  if (best === NEVER) return null
  if (variant.snapshot.balance === 'unit-hash' && unitHash !== 0)
    return byUnit(addresses, unitHash, tried, now, best)
  const turns = leastInFlight(addresses, tried, now, best, true)
  return turns ?? leastInFlight(addresses, tried, now, best, false)
}

/** Whether a variant has addresses and all of them are still starting: its silence is no failure. */
export function isStarting(addresses: readonly Choosable[]): boolean {
  for (const { snapshot } of addresses) if (snapshot.ramp > 0) return false
  return addresses.length > 0
}

const IN_SERVICE = 0
const OUT = 1
const NEVER = 2

function rank(address: Choosable, tried: Choosable | null, now: number): number {
  const { snapshot, standing } = address
  if (snapshot.ramp <= 0 || standing === tried?.standing) return NEVER
  return snapshot.healthy && standing.ejectedUntil <= now ? IN_SERVICE : OUT
}

function bestRank(addresses: readonly Choosable[], tried: Choosable | null, now: number): number {
  let best = NEVER
  for (const address of addresses) best = Math.min(best, rank(address, tried, now))
  return best
}

/** With `growing`, addresses that are new stand back for the share of choices that is not theirs yet. */
function leastInFlight<A extends Choosable>(
  addresses: readonly A[],
  tried: A | null,
  now: number,
  wanted: number,
  growing: boolean
): A | null {
  let best: A | null = null
  let least = 0
  let waited = 0
  for (const address of addresses) {
    if (rank(address, tried, now) !== wanted) continue
    const turn = turnOf(address)
    if (growing && !takesPart(address, turn)) continue
    const { inFlight } = address.standing
    if (best !== null && (inFlight > least || (inFlight === least && turn.last >= waited))) continue
    best = address
    least = inFlight
    waited = turn.last
  }
  if (best !== null) turnOf(best).last = ++choices
  return best
}

function takesPart(address: Choosable, turn: Turn): boolean {
  const { ramp } = address.snapshot
  if (ramp >= 1) return true
  turn.credit += ramp
  if (turn.credit < 1) return false
  turn.credit -= 1
  return true
}

function byUnit<A extends Choosable>(
  addresses: readonly A[],
  unitHash: number,
  tried: A | null,
  now: number,
  wanted: number
): A | null {
  let best: A | null = null
  let highest = -1
  let bestIsIn = false
  for (const address of addresses) {
    if (rank(address, tried, now) !== wanted) continue
    const score = mixed(unitHash ^ turnOf(address).hash)
    const isIn = mixed(score) < address.snapshot.ramp * 2 ** 32 // the same units first, as it grows
    if (bestIsIn && !isIn) continue
    if (bestIsIn === isIn && score <= highest) continue
    best = address
    highest = score
    bestIsIn = isIn
  }
  return best
}

/** What taking turns needs beside the standing; it lives as long as that. */
type Turn = { last: number; credit: number; readonly hash: number }

const turns = new WeakMap<Choosable['standing'], Turn>()
let choices = 0

function turnOf({ standing, snapshot }: Choosable): Turn {
  const known = turns.get(standing)
  if (known !== undefined) return known
  const name = new TextEncoder().encode(`${snapshot.url} ${snapshot.ip} ${snapshot.port}`)
  const turn = { last: 0, credit: 0, hash: murmur32(name) }
  turns.set(standing, turn)
  return turn
}

/** Finaliser of murmur3: neighbouring numbers come out unrelated. Unsigned 32 bits. */
function mixed(value: number): number {
  let h = value ^ (value >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
