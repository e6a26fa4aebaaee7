/**
 * A captured body as it may leave the process: without what its route says to remove, and cut at a cap.
 *
 * What cannot be read cannot be redacted: with pointers, a body that is not one JSON document (broken, a stream,
 * binary, too large) is not captured at all. Removing comes before cutting. Never throws.
 */
import { toBase64 } from './base64.ts'
import type { JsonDocument } from './json-document.ts'
import { resolve } from './marks.ts'
import { finished, NODE, Pace, STEP, type Steps } from './pace.ts'
import { REDACTED } from './shorten.ts'
import { TextPieces } from './text-pieces.ts'
import { MAX_NODES, readJsonSteps } from './tolerant-json.ts'
import { isUtf8Steps, utf8Steps } from './utf8.ts'

export type RedactedBody = {
  readonly text: string
  readonly encoding: 'utf-8' | 'base64'
  readonly truncated: boolean // longer than the cap
}

const REPLACEMENT = JSON.stringify(REDACTED)

/**
 * The first `cap` bytes of a body as text, or as base64 where it is not UTF-8; null when it may not be kept.
 * Pointers are RFC 6901 with `*` for any one index or name; their values become "[redacted]".
 */
export function redactBody(
  body: Uint8Array,
  contentType: string | null,
  pointers: readonly string[],
  cap: number
): RedactedBody | null {
  return finished(redactSteps(body, contentType, pointers, cap))
}

/** The same with pauses. */
export function* redactSteps(
  body: Uint8Array,
  contentType: string | null,
  pointers: readonly string[],
  cap: number
): Steps<RedactedBody | null> {
  const pace = new Pace()
  if (pointers.length === 0) return yield* kept(body, cap, pace)
  if (!isDocument(contentType)) return null
  const text = yield* utf8Steps(body, pace)
  const redacted = text === null ? null : yield* withoutValues(text, pointers, cap, pace)
  return redacted === null ? null : yield* kept(ENCODER.encode(redacted), cap, pace)
}

/**
 * A JSON text with the values at the pointers replaced; null when it is no JSON. The rest stays as it is. What goes
 * on behind the cap is left out.
 */
function* withoutValues(
  text: string,
  pointers: readonly string[],
  cap: number,
  pace: Pace
): Steps<string | null> {
  const document = yield* readJsonSteps(text, MAX_NODES, pace)
  if (typeof document === 'string') return null
  const gone = yield* namedNodes(document, pointers, pace)
  const pieces = new TextPieces()
  let length = 0
  let from = 0
  for (let node = 0; node < document.count && length <= cap + 1; ) {
    if (pace.isDue(NODE / 2)) yield
    if (gone[node] !== 1) {
      node++
      continue
    }
    const piece = text.slice(from, document.start(node)) + REPLACEMENT
    pieces.push(piece)
    length += piece.length
    from = document.end(node)
    node = document.next(node) // what is inside of it is gone too
  }
  // A character takes a byte or more, and the last may be half of one.
  if (length <= cap + 1) pieces.push(text.slice(from, from + cap + 2 - length))
  return pieces.whole()
}

/** 1 for each node that a pointer names. */
function* namedNodes(
  document: JsonDocument,
  pointers: readonly string[],
  pace: Pace
): Steps<Uint8Array> {
  const named = new Uint8Array(document.count)
  for (const pointer of pointers) {
    for (const node of yield* resolve(document, pointer, pace)) {
      named[node] = 1
      if (pace.isDue(1)) yield
    }
  }
  return named
}

/** Streams are read event by event elsewhere; a pointer does not say where in them a value stands. */
function isDocument(contentType: string | null): boolean {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return (
    type === '' || type === 'application/json' || type.endsWith('+json') || type === 'text/plain'
  )
}

function* kept(body: Uint8Array, cap: number, pace: Pace): Steps<RedactedBody> {
  const truncated = body.length > cap
  if (yield* isUtf8Steps(body, pace)) {
    const part = truncated ? body.subarray(0, wholeCharacters(body, cap)) : body
    return { text: (yield* utf8Steps(part, pace)) ?? '', encoding: 'utf-8', truncated }
  }
  const pieces: string[] = []
  const end = Math.min(body.length, Math.max(0, cap))
  for (let at = 0; at < end; at += ENCODED) {
    pieces.push(toBase64(body.subarray(at, Math.min(end, at + ENCODED))))
    if (pace.isDue(STEP)) yield
  }
  return { text: pieces.join(''), encoding: 'base64', truncated }
}

/** Bytes that are encoded together: a multiple of three, so that none but the last piece is padded. */
const ENCODED = 6_144

/** At most `cap` bytes that end between two characters. */
function wholeCharacters(body: Uint8Array, cap: number): number {
  let end = Math.max(0, cap)
  while (end > 0 && ((body[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}

const ENCODER = new TextEncoder()
