/**
 * What a shadow's answer says: its predictions are read as those of a live answer are, and decide its outcome.
 * Shadow outcomes have counters of their own and never enter the live triggers (shadow.md, rule 11).
 */
import { answerReader } from '../domain/payload/answer-reader.ts'
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
  const head = { protocol, predictions, path, status, contentType, inferenceHeaderLength }
  const reader = answerReader(head)
  reader?.push(body)
  return reader?.end(true) ?? null
}

/** The outcome of a copy, as http.md has it for live requests. */
export function outcomeOfCopy(answer: CopiedAnswer, reading: Reading | null): CopyOutcome {
  const { outcome, status } = answer
  if (outcome !== 'ok') return outcome
  if (reading?.failed === true || status >= 500 || status === 408) return 'upstream_error'
  if (status >= 400) return 'client_error'
  return reading !== null && reading.bad !== 0 ? 'bad_prediction' : 'ok'
}
