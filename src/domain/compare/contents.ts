/**
 * What a body holds, read as the protocol of its route: tensors, what a language model said, embeddings, JSON, a
 * stream of documents, or text.
 *
 * The declared type says how a body is read, never a guess: HTML and what is not of the protocol are unreadable.
 * Ids and times that protocols carry are marked as ignored, unless the route names them as predictions.
 */
import { fromBase64Steps } from './base64.ts'
import type { CompareSettings } from './comparison.ts'
import { DocumentStream } from './document-stream.ts'
import { eventData, lines } from './event-stream.ts'
import type { FieldTable } from './field-table.ts'
import { JSON_KIND, type JsonDocument } from './json-document.ts'
import { MARK, mark, marksOf, resolve, setMark } from './marks.ts'
import { NODE, type Pace, PIECE, STEP, type Steps } from './pace.ts'
import { type Said, SaidDraft } from './said.ts'
import { takeAnthropic } from './said-anthropic.ts'
import { listOf, open, takeOpenAi } from './said-openai.ts'
import type { Side } from './shorten.ts'
import { decodedTensor, MAX_ELEMENTS, type Tensor, tensorsOf } from './tensors.ts'
import { type JsonFailure, JsonReader, MAX_NODES, readJsonSteps, VALUES } from './tolerant-json.ts'
import { trimmedEnd, trimmedStart } from './trim.ts'

export type Content =
  | { readonly kind: 'json'; readonly side: Side }
  | { readonly kind: 'tensors'; readonly side: Side; readonly tensors: ReadonlyMap<string, Tensor> }
  | { readonly kind: 'said'; readonly said: Said; readonly hides: boolean }
  | { readonly kind: 'embeddings'; readonly side: Side; readonly vectors: readonly Float64Array[] }
  | { readonly kind: 'stream'; readonly stream: DocumentStream; readonly hides: boolean }
  | { readonly kind: 'text'; readonly text: string; readonly hides: boolean }
  | { readonly kind: 'failed'; readonly why: JsonFailure }

/** A body to be read. `text` is what its bytes say; `binary` what follows the JSON part, if anything does. */
export type Readable = {
  readonly text: string
  readonly contentType: string | null
  readonly binary: Uint8Array | null
  readonly hasHeader: boolean // the server said how long the JSON part is
}

/** Members at the top of an answer that say which answer it is, not what the model said. */
const NOT_SAID: readonly string[] = [
  'id',
  'created',
  'model',
  'model_name',
  'model_version',
  'system_fingerprint'
]

const FAILED: Content = { kind: 'failed', why: 'unreadable' }

export function* readContent(
  body: Readable,
  settings: CompareSettings,
  table: FieldTable,
  pace: Pace
): Steps<Content> {
  const type = mediaType(body.contentType)
  if (body.hasHeader) return yield* readDocument(body, settings, pace)
  if (type === 'text/event-stream') {
    const events = eventData(body.text, pace)
    return yield* readStream(events, settings, table, true, pace)
  }
  if (NDJSON.has(type)) {
    return yield* readStream(lines(body.text, pace), settings, table, false, pace)
  }
  if (type !== '' && !isJson(type) && (!type.startsWith('text/') || type === 'text/html'))
    return FAILED
  const whole = yield* readDocument(body, settings, pace)
  if (whole.kind !== 'failed' || whole.why === 'too_large') return whole
  if (type === '' && (yield* trimmedEnd(body.text, pace)).includes('\n')) {
    return yield* readStream(lines(body.text, pace), settings, table, false, pace)
  }
  if (type.startsWith('text/') && settings.protocol === 'json') {
    return { kind: 'text', text: body.text, hides: (settings.redact ?? []).length > 0 }
  }
  return whole
}

function* readDocument(
  { text, binary }: Readable,
  settings: CompareSettings,
  pace: Pace
): Steps<Content> {
  const document = yield* readJsonSteps(text, MAX_NODES, pace)
  if (typeof document === 'string') return { kind: 'failed', why: document }
  const side = yield* sideOf(document, settings, pace)
  const { protocol } = settings
  if (protocol === 'open-inference') {
    const tensors = yield* tensorsOf(side, binary, pace)
    if (typeof tensors === 'string') return { kind: 'failed', why: tensors }
    if (tensors !== null) {
      const compared = yield* withoutIgnored(side, tensors, settings.ignore, pace)
      return { kind: 'tensors', side, tensors: compared }
    }
    if (binary !== null) return FAILED
    return { kind: 'json', side }
  }
  if (protocol === 'openai') {
    const vectors = yield* embeddingsOf(side, pace)
    if (vectors === 'unreadable') return FAILED
    if (vectors !== null) return { kind: 'embeddings', side, vectors }
  }
  const take = TAKES[protocol]
  const draft = new SaidDraft()
  if (take !== undefined && (yield* take(draft, side, pace)))
    return { kind: 'said', said: draft.said(), hides: side.hides }
  return { kind: 'json', side }
}

