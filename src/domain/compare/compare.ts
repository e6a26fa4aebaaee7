/**
 * Two answers to one request, compared: status class and outcome always, bodies as their protocol.
 *
 * Bytes in, values out; never throws, whatever the bytes, and says why where bodies are not compared. Work is
 * linear in the bodies and bounded: 200,000 JSON values a side, 524,288 elements of a binary tensor, a million
 * steps of edit distance, 200 fields. `compareSteps` pauses after some thousand values or characters (pace.ts); only
 * what the platform does with a whole text at once (copy, compare) is not cut.
 */

import type { Outcome } from '../counts.ts'
import { compareSaid } from './compare-said.ts'
import { compareTensors } from './compare-tensors.ts'
import type { ComparedSide, CompareRefusal, CompareSettings, Comparison } from './comparison.ts'
import { type Content, readContent } from './contents.ts'
import { compareStreams } from './document-stream.ts'
import { type Field, FieldTable } from './field-table.ts'
import { compareValues } from './json-values.ts'
import { MARK, mark } from './marks.ts'
import { finished, NODE, Pace, PIECE, type Steps } from './pace.ts'
import { hiddenNodes, hiddenShown } from './shorten.ts'
import { compareWritten, EDIT_STEPS, type Work } from './texts.ts'
import { latin1, latin1Steps, utf8, utf8Steps } from './utf8.ts'
import { compareEmbeddings, shownSizes } from './vectors.ts'

/** Compares two answers at once. */
export function compareAnswers(
  primary: ComparedSide,
  shadow: ComparedSide,
  settings: CompareSettings
): Comparison {
  return finished(compareSteps(primary, shadow, settings))
}

/** The same with pauses: each `next()` is a bounded piece of work, and the last gives the comparison. */
export function* compareSteps(
  primary: ComparedSide,
  shadow: ComparedSide,
  settings: CompareSettings
): Steps<Comparison> {
  const table = new FieldTable()
  const { relative } = settings
  const work: Work = { table, pace: new Pace(), relative, editSteps: EDIT_STEPS }
  // Of a client that left, or that was turned away, nothing is known of the model.
  if (!UNASKED.has(primary.outcome)) compareHeads(table, primary, shadow)
  const refusal =
    refusalOf(primary, shadow) ?? (yield* compareBodies(work, primary, shadow, settings))
  return { refusal, agree: !table.differs, fields: table.results() }
}

function compareHeads(table: FieldTable, primary: ComparedSide, shadow: ComparedSide): void {
  const classes = { primary: statusClass(primary.status), shadow: statusClass(shadow.status) }
  compareWords(table.field('status'), 'status', classes.primary, classes.shadow)
  compareWords(table.field('outcome'), 'outcome', primary.outcome, shadow.outcome)
}

function compareWords(field: Field, kind: 'status' | 'outcome', a: string, b: string): void {
  if (a === b) field.agree()
  else field.differ(kind, null, () => ({ primary: a, shadow: b }))
}

/** `2xx`; `none` without an answer. */
function statusClass(status: number): string {
  return status >= 100 ? `${Math.floor(status / 100)}xx` : 'none'
}

/** Why bodies are not looked at. What a server says of an error is no answer of a model. */
function refusalOf(primary: ComparedSide, shadow: ComparedSide): CompareRefusal | null {
  for (const { refusal } of [primary, shadow]) if (refusal !== null) return refusal
  for (const { body, status, outcome } of [primary, shadow]) {
    if (body === null || statusClass(status) !== '2xx' || UNASKED.has(outcome)) return 'no_answer'
  }
  return [primary, shadow].some(({ outcome }) => BROKEN.has(outcome)) ? 'truncated' : null
}

const UNASKED: ReadonlySet<Outcome> = new Set(['client_gone', 'shed'])
/** Outcomes after which a body is not whole. */
const BROKEN: ReadonlySet<Outcome> = new Set(['connect', 'timeout', 'reset', 'invalid'])

function* compareBodies(
  work: Work,
  primary: ComparedSide,
  shadow: ComparedSide,
  settings: CompareSettings
): Steps<CompareRefusal | null> {
  const { root } = work.table
  const a = primary.body ?? NO_BYTES
  const b = shadow.body ?? NO_BYTES
  if (settings.ignore.includes('')) return null
  if (a.length === 0 || b.length === 0) {
    compareEmpty(root, a, b)
    return null
  }
  if (settings.protocol === 'opaque') {
    yield* compareBytes(work, a, b)
    return null
  }
  const partA = jsonPart(primary, a, settings)
  const partB = jsonPart(shadow, b, settings)
  const [textA, textB] = yield* textsOf(partA ?? NO_BYTES, partB ?? NO_BYTES, work.pace)
  const x = partA === null ? UNREADABLE : yield* readBody(primary, a, partA, textA, work, settings)
  const y = partB === null ? UNREADABLE : yield* readBody(shadow, b, partB, textB, work, settings)
  if (x.kind === 'failed' || y.kind === 'failed') return refusalOfContents(root, x, y)
  yield* compareContents(work, x, y)
  return null
}

function readBody(
  { contentType, inferenceHeaderLength }: ComparedSide,
  body: Uint8Array,
  json: Uint8Array,
  text: string,
  work: Work,
  settings: CompareSettings
): Steps<Content> {
  const binary = json.length < body.length ? body.subarray(json.length) : null
  const hasHeader = settings.protocol === 'open-inference' && inferenceHeaderLength !== null
  return readContent({ text, contentType, binary, hasHeader }, settings, work.table, work.pace)
}

