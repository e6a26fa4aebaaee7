/**
 * Reads the bytes of a client connection as HTTP/1.1 answers, and says of each whether it is complete.
 *
 * The judge of the conformance tests, so it is strict and knows nothing of Node's parser: what it cannot read
 * is `garbage`, a body that ends early is incomplete, and one without framing is complete only after a FIN
 * (RFC 9112, section 8).
 */
import type { End } from './raw-client.ts'

export type Answer = {
  readonly status: number
  readonly fields: readonly (readonly [string, string])[] // names in lower case
  readonly body: Buffer
  readonly framing: 'none' | 'length' | 'chunked' | 'close'
  readonly complete: boolean
}

export type Answers = {
  readonly interim: readonly Answer[] // 1xx
  readonly final: readonly Answer[]
  readonly garbage: Buffer // bytes that are no answer
}

/** Splits `bytes` into answers; `methods` are those of the requests in their order, GET when there are more. */
export function readAnswers(bytes: Buffer, end: End, methods: readonly string[] = []): Answers {
  const interim: Answer[] = []
  const final: Answer[] = []
  let at = 0
  while (at < bytes.length) {
    const headEnd = bytes.indexOf('\r\n\r\n', at)
    if (headEnd < 0) break
    const head = readHead(bytes.toString('latin1', at, headEnd))
    if (head === null) break
    const from = headEnd + 4
    if (head.status < 200) {
      interim.push({ ...head, body: Buffer.alloc(0), framing: 'none', complete: true })
      at = from
      continue
    }
    const read = readBody(bytes, from, head, methods[final.length] ?? 'GET', end)
    final.push({ ...head, body: read.body, framing: read.framing, complete: read.complete })
    at = read.next
    if (!read.complete) break
  }
  return { interim, final, garbage: bytes.subarray(at) }
}

/** The value of a field, joined when it is there more than once; undefined when absent. */
export function fieldOf(answer: Answer, name: string): string | undefined {
  const values = answer.fields.filter(([n]) => n === name).map(([, v]) => v)
  return values.length === 0 ? undefined : values.join(', ')
}

type Head = Pick<Answer, 'status' | 'fields'>

function readHead(text: string): Head | null {
  const [line = '', ...lines] = text.split('\r\n')
  const status = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(line)?.[1]
  if (status === undefined) return null
  const fields: [string, string][] = []
  for (const l of lines) {
    const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(l)
    if (field === null) return null
    fields.push([String(field[1]).toLowerCase(), String(field[2])])
  }
  return { status: Number(status), fields }
}

type Body = {
  readonly body: Buffer
  readonly framing: Answer['framing']
  readonly complete: boolean
  readonly next: number
}

function readBody(bytes: Buffer, from: number, head: Head, method: string, end: End): Body {
  const bodiless = method === 'HEAD' || head.status === 204 || head.status === 304
  if (bodiless) return { body: Buffer.alloc(0), framing: 'none', complete: true, next: from }
  const coding = head.fields.filter(([n]) => n === 'transfer-encoding').map(([, v]) => v)
  if (coding.join(',').toLowerCase() === 'chunked') return readChunks(bytes, from)
  const length = head.fields.find(([n]) => n === 'content-length')?.[1]
  if (length !== undefined) {
    const to = from + Number(length)
    const body = bytes.subarray(from, to)
    return { body, framing: 'length', complete: bytes.length >= to, next: from + body.length }
  }
  const body = bytes.subarray(from)
  return { body, framing: 'close', complete: end === 'fin', next: bytes.length }
}

function readChunks(bytes: Buffer, from: number): Body {
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) break
    const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(bytes.toString('latin1', at, lineEnd))?.[1]
    if (size === undefined) break
    const start = lineEnd + 2
    const length = Number.parseInt(size, 16)
    if (length === 0) {
      const trailersEnd = trailersFrom(bytes, start)
      if (trailersEnd < 0) break
      return chunked(parts, true, trailersEnd)
    }
    parts.push(bytes.subarray(start, Math.min(start + length, bytes.length)))
    if (bytes.length < start + length + 2) {
      at = bytes.length
      break
    }
    at = start + length + 2
  }
  return chunked(parts, false, at)
}

function trailersFrom(bytes: Buffer, start: number): number {
  if (bytes.indexOf('\r\n', start) === start) return start + 2
  const end = bytes.indexOf('\r\n\r\n', start)
  return end < 0 ? -1 : end + 4
}

function chunked(parts: readonly Buffer[], complete: boolean, next: number): Body {
  return { body: Buffer.concat(parts), framing: 'chunked', complete, next }
}
