/**
 * Errors as the admin API answers them: application/problem+json (RFC 9457) with our code.
 *
 * The sentence comes from the table in errors.ts and from nowhere else; what is no SluiceError is SLC_INTERNAL
 * with the request's id, and its own message goes to the log alone.
 */
import { STATUS_CODES } from 'node:http'
import { fail, SluiceError } from '../errors.ts'

export const PROBLEM_TYPE = 'application/problem+json'

export type Problem = {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly requestId: string
  readonly [detail: string]: unknown // `document` for conflicts, `allow`, …
}

/** The document of an error. `details` of the error are members beside the standard ones, never instead. */
export function problemOf(error: SluiceError, requestId: string): Problem {
  return {
    ...error.details,
    type: 'about:blank',
    title: STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    detail: withoutUserInfo(error.message),
    code: error.code,
    requestId
  }
}

/** Any thrown value as an error of the table. */
export function sluiceErrorOf(error: unknown, requestId: string): SluiceError {
  return error instanceof SluiceError ? error : fail('SLC_INTERNAL', [requestId])
}

/** An address that a client gave with a password is not repeated to it, nor to what logs answers. */
function withoutUserInfo(sentence: string): string {
  return sentence.replace(/\/\/[^/@\s]*@/g, '//[redacted]@')
}
