/**
 * Writes answers, the good and the refusals, in one place: fields, problem documents, log lines.
 *
 * No CORS field, ever. Every refused change has a log line; a path is logged without its query, tokens never.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RouteDocument } from '../domain/document.ts'
import type { SluiceError } from '../errors.ts'
import type { Log } from '../ports.ts'
import type { Answer } from './call.ts'
import { exchangeOf } from './exchange.ts'
import { etagOf } from './if-match.ts'
import { PROBLEM_TYPE, problemOf, sluiceErrorOf } from './problem.ts'

/** Writes the answer of a call. A stream takes the response over. */
export function writeAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer
): void {
  setCommon(request, response)
  if ('stream' in answer) {
    answer.stream(request, response)
    return
  }
  const text = answer.type === undefined ? `${JSON.stringify(answer.body)}\n` : String(answer.body)
  response.setHeader('content-type', answer.type ?? 'application/json; charset=utf-8')
  if (answer.etag !== undefined) response.setHeader('etag', answer.etag)
  end(response, answer.status, text)
}

/** Writes an error as a problem document and says in the log what was refused. */
export function writeRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  cause: unknown,
  log: Log
): void {
  const { requestId } = exchangeOf(request)
  const error = sluiceErrorOf(cause, requestId)
  logRefusal(request, error, cause, log)
  if (response.headersSent) {
    response.destroy()
    return
  }
  setCommon(request, response)
  response.setHeader('content-type', PROBLEM_TYPE)
  if (error.status === 401) response.setHeader('www-authenticate', 'Bearer realm="sluice"')
  const { allow, retryAfter, document } = error.details
  if (Array.isArray(allow)) response.setHeader('allow', allow.join(', '))
  if (typeof retryAfter === 'number') response.setHeader('retry-after', retryAfter)
  if (isDocument(document)) response.setHeader('etag', etagOf(document))
  end(response, error.status, `${JSON.stringify(problemOf(error, requestId))}\n`)
}

/** One line for an accepted change. */
export function logAccepted(request: IncomingMessage, status: number, log: Log): void {
  log.info({ ...factsOf(request), status }, 'change accepted')
}

function logRefusal(request: IncomingMessage, error: SluiceError, cause: unknown, log: Log): void {
  const facts = { ...factsOf(request), status: error.status, code: error.code }
  if (error.status >= 500 && error.code === 'SLC_INTERNAL')
    log.error({ ...facts, err: cause }, 'call failed')
  else if (isChange(request)) log.warn(facts, 'change refused')
  else log.debug(facts, 'request refused')
}

function factsOf(request: IncomingMessage): Readonly<Record<string, unknown>> {
  const { requestId, caller } = exchangeOf(request)
  const [path = ''] = (request.url ?? '').split('?', 1)
  return {
    requestId,
    by: caller?.id ?? null,
    address: request.socket.remoteAddress ?? null,
    method: request.method,
    path: path.slice(0, 256)
  }
}

const CHANGING = new Set(['PUT', 'POST', 'PATCH', 'DELETE'])

function isChange(request: IncomingMessage): boolean {
  return CHANGING.has(request.method ?? '')
}

function setCommon(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('cache-control', 'no-store')
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('x-request-id', exchangeOf(request).requestId)
}

function end(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status
  response.setHeader('content-length', Buffer.byteLength(text))
  response.end(text)
}

function isDocument(value: unknown): value is Pick<RouteDocument, 'epoch' | 'revision'> {
  return typeof value === 'object' && value !== null && 'epoch' in value && 'revision' in value
}
