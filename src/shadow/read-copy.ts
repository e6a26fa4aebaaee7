/**
 * What a shadow's answer says: its predictions are read as those of a live answer are, and decide its outcome.
 * Shadow outcomes have counters of their own and never enter the live triggers (shadow.md, rule 11).
 */
import { firstReader } from '../domain/payload/first-reader.ts'
import type { Reading } from '../domain/payload/reading.ts'
import type { CopyOutcome } from '../domain/shadow.ts'
import type { ShadowTarget } from '../domain/shadow-messages.ts'
import type { CopiedAnswer } from './copied-call.ts'

/** Null where nothing was looked at. `body` is without its content coding. */
export function readCopy(
  { protocol, predictions }: Pick<ShadowTarget, 'protocol' | 'predictions'>,
  path: string,
  { status, contentType, inferenceHeaderLength }: CopiedAnswer,
  body: Uint8Array | null
): Reading | null {
  if (body === null) return null
  const reader = firstReader(protocol, status, contentType, null)
  reader?.push(body)
  const first = reader?.end() ?? null
  if (first === null) return null
  return {
    ...first,
    why: null,
    predictions: predictions.length + (inferenceHeaderLength ?? 0) + path.length,
    truncated: false,
    inputTokens: null,
    outputTokens: null,
    model: null,
    finished: true
  }
}

/** The outcome of a copy, as http.md has it for live requests. */
export function outcomeOfCopy(answer: CopiedAnswer, reading: Reading | null): CopyOutcome {
  const { outcome, status } = answer
  if (outcome !== 'ok') return outcome
  if (reading?.failed === true || status >= 500 || status === 408) return 'upstream_error'
  if (status >= 400) return 'client_error'
  return reading !== null && reading.bad !== 0 ? 'bad_prediction' : 'ok'
}
