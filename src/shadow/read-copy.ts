/**
 * What a shadow's answer says: its predictions are read as those of a live answer are, and decide its outcome.
 * Shadow outcomes have counters of their own and never enter the live triggers (shadow.md, rule 11).
 */
import type { Steps } from '../domain/compare/pace.ts'
import { BAD_KINDS } from '../domain/counts.ts'
import { outcomeOfAnswer } from '../domain/outcome.ts'
import { answerReader } from '../domain/payload/answer-reader.ts'
import type { Reading } from '../domain/payload/reading.ts'
import type { CopyOutcome } from '../domain/shadow.ts'
import type { RequestCopy } from '../domain/shadow-copy.ts'
import type { ShadowTarget } from '../domain/shadow-messages.ts'
import type { CopiedAnswer } from './copied-call.ts'
import type { Decoded } from './decoded.ts'

/** Null where nothing was looked at. `plain` is the body without its content coding. In steps, for the loop of events. */
export function* readCopy(
  { protocol, predictions }: Pick<ShadowTarget, 'protocol' | 'predictions'>,
  { method, path }: Pick<RequestCopy, 'method' | 'path'>,
  { outcome, status, contentType, inferenceHeaderLength }: CopiedAnswer,
  plain: Decoded
): Steps<Reading | null> {
  if (method === 'HEAD' || outcome !== 'ok' || plain.state === 'unknown') return null
  const head = { protocol, predictions, path, status, contentType, inferenceHeaderLength }
  const reader = answerReader(head)
  if (reader === null) return null
  for (let at = 0; at < plain.bytes.length; at += PIECE) {
    reader.push(plain.bytes.subarray(at, at + PIECE))
    yield
  }
  const reading = reader.end(plain.state === 'whole')
  if (plain.state !== 'broken') return reading
  return { ...reading, judged: true, bad: reading.failed ? 0 : reading.bad | UNPARSABLE }
}

const PIECE = 32_768 // bytes that are read at once
const UNPARSABLE = 1 << BAD_KINDS.indexOf('unparsable')

/** The outcome of a copy, as http.md has it for live requests. */
export function outcomeOfCopy(answer: CopiedAnswer, reading: Reading | null): CopyOutcome {
  const { outcome, status } = answer
  return outcome === 'ok' ? outcomeOfAnswer(status, reading) : outcome
}
