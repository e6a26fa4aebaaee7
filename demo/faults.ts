/**
 * Faults of a model server that can be switched on while it runs, as they come in production.
 *
 * `share` of the prediction calls is hit, evenly and without chance (every n-th), so that a run can be repeated.
 * Only prediction calls fail by errors and NaN: a broken model whose health endpoint stays green is the common
 * case. `hang`, `slow` and `not-found` hit everything; `dead` ends the process.
 */
export const FAULTS = ['none', 'errors', 'nan', 'slow', 'dead', 'not-found', 'hang'] as const
export type FaultKind = (typeof FAULTS)[number]

export type Fault = { readonly kind: FaultKind; readonly share: number; readonly delayMs: number }

export type Faults = {
  set(fault: Fault): void
  /** The fault that this call meets; `none` for most. */
  of(prediction: boolean): Fault
}

const NONE: Fault = { kind: 'none', share: 1, delayMs: 0 }
const ONLY_PREDICTIONS: readonly FaultKind[] = ['errors', 'nan']

export function faults(): Faults {
  let current = NONE
  let due = 0
  return {
    set(fault) {
      current = fault
      due = 0
    },
    of(prediction) {
      if (!prediction && ONLY_PREDICTIONS.includes(current.kind)) return NONE
      if (current.share >= 1) return current
      due += current.share
      if (due < 1) return NONE
      due -= 1
      return current
    }
  }
}

/** A fault from JSON: {"kind", "share"? (0..1, default 1), "delayMs"? (for slow, default 800)}. Throws. */
export function faultOf(value: unknown): Fault {
  if (typeof value !== 'object' || value === null || !('kind' in value)) {
    throw new Error('a fault is {"kind": …}')
  }
  const kind = FAULTS.find(name => name === value.kind)
  if (kind === undefined) throw new Error(`kind is one of ${FAULTS.join(', ')}`)
  const share = 'share' in value ? Number(value.share) : 1
  const delayMs = 'delayMs' in value ? Number(value.delayMs) : 800
  if (!(share > 0 && share <= 1)) throw new Error('share is above 0 and at most 1')
  if (!(delayMs >= 0 && delayMs <= 600_000)) throw new Error('delayMs is 0 to 600000')
  return { kind, share, delayMs }
}
