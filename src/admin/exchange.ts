/**
 * What is known of one request while it is answered, beside what HTTP says. Held per request object.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Caller } from './auth.ts'
import { fieldsOf } from './listener.ts'

export type Exchange = {
  readonly requestId: string
  caller: Caller | null
  expect: string // revision of If-Match, '' before it was read
  bodyDigest: string
}

const exchanges = new WeakMap<IncomingMessage, Exchange>()

/** The exchange of a request, made at first sight. A client's X-Request-Id is kept if it is a plain one. */
export function exchangeOf(request: IncomingMessage): Exchange {
  const known = exchanges.get(request)
  if (known) return known
  const [id, more] = fieldsOf(request, 'x-request-id')
  const kept = id !== undefined && more === undefined && /^[A-Za-z0-9._-]{1,128}$/.test(id)
  const made = { requestId: kept ? id : randomUUID(), caller: null, expect: '', bodyDigest: '' }
  exchanges.set(request, made)
  return made
}
