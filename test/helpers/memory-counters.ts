/**
 * Counters that replicas share, in memory: slots of 5 s by the clock of the test, as the store numbers them. Calls
 * and answers get lost when the test says so; a lost answer is asked for again with the next call.
 */
import type { FleetSlot } from '../../src/ports.ts'

export type Fate = 'answered' | 'unanswered' | 'unsent'
export type Exchange = (
  route: string,
  variant: string,
  totals: string
) => readonly FleetSlot[] | null

export type MemoryCounters = {
  /** The way of one replica to them. */
  of(replica: string, fate?: () => Fate): Exchange
}

const SLOT_MS = 5_000
const SLOTS = 7
const KEPT_SLOTS = 180

/** `now` in ms of the store. */
export function memoryCounters(now: () => number): MemoryCounters {
  const slots = new Map<string, Map<string, string>>()
  return {
    of(replica, fate = () => 'answered') {
      const read = new Map<string, number>()
      return (route, variant, totals) => {
        const key = `${route}/${variant}`
        const slot = Math.floor(now() / SLOT_MS)
        const decided = fate()
        if (decided === 'unsent') return null
        const fields = slots.get(`${key}/${slot}`) ?? new Map<string, string>()
        fields.set(replica, totals)
        slots.set(`${key}/${slot}`, fields)
        slots.delete(`${key}/${slot - KEPT_SLOTS}`)
        if (decided === 'unanswered') return null
        const last = read.get(key) ?? slot - 2
        const ended: FleetSlot[] = []
        for (let s = Math.max(last + 1, slot - SLOTS); s < slot; s++) {
          ended.push({ slot: s, totals: new Map(slots.get(`${key}/${s}`) ?? []) })
          read.set(key, s)
        }
        return ended
      }
    }
  }
}
