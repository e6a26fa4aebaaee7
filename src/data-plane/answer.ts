/**
 * The client's side of an answer: an upstream's head and body, an answer of ours, or a break that shows.
 *
 * Either an answer ends as its upstream ended it, or the client can see that it did not: once a head is out,
 * nothing of ours is ever written behind it, and an incomplete body ends in a reset (RFC 9112 section 8).
 */
import { REJECTS, THREAD_WORD } from '../domain/thread-region.ts'
import type { ErrorCode } from '../errors.ts'
import { type AnswerHead, answerFields } from './answer-fields.ts'
import type { Exchange } from './exchange.ts'
import type { Lane } from './lane.ts'
import { lingerAfterAnswer } from './linger.ts'
import { countedAs, problem } from './problem.ts'
import { resetSocket } from './reset-socket.ts'

/** Writes the head of an upstream's answer. Null: the head is not valid and nothing was written. */
export function answerHead(
  ex: Exchange,
  status: number,
  raw: readonly (Buffer | string)[]
): AnswerHead | null {
  const head = answerFields(raw)
  if (head === null || status < 200) return null
  const { fields } = head
  const bodiless = status === 204 || status === 304 || ex.head?.method === 'HEAD'
  if (head.contentLength !== null && status !== 204) {
    fields.push('Content-Length', head.contentLength)
  }
  // A body that ends with its connection stays one: as chunks it would look complete however it ended.
  const unframed = !bodiless && !head.chunked && head.contentLength === null
  ownAnswerFields(ex, fields)
  closeUnlessReusable(ex, fields, unframed)
  try {
    if (unframed) ex.res.useChunkedEncodingByDefault = false
    ex.res.writeHead(status, fields)
  } catch {
    ex.res.useChunkedEncodingByDefault = true
    return null
  }
  ex.stream = head.stream
  ex.status = status
  return head
}

/** Passes a piece of body on. False: the client is behind, and the upstream has to wait for `onDrain`. */
export function answerData(ex: Exchange, chunk: Buffer): boolean {
  ex.bytesOut += chunk.length
  if (ex.res.write(chunk)) return true
  ex.waited = true
  if (ex.stallMark < 0) {
    ex.stallMark = queuedBytes(ex)
    ex.stallAt = ex.lane.now()
  }
  return false
}

export function answerEnd(ex: Exchange): void {
  if (!ex.req.complete) lingerAfterAnswer(ex.client.socket, ex.req)
  ex.res.end()
}

/** Refuses a request: an answer of ours, counted as a refusal where it is one. */
export function refuse(ex: Exchange, code: ErrorCode, args: readonly (string | number)[]): void {
  countRefusal(ex.lane, code)
  ex.outcome = 'refused'
  answerProblem(ex, code, args)
}

/** Counts a refusal, also of bytes that never became a request. */
export function countRefusal(lane: Lane, code: ErrorCode): void {
  const reject = countedAs(code)
  if (reject === null) return
  const { words } = lane.region
  const at = THREAD_WORD.rejects + REJECTS.indexOf(reject)
  words[at] = (words[at] ?? 0) + 1
}

/** Answers by ourselves. Where a head is out already, the only thing that can be said is a break. */
export function answerProblem(
  ex: Exchange,
  code: ErrorCode,
  args: readonly (string | number)[],
  proxyError?: string
): void {
  if (ex.over || ex.res.writableEnded) return
  if (ex.res.headersSent) {
    breakAnswer(ex)
    return
  }
  const { status, fields, body } = problem(code, args, ex.requestId, proxyError)
  ownAnswerFields(ex, fields)
  closeUnlessReusable(ex, fields, !KEEPS_OPEN.has(code))
  ex.status = status
  ex.res.writeHead(status, fields)
  if (!ex.req.complete) lingerAfterAnswer(ex.client.socket, ex.req)
  ex.res.end(body)
}

/** After these the connection is as good as before; any other request of ours to refuse ends it. */
const KEEPS_OPEN: ReadonlySet<ErrorCode> = new Set([
  'SLC_NO_ROUTE',
  'SLC_NO_UPSTREAM',
  'SLC_SHED',
  'SLC_UPSTREAM_CONNECT',
  'SLC_UPSTREAM_INVALID',
  'SLC_UPSTREAM_RESET',
  'SLC_UPSTREAM_TIMEOUT'
])

/** An answer without body that is ours: OPTIONS for the router itself. */
export function answerOptions(ex: Exchange, allow: string): void {
  const fields = ['Allow', allow]
  closeUnlessReusable(ex, fields, false)
  ex.status = 204
  ex.outcome = 'ok'
  ex.res.writeHead(204, fields)
  ex.res.end()
}

/**
 * Breaks the client's connection so that it shows. Not before what was written in this turn of the loop has
 * gone out: a reset would take it along.
 */
export function breakAnswer(ex: Exchange): void {
  if (ex.over) return
  ex.over = true
  setImmediate(resetClient, ex)
}

/** Bytes that wait for the client, as the kernel sees it. */
export function queuedBytes(ex: Exchange): number {
  const { socket } = ex.client
  // `_handle` is the libuv stream; only it tells progress inside one large write.
  const handle = '_handle' in socket ? socket._handle : null
  if (typeof handle === 'object' && handle !== null && 'writeQueueSize' in handle) {
    return Number(handle.writeQueueSize) + socket.writableLength
  }
  return socket.writableLength
}

function resetClient(ex: Exchange): void {
  resetSocket(ex.client.socket)
}

/** Our fields of an answer: who answered, by which revision and why, as the route has them switched. */
export function ownAnswerFields(ex: Exchange, fields: string[]): void {
  const { route, variant, decision } = ex
  if (route === null || variant === null || decision === null) return
  const { headers, revision } = route.snapshot
  if (headers.variant) fields.push('X-Sluice-Variant', variant.snapshot.name)
  if (headers.revision) fields.push('X-Sluice-Revision', revision)
  if (headers.reason) fields.push('X-Sluice-Reason', ex.reason)
  if (decision.setCookie !== null) fields.push('Set-Cookie', decision.setCookie)
}

function closeUnlessReusable(ex: Exchange, fields: string[], close: boolean): void {
  if (close || ex.lane.draining || ex.client.faulty || !ex.req.complete) {
    fields.push('Connection', 'close')
  }
}
