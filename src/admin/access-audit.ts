/**
 * Refused access in the audit log, within bounds: an attacker may knock for ever but must not fill the disk.
 *
 * At most 40 entries at once and one more every 10 s, whoever knocks; what was left out is counted in the next
 * entry. A failing audit log is said in the process log and never changes the answer to the client.
 */
import type { Control, Log } from '../ports.ts'

export type Refusal = {
  readonly what: string
  readonly address: string
  readonly by: string // token id, `unknown` without one
  readonly requestId: string
  readonly [fact: string]: string | number
}

export type AccessAudit = { record(refusal: Refusal): void }

const BURST = 40
const REFILL_MS = 10_000

/** `now` is monotonic, in ms. */
export function createAccessAudit(
  control: Pick<Control, 'audit'>,
  log: Log,
  now: () => number
): AccessAudit {
  let allowance = BURST
  let filledAt = now()
  let suppressed = 0

  function admitted(): boolean {
    const refill = Math.floor((now() - filledAt) / REFILL_MS)
    allowance = Math.min(BURST, allowance + refill)
    filledAt += refill * REFILL_MS
    if (allowance === 0) return false
    allowance--
    return true
  }

  return {
    record(refusal) {
      if (!admitted()) {
        suppressed++
        return
      }
      const { what, by, requestId, ...facts } = refusal
      const evidence = { what, ...facts, suppressed }
      suppressed = 0
      control
        .audit({
          type: 'access',
          route: null,
          variant: null,
          by,
          reason: what,
          requestId,
          before: null,
          after: null,
          evidence,
          revision: null
        })
        .catch(error => log.error({ err: error, requestId }, 'refused access could not be audited'))
    }
  }
}