/** The JSON of a body, without the tensors behind it; null when it cannot be read at all. */
function jsonPart(
  { inferenceHeaderLength: length }: ComparedSide,
  body: Uint8Array,
  { protocol }: CompareSettings
): Uint8Array | null {
  if (hasByteOrderMark(body)) return null
  if (protocol !== 'open-inference' || length === null) return body
  return length > 0 && length <= body.length ? body.subarray(0, length) : null
}

/** Both as UTF-8; where one of them is not, both byte by byte. */
function* textsOf(a: Uint8Array, b: Uint8Array, pace: Pace): Steps<readonly [string, string]> {
  if (a.length + b.length <= SHORT) {
    const [x, y] = [utf8(a), utf8(b)]
    return x === null || y === null ? [latin1(a), latin1(b)] : [x, y]
  }
  const one = yield* utf8Steps(a, pace)
  const other = one === null ? null : yield* utf8Steps(b, pace)
  if (one !== null && other !== null) return [one, other]
  return [yield* latin1Steps(a, pace), yield* latin1Steps(b, pace)]
}

function refusalOfContents(root: Field, a: Content, b: Content): CompareRefusal {
  const why = a.kind === 'failed' ? a.why : b.kind === 'failed' ? b.why : 'unreadable'
  // One that can be read beside one that cannot is a difference that is known.
  if (a.kind !== b.kind && why === 'unreadable') {
    root.differ('type', null, () => ({ primary: nameOf(a), shadow: nameOf(b) }))
  }
  return why
}

function* compareContents(work: Work, a: Content, b: Content): Steps {
  const { root } = work.table
  if (a.kind === 'json' && b.kind === 'json') {
    yield* compareValues(work, a.side, 0, b.side, 0, root)
  } else if (a.kind === 'tensors' && b.kind === 'tensors') {
    yield* compareTensors(work, a, b)
    // What stands beside the outputs is compared like any JSON.
    for (const { document, marks } of [a.side, b.side])
      yield* mark(document, marks, '/outputs', MARK.ignored, work.pace)
    const x = { ...a.side, ignores: true }
    const y = { ...b.side, ignores: true }
    yield* compareValues(work, x, 0, y, 0, root)
  } else if (a.kind === 'said' && b.kind === 'said') {
    yield* compareSaid(work, a.said, b.said, a.hides || b.hides ? hiddenShown : null)
  } else if (a.kind === 'embeddings' && b.kind === 'embeddings') {
    yield* compareEmbeddingLists(work, a, b)
  } else if (a.kind === 'stream' && b.kind === 'stream') {
    yield* compareStreams(work, a.stream, b.stream, a.hides || b.hides)
  } else if (a.kind === 'text' && b.kind === 'text') {
    yield* compareWritten(work, root, a.text, b.text, a.hides || b.hides ? hiddenShown : null)
  } else root.differ('type', null, () => ({ primary: nameOf(a), shadow: nameOf(b) }))
}

function* compareEmbeddingLists(
  work: Work,
  a: Extract<Content, { kind: 'embeddings' }>,
  b: Extract<Content, { kind: 'embeddings' }>
): Steps {
  const field = work.table.field('embedding')
  const count = a.vectors.length
  if (count !== b.vectors.length) {
    field.differ('size', null, () => shownSizes(count, b.vectors.length))
    return
  }
  const hidden = hiddenNodes(a.side, 0, b.side, 0)
  for (let i = 0; i < count; i++) {
    const x = a.vectors[i] ?? NO_NUMBERS
    const y = b.vectors[i] ?? NO_NUMBERS
    if (work.pace.isDue(4 * NODE)) yield
    yield* compareEmbeddings(work, field, x, y, hidden)
  }
}

function compareEmpty(root: Field, a: Uint8Array, b: Uint8Array): void {
  if (a.length === b.length) root.agree()
  else {
    root.differ(b.length === 0 ? 'missing' : 'extra', null, () => ({
      primary: `${a.length} bytes`,
      shadow: `${b.length} bytes`
    }))
  }
}

/** Bodies that nobody reads are the same byte by byte, or not. */
function* compareBytes({ table, pace }: Work, a: Uint8Array, b: Uint8Array): Steps {
  const { root } = table
  if (yield* areSame(a, b, pace)) root.agree()
  else {
    root.differ(a.length === b.length ? 'value' : 'size', b.length / a.length, () => ({
      primary: `${a.length} bytes`,
      shadow: `${b.length} bytes`
    }))
  }
}

function* areSame(a: Uint8Array, b: Uint8Array, pace: Pace): Steps<boolean> {
  if (a.length !== b.length) return false
  for (let from = 0; from < a.length; from += PIECE) {
    const to = Math.min(a.length, from + PIECE)
    for (let i = from; i < to; i++) if (a[i] !== b[i]) return false
    if (pace.isDue(to - from)) yield
  }
  return true
}

function nameOf(content: Content): string {
  return content.kind === 'failed' ? content.why : content.kind
}

function hasByteOrderMark(bytes: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = bytes
  if (first === 0xef && second === 0xbb && third === 0xbf) return true
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
}

const UNREADABLE: Content = { kind: 'failed', why: 'unreadable' }
const SHORT = 65_536 // bytes that are decoded at once
const NO_BYTES = new Uint8Array(0)
const NO_NUMBERS = new Float64Array(0)
