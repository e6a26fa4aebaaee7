/**
 * Answers of our own: small problem+json (RFC 9457) with our code, and Proxy-Status (RFC 9209), which tells
 * our answers from the model's. Never an internal message: the sentence comes from the table of errors.
 */
import type { Reject } from '../domain/thread-region.ts'
import { type ErrorCode, fail } from '../errors.ts'
import { ALLOW } from './gate.ts'

export type Problem = {
  readonly status: number
  readonly fields: string[] // name, value, … of the answer
  readonly body: string
}

/** Error types of RFC 9209 section 2.3, for the codes that a client of the data plane can get. */
const PROXY_STATUS: Partial<Record<ErrorCode, string>> = {
  SLC_LOOP: 'proxy_loop_detected',
  SLC_NO_ROUTE: 'destination_not_found',
  SLC_MISDIRECTED: 'destination_not_found',
  SLC_NO_UPSTREAM: 'destination_unavailable',
  SLC_SHED: 'connection_limit_reached',
  SLC_SHED_BODY: 'destination_unavailable',
  SLC_UPSTREAM_CONNECT: 'connection_refused',
  SLC_UPSTREAM_RESET: 'connection_terminated',
  SLC_UPSTREAM_INVALID: 'http_protocol_error',
  SLC_UPSTREAM_TIMEOUT: 'http_response_timeout',
  SLC_INTERNAL: 'proxy_internal_error'
}

/** How a refusal is counted; a code that is missing here is a fault of an upstream or of ours. */
const COUNTED: Partial<Record<ErrorCode, Reject>> = {
  SLC_BAD_REQUEST: 'bad_request',
  SLC_UNIT_INVALID: 'unit',
  SLC_UNIT_MISSING: 'unit',
  SLC_NO_ROUTE: 'no_route',
  SLC_METHOD: 'method',
  SLC_REQUEST_TIMEOUT: 'timeout',
  SLC_BODY_TOO_LARGE: 'too_large',
  SLC_TARGET_TOO_LONG: 'uri_too_long',
  SLC_EXPECTATION: 'expectation',
  SLC_MISDIRECTED: 'misdirected',
  SLC_HEADERS_TOO_LARGE: 'headers_too_large',
  SLC_NOT_IMPLEMENTED: 'not_implemented',
  SLC_HTTP_VERSION: 'version',
  SLC_LOOP: 'loop',
  SLC_NO_UPSTREAM: 'no_upstream'
}

/**
 * The answer for a code. `proxyError` is a more exact type of RFC 9209 where one is known. `requestId` may be
 * empty, for bytes that never became a request.
 */
export function problem(
  code: ErrorCode,
  args: readonly (string | number)[],
  requestId: string,
  proxyError?: string
): Problem {
  const error = fail(code, args)
  const { status } = error
  const body = JSON.stringify({
    type: 'about:blank',
    title: TITLES.get(status) ?? 'Error',
    status,
    code,
    detail: error.message,
    ...(requestId === '' ? {} : { requestId })
  })
  const type = proxyError ?? PROXY_STATUS[code] ?? 'http_request_error'
  const fields = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'Proxy-Status',
    `sluice; error=${type}`
  ]
  if (requestId !== '') fields.push('X-Request-Id', requestId)
  if (code === 'SLC_METHOD') fields.push('Allow', ALLOW)
  if (RETRIED.has(code)) fields.push('Retry-After', '1')
  return { status, fields, body }
}

const RETRIED: ReadonlySet<ErrorCode> = new Set(['SLC_SHED', 'SLC_SHED_BODY', 'SLC_NO_UPSTREAM'])

/** The label under which a refusal is counted, or null for a code that is none. */
export function countedAs(code: ErrorCode): Reject | null {
  return COUNTED[code] ?? null
}

/** A whole answer in bytes, for a connection whose parser has given up. It says that the connection closes. */
export function rawProblem(found: Problem): string {
  let head = `HTTP/1.1 ${found.status} ${TITLES.get(found.status) ?? 'Error'}\r\n`
  for (let i = 0; i < found.fields.length; i += 2)
    head += `${found.fields[i]}: ${found.fields[i + 1]}\r\n`
  return `${head}Connection: close\r\n\r\n${found.body}`
}

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [417, 'Expectation Failed'],
  [421, 'Misdirected Request'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
  [508, 'Loop Detected']
])
