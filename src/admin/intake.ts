/**
 * What a request brings, in the order of the checks: content type 415, size 413, If-Match 428/400, JSON 400,
 * stale 412. The shape of what it means comes after, against the schema.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { revisionOf } from '../domain/document.ts'
import { fail } from '../errors.ts'
import type { Control } from '../ports.ts'
import { checkContentType, checkLength, readBody } from './body.ts'
import type { Call } from './call.ts'
import { exchangeOf } from './exchange.ts'
import { revisionIn } from './if-match.ts'
import { fieldsOf } from './listener.ts'
import { parseStrictJson } from './strict-json.ts'

/** The parsed body of a request that brings one. */
export async function takeBody(request: IncomingMessage, call: Call | undefined): Promise<unknown> {
  checkContentType(request)
  checkLength(request)
  const bytes = await readBody(request)
  takeIfMatch(request, call)
  exchangeOf(request).bodyDigest = createHash('sha256').update(bytes).digest('hex')
  if (bytes.length === 0 && call?.body?.needed === false) return {}
  return parseStrictJson(bytes)
}

/** The body of a request that brings none: empty where the call allows that. */
export function withoutBody(request: IncomingMessage, call: Call): unknown {
  if (call.body?.needed === true) throw fail('SLC_ADMIN_CONTENT_TYPE')
  takeIfMatch(request, call)
  return {}
}

/** Throws SLC_STALE with the current document when the request saw another revision. */
export function checkFresh(request: IncomingMessage, route: string, control: Control): void {
  const view = control.route(route)
  if (!view) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${route}`])
  const current = revisionOf(view)
  if (current !== exchangeOf(request).expect) throw fail('SLC_STALE', [current], { document: view })
}

export type RepeatKey = { readonly key: string; readonly fingerprint: string }

/** What `Idempotency-Key` makes of a change, or null without one. Throws SLC_ADMIN_MEANING. */
export function repeatKeyOf(request: IncomingMessage): RepeatKey | null {
  const fields = fieldsOf(request, 'idempotency-key')
  const [given] = fields
  if (given === undefined || request.method === 'GET' || request.method === 'HEAD') return null
  if (fields.length > 1 || !/^[\x21-\x7e]{1,255}$/.test(given)) {
    throw fail('SLC_ADMIN_MEANING', [
      'Idempotency-Key must be one field of 1 to 255 visible characters'
    ])
  }
  const { caller, expect, bodyDigest } = exchangeOf(request)
  const parts = [request.method, request.url, expect, bodyDigest]
  return { key: JSON.stringify([caller?.id, given]), fingerprint: JSON.stringify(parts) }
}

function takeIfMatch(request: IncomingMessage, call: Call | undefined): void {
  if (call?.ifMatch) exchangeOf(request).expect = revisionIn(fieldsOf(request, 'if-match'))
}
