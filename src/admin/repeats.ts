/**
 * Answers of changes by `Idempotency-Key`, so that a client whose answer was lost can ask again safely.
 *
 * The same key with the same request gets the same answer for 24 h; with another request it is refused. Only
 * accepted changes are kept, 1,000 at most, in memory: after a restart the repeat is judged by its If-Match.
 */
import { fail } from '../errors.ts'
import type { Answer } from './call.ts'

const KEEP_MS = 86_400_000
const MAX_KEPT = 1_000

export type Repeats = {
  /** Runs `change` once per (caller, key); the repeat gets the first answer, also while that is on its way. */
  once(key: string, fingerprint: string, change: () => Promise<Answer>): Promise<Answer>
  /** The answer of an earlier request with this key, or null. Throws SLC_ADMIN_KEY_REUSED (422). */
  find(key: string, fingerprint: string): Promise<Answer> | null
}

type Kept = { readonly fingerprint: string; readonly at: number; readonly answer: Promise<Answer> }

/** `now` is monotonic, in ms. */
export function createRepeats(now: () => number): Repeats {
  const kept = new Map<string, Kept>()

  function find(key: string, fingerprint: string): Promise<Answer> | null {
    const entry = kept.get(key)
    if (!entry) return null
    if (entry.at < now() - KEEP_MS) {
      kept.delete(key)
      return null
    }
    if (entry.fingerprint !== fingerprint) throw fail('SLC_ADMIN_KEY_REUSED')
    return entry.answer
  }

  return {
    find,
    once(key, fingerprint, change) {
      const earlier = find(key, fingerprint)
      if (earlier) return earlier
      const answer = change()
      kept.set(key, { fingerprint, at: now(), answer })
      answer.catch(() => kept.delete(key))
      const [oldest] = kept.keys()
      if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest)
      return answer
    }
  }
}
