/**
 * The fleet's counters in Redis: per variant and slot of 5 s of the store's time one hash, in it one field per
 * replica with its totals (triggers.md; reliability.md section 4).
 *
 * Totals are absolute, so a call that ran twice, late or not at all changes no sum. Nothing is queued: while a
 * call of a variant is open, the next one is skipped. The slots that ended come back with the same call.
 */
import { createHash } from 'node:crypto'
import type { FleetCounters, FleetSlot } from '../../ports.ts'
import type { RedisLink } from './link.ts'
import { countsKey, type Script } from './scripts.ts'

const SLOT_MS = 5_000
const KEEP_SECONDS = 900
const MOST_SLOTS = 7

/**
 * KEYS base of the slots' keys; ARGV replica, its totals, the slot that it read last (-1: none), ms of a slot.
 * Gives pairs of a slot that ended and what is in it, oldest first. Where the store's time went back, reading
 * begins anew; so it does without a last slot, with the one that ended last.
 */
const EXCHANGE: Script = script(
  'exchange',
  `
local time = redis.call('TIME')
local slot = math.floor((time[1] * 1000 + time[2] / 1000) / ARGV[4])
local key = KEYS[1] .. ':' .. slot
if redis.call('HSET', key, ARGV[1], ARGV[2]) == 1 then
  redis.call('EXPIRE', key, ${KEEP_SECONDS})
end
local last = tonumber(ARGV[3])
if last < 0 or last >= slot then last = slot - 2 end
local ended = {}
for s = math.max(last + 1, slot - ${MOST_SLOTS}), slot - 1 do
  ended[#ended + 1] = s
  ended[#ended + 1] = redis.call('HGETALL', KEYS[1] .. ':' .. s)
end
return ended
`
)

/**
 * `replica`: the name under which this process writes, never that of a process before it. All replicas must have
 * slots of the same length.
 */
export function createFleetCounters(
  link: Pick<RedisLink, 'run' | 'ready' | 'count'>,
  prefix: string,
  replica: string,
  slotMs = SLOT_MS
): FleetCounters {
  const lastRead = new Map<string, number>()
  const open = new Set<string>()

  return {
    async exchange(route, variant, totals) {
      const key = countsKey(prefix, route, variant)
      if (open.has(key) || !link.ready()) return null
      open.add(key)
      try {
        const last = lastRead.get(key) ?? -1
        const slots = slotsOf(
          await link.run(EXCHANGE, [key], [replica, totals, String(last), String(slotMs)])
        )
        const newest = slots?.at(-1)
        if (newest) lastRead.set(key, newest.slot)
        return slots
      } catch (error) {
        link.count(error)
        return null
      } finally {
        open.delete(key)
      }
    }
  }
}

/** Null for a reply that is not one of the script. */
function slotsOf(reply: unknown): readonly FleetSlot[] | null {
  if (!Array.isArray(reply) || reply.length % 2 !== 0) return null
  const slots: FleetSlot[] = []
  for (let i = 0; i < reply.length; i += 2) {
    const slot: unknown = reply[i]
    const fields: unknown = reply[i + 1]
    if (typeof slot !== 'number' || !Array.isArray(fields)) return null
    const totals = new Map<string, string>()
    for (let f = 0; f + 1 < fields.length; f += 2)
      totals.set(String(fields[f]), String(fields[f + 1]))
    slots.push({ slot, totals })
  }
  return slots
}

function script(name: string, lua: string): Script {
  return { name, lua, sha: createHash('sha1').update(lua).digest('hex') }
}
