/**
 * Reads an answer in pieces, as tests ask for them, and says what was found in words.
 */
import { badKindsOf } from '../../src/domain/counts.ts'
import { answerReader } from '../../src/domain/payload/answer-reader.ts'
import type { AnswerHeadFacts, Reading } from '../../src/domain/payload/reading.ts'
import type { Protocol } from '../../src/domain/route.ts'

const PATHS: Readonly<Record<Protocol, string>> = {
  'open-inference': '/v2/models/m/infer',
  'kserve-v1': '/v1/models/m:predict',
  mlflow: '/invocations',
  json: '/predict',
  openai: '/v1/chat/completions',
  anthropic: '/v1/messages',
  opaque: '/'
}

/** The head of a good JSON answer under a protocol. */
export function headOf(protocol: Protocol, more: Partial<AnswerHeadFacts> = {}): AnswerHeadFacts {
  return {
    protocol,
    predictions: [],
    path: PATHS[protocol],
    status: 200,
    contentType: 'application/json',
    inferenceHeaderLength: null,
    ...more
  }
}

/** Reads `body` cut at the given offsets (rising); null where such an answer is not judged. */
export function readCut(
  head: AnswerHeadFacts,
  body: Uint8Array,
  cuts: readonly number[] = [],
  complete = true,
  bound?: number
): Reading | null {
  const reader = answerReader(head, bound)
  if (reader === null) return null
  let from = 0
  for (const cut of [...cuts, body.length]) {
    // a copy: nothing may be kept of a chunk that another one overwrites
    reader.push(Uint8Array.from(body.subarray(from, cut)))
    from = cut
  }
  return reader.end(complete)
}

/** Kinds of bad predictions of an answer, `failed`, or `unjudged`. */
export function verdict(reading: Reading | null): string {
  if (reading === null || !reading.judged) return 'unjudged'
  if (reading.failed) return 'failed'
  return badKindsOf(reading.bad).join()
}

/** The verdict on a text, read whole; complains where single bytes say something else. */
export function judge(head: AnswerHeadFacts, body: string | Uint8Array, complete = true): string {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const whole = readCut(head, bytes, [], complete)
  const single = readCut(
    head,
    bytes,
    Array.from(bytes, (_, i) => i),
    complete
  )
  const said = verdict(whole)
  return JSON.stringify(whole) === JSON.stringify(single)
    ? said
    : `${said}; in single bytes ${verdict(single)}: ${JSON.stringify([whole, single])}`
}
