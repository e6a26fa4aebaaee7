/**
 * The body of a change: content type 415, size 413, then bytes; counted while it arrives, never more than the
 * limit in memory. Reading stops at the first byte too many.
 */
import type { IncomingMessage } from 'node:http'
import { fail } from '../errors.ts'
import { fieldsOf, inviteBody } from './listener.ts'

export const MAX_BODY = 65_536 // bytes

const JSON_TYPE = /^application\/json(?: *; *charset=(?:utf-8|"utf-8"))? *$/i

/** Throws SLC_ADMIN_CONTENT_TYPE unless the one Content-Type is JSON and nothing is encoded. */
export function checkContentType(request: IncomingMessage): void {
  const types = fieldsOf(request, 'content-type')
  const encoded = fieldsOf(request, 'content-encoding').some(coding => coding !== 'identity')
  if (types.length !== 1 || !JSON_TYPE.test(types[0] ?? '') || encoded) {
    throw fail('SLC_ADMIN_CONTENT_TYPE')
  }
}

/** Throws SLC_ADMIN_TOO_LARGE for a length that is announced; what is not announced is counted. */
export function checkLength(request: IncomingMessage): void {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw fail('SLC_ADMIN_TOO_LARGE')
}

/** All bytes of the body. Throws SLC_ADMIN_TOO_LARGE, or SLC_BAD_REQUEST when the client left. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const done = (settle: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost)
      settle()
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_BODY) {
        request.pause()
        done(() => reject(fail('SLC_ADMIN_TOO_LARGE')))
      } else chunks.push(chunk)
    }
    const onEnd = () => done(() => resolve(Buffer.concat(chunks)))
    const onLost = () => done(() => reject(fail('SLC_BAD_REQUEST', ['the body broke off'])))
    inviteBody(request)
    request.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost)
  })
}
