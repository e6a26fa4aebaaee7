/**
 * The fields of an upstream's answer that go on to the client, and how its body is framed.
 *
 * What belongs to one connection is removed before ours is added, with everything that Connection names; a
 * Trailer field or a forged X-Sluice-* of an upstream never gets through (RFC 9110 section 7.6.1). Framing that
 * two readers could read differently makes the answer invalid (RFC 9112 section 6.3).
 */
export type AnswerHead = {
  readonly fields: string[] // name, value, …
  readonly contentLength: string | null
  readonly chunked: boolean
  readonly stream: boolean // text/event-stream or NDJSON
  readonly contentType: string | null
  readonly contentEncoding: string | null
  readonly inferenceHeaderLength: number | null // of Open Inference: where its binary tensors begin
}

/** Sorts the fields of an answer, or null where its framing is not valid. `raw` is name, value, … */
export function answerFields(raw: readonly (Buffer | string)[]): AnswerHead | null {
  const fields: string[] = []
  let contentLength: string | null = null
  let chunked = false
  let contentType: string | null = null
  let contentEncoding: string | null = null
  let inferenceHeaderLength: number | null = null
  let nominated: string[] | null = null
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = textOf(raw[i])
    const value = textOf(raw[i + 1])
    switch (answerClass(name)) {
      case PLAIN:
        fields.push(name, value)
        break
      case LENGTH:
        if (contentLength !== null) return null
        contentLength = value
        break
      case CODING:
        if (chunked || value.toLowerCase() !== 'chunked') return null
        chunked = true
        break
      case TYPE:
        contentType = contentType === null ? value : `${contentType}, ${value}`
        fields.push(name, value)
        break
      case ENCODING:
        contentEncoding = contentEncoding === null ? value : `${contentEncoding}, ${value}`
        fields.push(name, value)
        break
      case INFERENCE:
        inferenceHeaderLength = lengthOf(value)
        fields.push(name, value)
        break
      case CONNECTION:
        nominated = nominations(value, nominated)
        break
    }
  }
  if (chunked && contentLength !== null) return null
  const kept = nominated === null ? fields : without(fields, nominated)
  const stream = contentType !== null && isStream(contentType)
  return {
    fields: kept,
    contentLength,
    chunked,
    stream,
    contentType,
    contentEncoding,
    inferenceHeaderLength
  }
}

const PLAIN = 0
const DROPPED = 1
const LENGTH = 2
const CODING = 3
const TYPE = 4
const ENCODING = 5
const CONNECTION = 6
const INFERENCE = 7

const CLASSES = new Map<string, number>()
const MAX_NAMES = 1024
for (const [name, cls] of [
  ['connection', CONNECTION],
  ['content-encoding', ENCODING],
  ['content-length', LENGTH],
  ['content-type', TYPE],
  ['http2-settings', DROPPED],
  ['inference-header-content-length', INFERENCE],
  ['keep-alive', DROPPED],
  ['proxy-authenticate', DROPPED],
  ['proxy-authorization', DROPPED],
  ['proxy-connection', DROPPED],
  ['te', DROPPED],
  ['trailer', DROPPED],
  ['transfer-encoding', CODING],
  ['upgrade', DROPPED]
] as const) {
  CLASSES.set(name, cls)
  CLASSES.set(
    name.replace(/(^|-)[a-z]/g, text => text.toUpperCase()),
    cls
  )
}

function answerClass(name: string): number {
  const known = CLASSES.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  const cls = CLASSES.get(lower) ?? (lower.startsWith('x-sluice-') ? DROPPED : PLAIN)
  if (CLASSES.size < MAX_NAMES && name.length <= 64) CLASSES.set(name, cls)
  return cls
}

/** A length in at most 15 decimal digits; null for anything else. */
function lengthOf(value: string): number | null {
  if (value.length === 0 || value.length > 15) return null
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if (c < 48 || c > 57) return null
  }
  return Number(value)
}

function nominations(value: string, before: string[] | null): string[] | null {
  let names = before
  for (const part of value.split(',')) {
    const name = part.trim().toLowerCase()
    if (name === '' || name === 'close' || name === 'keep-alive') continue
    names ??= []
    names.push(name)
  }
  return names
}

function without(fields: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string // in bounds: the list is of pairs
    if (!names.includes(name.toLowerCase())) kept.push(name, fields[i + 1] as string)
  }
  return kept
}

const STREAM_TYPES = ['text/event-stream', 'application/x-ndjson', 'application/ndjson']

function isStream(contentType: string): boolean {
  const semicolon = contentType.indexOf(';')
  const type = semicolon === -1 ? contentType : contentType.slice(0, semicolon)
  return STREAM_TYPES.includes(type.trim().toLowerCase())
}

function textOf(field: Buffer | string | undefined): string {
  if (typeof field === 'string') return field
  return field === undefined ? '' : field.toString('latin1')
}
