/**
 * The addresses of one variant over time: what its names resolve to, joined with what health checks say.
 *
 * An address keeps its slot (0..63, its place in the counters) as long as it lives; a slot that was left rests
 * as long as others are free, so that late answers are not counted for a stranger. Addresses that are there
 * when the variant begins are in service at once; one that comes later grows in over 30 s, from the moment it
 * is known to work. One that has never passed its check is cold (ramp 0): it gets nothing, until `startupMs` is over and
 * its failures count; a champion's `startupMs` is 0, for nobody else could answer. Pure but for its own state: time is an argument.
 */
import { ADDRESSES } from '../domain/counts.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'

export type BookUpstream = {
  readonly url: string
  readonly secure: boolean
  readonly hostname: string
  readonly port: number
}

export type AddressBook = {
  /** What an upstream resolves to now; an empty list removes it. Returns how many found no slot. */
  resolved(upstream: BookUpstream, ips: readonly string[], now: number): number
  /** A result of a health check, by the key of the address. */
  checked(key: string, healthy: boolean, now: number): void
  /** What data threads get, in the order of slots. */
  snapshot(now: number, startupMs: number): readonly AddressSnapshot[]
  /** Addresses to check. */
  entries(): readonly {
    readonly key: string
    readonly upstream: BookUpstream
    readonly ip: string
  }[]
  /** Whether the snapshot changes by time alone. */
  moving(now: number, startupMs: number): boolean
}

export const RAMP_MS = 30_000
export const RAMP_STEPS = 10
const BEGINNING_MS = 10_000

type Entry = {
  readonly key: string
  readonly slot: number
  readonly upstream: BookUpstream
  readonly ip: string
  readonly addedAt: number
  readonly first: boolean // there when the variant began
  verdict: 'unknown' | 'good' | 'bad'
  inServiceAt: number | null // null while it has never passed its check
}

export function createAddressBook(options: {
  readonly checked: boolean // whether there are health checks
  readonly now: number
}): AddressBook {
  const entries = new Map<string, Entry>()
  const free: number[] = Array.from({ length: ADDRESSES.slots }, (_, slot) => slot)

  function add(upstream: BookUpstream, ip: string, now: number): boolean {
    const slot = free.shift()
    if (slot === undefined) return false
    const first = now - options.now < BEGINNING_MS
    const key = keyOf(upstream, ip)
    const inServiceAt = options.checked ? null : first ? now - RAMP_MS : now
    const verdict = options.checked ? 'unknown' : 'good'
    entries.set(key, { key, slot, upstream, ip, addedAt: now, first, verdict, inServiceAt })
    return true
  }

  return {
    resolved(upstream, ips, now) {
      const wanted = new Map(ips.map(ip => [keyOf(upstream, ip), ip]))
      for (const entry of entries.values()) {
        if (entry.upstream.url !== upstream.url || wanted.has(entry.key)) continue
        entries.delete(entry.key)
        free.push(entry.slot)
      }
      let left = 0
      for (const [key, ip] of wanted) {
        if (!entries.has(key) && !add(upstream, ip, now)) left++
      }
      return left
    },
    checked(key, healthy, now) {
      const entry = entries.get(key)
      if (entry === undefined) return
      const early = entry.first && entry.verdict === 'unknown'
      entry.verdict = healthy ? 'good' : 'bad'
      if (healthy) entry.inServiceAt ??= early ? now - RAMP_MS : now
    },
    snapshot: (now, startupMs) =>
      [...entries.values()]
        .sort((a, b) => a.slot - b.slot)
        .map(entry => ({
          slot: entry.slot,
          url: entry.upstream.url,
          secure: entry.upstream.secure,
          hostname: entry.upstream.hostname,
          ip: entry.ip,
          port: entry.upstream.port,
          healthy: entry.verdict === 'good' || (entry.verdict === 'unknown' && entry.first),
          ramp: isCold(entry, now, startupMs) ? 0 : rampOf(entry, now)
        })),
    entries: () => [...entries.values()],
    moving: (now, startupMs) =>
      [...entries.values()].some(entry => isCold(entry, now, startupMs) || isGrowing(entry, now))
  }
}

function isCold(entry: Entry, now: number, startupMs: number): boolean {
  if (entry.inServiceAt !== null || now - entry.addedAt >= startupMs) return false
  return entry.verdict === 'bad' || !entry.first
}

function rampOf(entry: Entry, now: number): number {
  if (entry.inServiceAt === null) return 1
  const step = Math.floor(((now - entry.inServiceAt) / RAMP_MS) * RAMP_STEPS)
  return Math.min(RAMP_STEPS, Math.max(1, step)) / RAMP_STEPS
}

function isGrowing(entry: Entry, now: number): boolean {
  return entry.inServiceAt !== null && now - entry.inServiceAt < RAMP_MS
}

function keyOf(upstream: BookUpstream, ip: string): string {
  return `${upstream.url} ${ip}`
}