/** A stream of documents: what a language model said, or the documents as one. */
function* readStream(
  documents: Iterable<string | undefined>,
  settings: CompareSettings,
  table: FieldTable,
  isEvents: boolean,
  pace: Pace
): Steps<Content> {
  const take = TAKES[settings.protocol]
  const draft = new SaidDraft()
  const stream = new DocumentStream()
  const hides = (settings.redact ?? []).length > 0
  const budget = { nodes: MAX_NODES }
  let taken = 0
  for (const text of documents) {
    if (text === undefined || pace.isDue(A_DOCUMENT)) yield
    if (text === undefined) continue
    const reader = new JsonReader(text, Math.max(1, budget.nodes))
    while (!reader.step(VALUES)) yield
    if (pace.isDue(Math.min(STEP, text.length))) yield
    const document = reader.result
    if (typeof document !== 'string') budget.nodes -= document.count
    if (document === 'too_large') return { kind: 'failed', why: 'too_large' }
    if (document === 'unreadable') {
      // A server may send bare tokens as events; a line that is broken is a broken answer.
      if (!isEvents || take !== undefined) return FAILED
      if ((yield* trimmedStart(text, pace)).startsWith('{')) return FAILED
      stream.addText(text, table.root)
      continue
    }
    const side = yield* sideOf(document, settings, pace)
    if (take === undefined) {
      yield* stream.add(side, table.root, name => table.field(name), pace)
    } else if (yield* take(draft, side, pace)) taken++
  }
  if (take !== undefined) return taken > 0 ? { kind: 'said', said: draft.said(), hides } : FAILED
  return stream.documents > 0 ? { kind: 'stream', stream, hides } : FAILED
}

const A_DOCUMENT = 32 * NODE // units that a document of a stream costs beside its values

const TAKES: Partial<
  Record<CompareSettings['protocol'], (draft: SaidDraft, side: Side, pace: Pace) => Steps<boolean>>
> = {
  openai: takeOpenAi,
  anthropic: takeAnthropic
}

/** A document with its marks. */
function* sideOf(document: JsonDocument, settings: CompareSettings, pace: Pace): Steps<Side> {
  const side = sideOfProtocol(document, settings)
  const { predictions, ignore, redact = [] } = settings
  if (predictions.length + ignore.length + redact.length === 0) return side
  const { marks } = side
  if (side.ignores) {
    for (const pointer of predictions) {
      for (const node of yield* resolve(document, pointer, pace)) {
        if (node > 0) yield* setMark(document, marks, node, ~MARK.ignored, 0, pace)
      }
    }
  }
  let ignored = 0
  for (const pointer of ignore) ignored += yield* mark(document, marks, pointer, MARK.ignored, pace)
  let hidden = 0
  for (const pointer of redact) {
    hidden += yield* mark(document, marks, pointer, MARK.hidden, pace)
    if (settings.protocol !== 'open-inference') continue
    for (const node of yield* binaryTensors(document, pointer, pace)) {
      marks[node] = (marks[node] ?? 0) | MARK.hidden // of itself alone: what is in it may be shown
      hidden++
    }
  }
  return { document, marks, ignores: side.ignores || ignored > 0, hides: hidden > 0 }
}

/** Tensors without the values at the pointers; those in the document are marked there. */
function* withoutIgnored(
  { document }: Side,
  tensors: ReadonlyMap<string, Tensor>,
  ignore: readonly string[],
  pace: Pace
): Steps<ReadonlyMap<string, Tensor>> {
  const nodes = new Set<number>()
  for (const pointer of ignore) {
    if (pointer.split('/').length !== DATA_TOKENS) continue // some of the values
    for (const node of yield* binaryTensors(document, pointer, pace)) nodes.add(node)
  }
  if (nodes.size === 0) return tensors
  const left = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    if (pace.isDue(NODE)) yield
    left.set(name, nodes.has(tensor.node) ? { ...tensor, data: IGNORED } : tensor)
  }
  return left
}

