/**
 * Reads the predictions of an answer while its bytes pass: which reader a protocol has, and for which answers.
 *
 * The bytes are only looked at, never held or changed; an answer in a coding that is not read stays unjudged.
 */

import type { RouteSnapshot } from '../domain/snapshot.ts'

/** What a reader found. `bad` has a bit per kind of BAD_KINDS; `failed` is an error inside a good status. */
export type Reading = {
  readonly judged: boolean
  readonly bad: number
  readonly failed: boolean
}

export type BodyReader = {
  push(chunk: Uint8Array): void
  end(): Reading
}

export const NOT_READ: Reading = { judged: false, bad: 0, failed: false }

export function readerFor(
  _route: RouteSnapshot,
  _status: number,
  _raw: readonly (Buffer | string)[]
): BodyReader | null {
  return null
}
