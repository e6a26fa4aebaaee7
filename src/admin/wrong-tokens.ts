/**
 * Slows guessing: more than 20 wrong tokens from an address within a minute are answered 429.
 *
 * Only wrong ones are counted and slowed; a right token never asks here. An IPv6 client counts by its /64, for it
 * owns all of that. Memory is bounded: 4,096 addresses, the one that was quiet longest goes first.
 */
export const WRONG_PER_MINUTE = 20
const WINDOW_MS = 60_000
const MAX_ADDRESSES = 4_096

/** `slow`: this one is answered 429. `turned`: it is the first of its window to be slowed. */
export type WrongVerdict = {
  readonly slow: boolean
  readonly turned: boolean
  readonly count: number // of wrong tokens in the last minute
  readonly retryAfter: number // seconds until one is answered 401 again
}

export type WrongTokens = {
  /** Counts one wrong token. `now` is monotonic, in ms. */
  count(address: string, now: number): WrongVerdict
  readonly size: () => number
}

/** The times of the last wrong tokens of each address; at most 21 are kept. */
export function createWrongTokens(): WrongTokens {
  const seen = new Map<string, { times: readonly number[]; slowed: boolean }>()
  return {
    size: () => seen.size,
    count(address, now) {
      const key = addressKey(address)
      const entry = seen.get(key) ?? { times: [], slowed: false }
      const recent = entry.times.filter(at => at > now - WINDOW_MS)
      const times = [...recent, now].slice(-(WRONG_PER_MINUTE + 1))
      const slow = times.length > WRONG_PER_MINUTE
      seen.delete(key)
      seen.set(key, { times, slowed: slow })
      if (seen.size > MAX_ADDRESSES)
        for (const oldest of seen.keys()) {
          seen.delete(oldest)
          break
        }
      const wait = slow ? (times[1] ?? now) + WINDOW_MS - now : 0
      return {
        slow,
        turned: slow && !entry.slowed,
        count: times.length,
        retryAfter: Math.max(1, Math.ceil(wait / 1000))
      }
    }
  }
}

function addressKey(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice(7)
  return address.includes(':') ? `${expanded(address).slice(0, 4).join(':')}::/64` : address
}

/** The eight groups of an IPv6 address, zeros in the place of `::`. */
function expanded(address: string): readonly string[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const left = head.split(':').filter(Boolean)
  if (tail === undefined) return left
  const right = tail.split(':').filter(Boolean)
  return [
    ...left,
    ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'),
    ...right
  ]
}
