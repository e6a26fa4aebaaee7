/**
 * The outcome of an answer that came whole, a live one's and a copy's alike (http.md, outcome of a request).
 */
import type { Outcome } from './counts.ts'
import type { Reading } from './payload/reading.ts'

export type AnswerOutcome = Extract<
  Outcome,
  'ok' | 'client_error' | 'upstream_error' | 'bad_prediction'
>

/** `reading` is what its predictions said; null where nobody looked at them. */
export function outcomeOfAnswer(status: number, reading: Reading | null): AnswerOutcome {
  if (reading?.failed === true || status >= 500 || status === 408) return 'upstream_error'
  if (status >= 400) return 'client_error'
  return reading !== null && reading.bad !== 0 ? 'bad_prediction' : 'ok'
}
