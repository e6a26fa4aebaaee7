/**
 * Chooses how an answer to a prediction call is read, and turns what was read into a Reading (payloads.md).
 *
 * The protocol of the route decides, never a guess; the content type tells a stream from a whole answer, and where the
 * bytes are not what the protocol says it tells why. Bytes after the bound are not looked at, and then nothing is
 * said of what may stand there. A status without an answer in it (not 2xx; 202, 204, 205, 206) is not judged.
 */
import { ANTHROPIC_ROOT, anthropicFacts } from './anthropic.ts'
import { Documents, type Texts } from './documents.ts'
import { EMBEDDINGS_ROOT, EmbeddingFacts } from './embeddings.ts'
import type { Facts } from './facts.ts'
import { BinaryBody, EventBody, type Frame, LineBody, WholeBody } from './frames.ts'
import { kserveV1Facts, kserveV1Root } from './kserve-v1.ts'
import { type MediaType, mediaTypeOf } from './media-type.ts'
import { MLFLOW_ROOT, MlflowFacts } from './mlflow.ts'
import { GENERATE_ROOT, INFER_ROOT, TensorFacts } from './open-inference.ts'
import { CHAT_ROOT, ChatFacts } from './openai-chat.ts'
import { RESPONSES_ROOT, responsesFacts } from './openai-responses.ts'
import type { Place } from './place.ts'
import { plainJsonFacts, plainJsonRoot } from './plain-json.ts'
import {
  type AnswerHeadFacts,
  type AnswerReader,
  NOT_READ,
  type Reading,
  SCAN_BYTES,
  type Unreadable
} from './reading.ts'

/**
 * A reader for an answer, or null where nothing is judged. `bound`: bytes that are looked at, of each document of a
 * stream.
 */
export function answerReader(head: AnswerHeadFacts, bound = SCAN_BYTES): AnswerReader | null {
  if (!hasAnswer(head.status)) return null
  const type = mediaTypeOf(head.contentType)
  const stream = type === 'events'
  const subject = subjectOf(head, stream)
  if (subject === null) return null
  const { facts, root } = subject
  const texts = textsOf(head, type)
  const loose = type !== 'json' && !stream
  facts.stream = stream || type === 'lines' || type === 'none'
  // A stream is read document by document, so the bound is one of each of them.
  const isStream = stream || type === 'lines'
  const ofEach = isStream ? bound : Number.POSITIVE_INFINITY
  const ofAll = isStream ? Number.POSITIVE_INFINITY : bound
  const documents = new Documents(facts, root, texts, stream, loose, ofEach)
  return new Reader(facts, frameOf(head, type, facts, documents), documents, type, ofAll)
}

type Subject = { readonly facts: Facts; readonly root: Place }

/** What is looked for; null: nothing. */
function subjectOf(head: AnswerHeadFacts, stream: boolean): Subject | null {
  const path = withoutQuery(head.path)
  switch (head.protocol) {
    case 'open-inference':
      return {
        facts: new TensorFacts(stream),
        root: isGenerate(path) ? GENERATE_ROOT : INFER_ROOT
      }
    case 'kserve-v1':
      return { facts: kserveV1Facts(path), root: kserveV1Root(path) }
    case 'mlflow':
      return { facts: new MlflowFacts(stream), root: MLFLOW_ROOT }
    case 'json':
      return { facts: plainJsonFacts(head.predictions), root: plainJsonRoot(head.predictions) }
    case 'anthropic':
      return { facts: anthropicFacts(stream), root: ANTHROPIC_ROOT }
    case 'openai':
      return openaiSubject(path, stream)
    case 'opaque':
      return null
  }
}

function openaiSubject(path: string, stream: boolean): Subject | null {
  if (path.endsWith('/completions')) return { facts: new ChatFacts(stream), root: CHAT_ROOT }
  if (path.endsWith('/embeddings')) return { facts: new EmbeddingFacts(), root: EMBEDDINGS_ROOT }
  if (path.endsWith('/responses')) return { facts: responsesFacts(stream), root: RESPONSES_ROOT }
  return null
}

