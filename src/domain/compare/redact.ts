/**
 * A captured body as it may leave the process: without what its route says to remove, and cut at a cap.
 *
 * What cannot be read cannot be redacted: with pointers, a body that is not one JSON document (broken, a stream,
 * binary, too large) is not captured at all. Removing comes before cutting. Never throws.
 */
import { toBase64 } from './base64.ts'
import { resolve } from './marks.ts'
import { REDACTED } from './shorten.ts'
import { MAX_NODES, readJson } from './tolerant-json.ts'

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
  if (pointers.length === 0) return kept(body, cap)
  if (!isDocument(contentType)) return null
  const text = utf8(body)
  const redacted = text === null ? null : withoutValues(text, pointers)
  return redacted === null ? null : kept(ENCODER.encode(redacted), cap)
}

/** A JSON text with the values at the pointers replaced; null when it is no JSON. The rest stays as it is. */
function withoutValues(text: string, pointers: readonly string[]): string | null {
  const document = readJson(text, MAX_NODES)
  if (typeof document === 'string') return null
  const nodes = pointers.flatMap(pointer => resolve(document, pointer)).sort((a, b) => a - b)
  let out = ''
  let from = 0
  for (const node of nodes) {
    if (document.start(node) < from) continue // inside of what is gone already, or named twice
    out += text.slice(from, document.start(node)) + REPLACEMENT
    from = document.end(node)
  }
  return out + text.slice(from)
}

/** Streams are read event by event elsewhere; a pointer does not say where in them a value stands. */
function isDocument(contentType: string | null): boolean {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return (
    type === '' || type === 'application/json' || type.endsWith('+json') || type === 'text/plain'
  )
}

function kept(body: Uint8Array, cap: number): RedactedBody {
  const truncated = body.length > cap
  if (utf8(body) === null) {
    return { text: toBase64(body.subarray(0, cap)), encoding: 'base64', truncated }
  }
  const text = UTF8.decode(body.subarray(0, truncated ? wholeCharacters(body, cap) : body.length))
  return { text, encoding: 'utf-8', truncated }
}

/** At most `cap` bytes that end between two characters. */
function wholeCharacters(body: Uint8Array, cap: number): number {
  let end = Math.max(0, cap)
  while (end > 0 && ((body[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const ENCODER = new TextEncoder()

function utf8(body: Uint8Array): string | null {
  try {
    return UTF8.decode(body)
  } catch {
    return null
  }
}