const IGNORED = { kind: 'ignored' } as const
const DATA_TOKENS = 4 // of "/outputs/0/data", with the empty one before it

/** The tensors whose values follow the document, where `pointer` names these values, or some of them, as `data`. */
function* binaryTensors(
  document: JsonDocument,
  pointer: string,
  pace: Pace
): Steps<readonly number[]> {
  const [root, list, tensor, member] = pointer.split('/')
  if (root !== '' || member !== 'data') return []
  const found: number[] = []
  for (const node of yield* resolve(document, `/${list}/${tensor}`, pace)) {
    if (pace.isDue(NODE)) yield
    if (document.kind(node) !== JSON_KIND.object) continue
    if (pace.isDue(Math.min(256, document.number(node)))) yield
    if (document.member(node, 'data') < 0) found.push(node)
  }
  return found
}

/** A document with the marks of its protocol alone. */
function sideOfProtocol(document: JsonDocument, { protocol }: CompareSettings): Side {
  const marks = marksOf(document)
  let ignored = markNames(document, marks, 0)
  if (protocol === 'open-inference') {
    // An optional member that is null says as much as one that is absent; servers do either.
    const parameters = document.member(0, 'parameters')
    if (parameters > 0 && document.kind(parameters) === JSON_KIND.null) {
      marks[parameters] = MARK.ignored
      ignored++
    }
  }
  if (protocol === 'mlflow') {
    const wrapped = document.member(0, 'predictions')
    if (document.textOf(wrapped, 'object') !== null) ignored += markNames(document, marks, wrapped)
  }
  return { document, marks, ignores: ignored > 0, hides: false }
}

function markNames(document: JsonDocument, marks: Uint8Array, object: number): number {
  let marked = 0
  for (const name of NOT_SAID) {
    const node = document.member(object, name)
    if (node < 0) continue
    marks.fill(MARK.ignored, node, document.next(node))
    marked++
  }
  return marked
}

/** Vectors of an answer with embeddings, by their index; null when it has none. */
function* embeddingsOf(
  side: Side,
  pace: Pace
): Steps<readonly Float64Array[] | 'unreadable' | null> {
  const { document } = side
  const data = listOf(side, 0, 'data')
  if (data < 0) return null
  const vectors: { readonly index: number; readonly values: Float64Array }[] = []
  let place = 0
  const end = document.next(data)
  for (let item = data + 1; item < end; item = document.next(item)) {
    if (pace.isDue(A_VECTOR)) yield
    if (open(side, item) < 0) continue
    const node = open(side, document.member(item, 'embedding'))
    if (node < 0) return null
    const values = yield* vectorOf(document, node, pace)
    if (values === null) return 'unreadable'
    const index = document.member(item, 'index')
    vectors.push({ index: index < 0 ? place : document.number(index), values })
    place++
  }
  if (vectors.length === 0) return null
  return vectors.sort((a, b) => a.index - b.index).map(({ values }) => values)
}

const A_VECTOR = 8 * NODE // units that a vector costs beside its numbers

/** A list of numbers, or base64 of little-endian floats of 32 bits. */
function* vectorOf(document: JsonDocument, node: number, pace: Pace): Steps<Float64Array | null> {
  if (document.isString(node)) {
    const bytes = yield* fromBase64Steps(document.string(node), pace)
    const data = bytes === null ? 'unreadable' : yield* decodedTensor(bytes, 'FP32', pace)
    return typeof data === 'object' && data.kind === 'numbers' ? data.numbers.values : null
  }
  if (document.kind(node) !== JSON_KIND.array) return null
  const size = document.number(node)
  if (size > MAX_ELEMENTS || document.next(node) - node - 1 !== size) return null
  const values = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    if ((i & (PIECE - 1)) === PIECE - 1 && pace.isDue(4 * PIECE)) yield
    if (document.isNumber(node + 1 + i)) values[i] = document.number(node + 1 + i)
    else if (document.kind(node + 1 + i) === JSON_KIND.null) values[i] = Number.NaN
    else return null
  }
  return values
}

const NDJSON = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines'
])

/** Type and subtype in lower case, without parameters; '' when none is declared. */
function mediaType(contentType: string | null): string {
  if (contentType === null) return ''
  const semicolon = contentType.indexOf(';')
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
}

function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json')
}