function frameOf(
  head: AnswerHeadFacts,
  type: MediaType,
  facts: Facts,
  documents: Documents
): Frame {
  if (facts instanceof TensorFacts && head.inferenceHeaderLength !== null)
    return new BinaryBody(documents, facts, head.inferenceHeaderLength)
  if (type === 'events') return new EventBody(documents, head.protocol === 'json')
  return type === 'lines' ? new LineBody(documents) : new WholeBody(documents)
}

/** Only answers of no particular protocol may be texts. */
function textsOf(head: AnswerHeadFacts, type: MediaType): Texts {
  if (head.protocol !== 'json' || head.predictions.length > 0) return 'never'
  if (type === 'text') return 'always'
  if (type === 'none') return 'untyped'
  return type === 'events' ? 'values' : 'never'
}

class Reader implements AnswerReader {
  readonly #facts: Facts
  readonly #frame: Frame
  readonly #documents: Documents
  readonly #type: MediaType
  readonly #bound: number
  #seen = 0
  #mark = 0 // bytes of a byte order mark at the start
  #truncated = false

  constructor(facts: Facts, frame: Frame, documents: Documents, type: MediaType, bound: number) {
    this.#facts = facts
    this.#frame = frame
    this.#documents = documents
    this.#type = type
    this.#bound = bound
  }

  get contentEvents(): number {
    return this.#facts.contentEvents
  }

  push(chunk: Uint8Array): void {
    const room = this.#bound - this.#seen
    const length = Math.min(chunk.length, room)
    if (chunk.length > room) this.#truncated = true
    let from = 0
    if (this.#mark === this.#seen && this.#mark < MARK.length && this.#frame.mayHaveMark)
      from = this.#skipMark(chunk, length)
    this.#seen += length
    if (from < length) this.#frame.push(chunk, from, length)
  }

  end(complete: boolean): Reading {
    const facts = this.#facts
    if (this.#documents.truncated) this.#truncated = true
    const whole = complete && !this.#truncated
    if (this.#mark > 0 && this.#mark < MARK.length) this.#frame.push(MARK, 0, this.#mark)
    const documents = whole ? this.#frame.finish() : 0
    const cut = !whole && !this.#truncated && this.#frame.isInside
    if (whole && facts.why === null) facts.endBody(documents)
    if (this.#frame.isUnknown) return { ...NOT_READ, truncated: this.#truncated }
    const known = facts.failed || facts.bad !== 0 || facts.predictions > 0 || whole
    return {
      judged: known,
      bad: facts.failed ? 0 : facts.bad,
      failed: facts.failed,
      why: this.#why() ?? (cut ? 'cut' : null),
      predictions: facts.predictions,
      truncated: this.#truncated,
      inputTokens: facts.inputTokens,
      outputTokens: facts.outputTokens,
      model: facts.model,
      finished: this.#type !== 'events' || facts.finished || (whole && this.#frame.endsItself)
    }
  }

  /** A mark at the start is no part of the text; one that turns out to be none is. */
  #skipMark(chunk: Uint8Array, length: number): number {
    let at = 0
    while (at < length && this.#mark < MARK.length && chunk[at] === MARK[this.#mark]) {
      this.#mark++
      at++
    }
    if (at === length || this.#mark === MARK.length) return at
    if (this.#mark > at) this.#frame.push(MARK, 0, this.#mark - at)
    this.#mark = 0
    return 0
  }

  /** Bytes of another type than the protocol's cannot be read because they are of that type. */
  #why(): Unreadable | null {
    const { why } = this.#facts
    if (why !== 'syntax' && why !== 'encoding') return why
    return this.#type === 'other' || this.#type === 'text' ? 'content_type' : why
  }
}

/** UTF-8 of the byte order mark. */
const MARK = Uint8Array.of(0xef, 0xbb, 0xbf)

function hasAnswer(status: number): boolean {
  if (status < 200 || status > 299) return false
  return status !== 202 && status !== 204 && status !== 205 && status !== 206
}

function isGenerate(path: string): boolean {
  return path.endsWith('/generate') || path.endsWith('/generate_stream')
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?')
  return query === -1 ? path : path.slice(0, query)
}
