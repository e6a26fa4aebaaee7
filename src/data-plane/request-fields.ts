/**
 * The path and the fields of a request as an upstream gets them.
 *
 * Ours come last and are never the client's: who asked, over what, for which host, through whom. A client that
 * is no trusted proxy has its own claims of that kind dropped (http.md, forwarding).
 */
import { rewriteFields } from '../domain/rewrite.ts'
import type { Exchange } from './exchange.ts'
import type { LiveAddress, LiveVariant } from './live-routes.ts'

/** The fields for one address, as a flat list of names and values. */
export function requestFields(ex: Exchange, variant: LiveVariant, address: LiveAddress): string[] {
  const { head } = ex
  if (head === null) return []
  const fields = clientFields(ex)
  const rewrite = variant.snapshot.rewrite
  if (ex.upload !== null && head.contentLength >= 0) {
    fields.push('content-length', String(head.contentLength))
  }
  if (rewrite !== null) rewriteFields(fields, rewrite)
  fields.push('host', rewrite?.host ?? address.authority)
  return fields
}

/** The fields that every upstream gets of this request: the client's and ours, without framing and Host. */
export function clientFields(ex: Exchange): string[] {
  const { head, client, decision } = ex
  if (head === null) return []
  const fields = head.fields.slice()
  const trusted = decision?.trusted === true
  const { peer } = client
  const proto = client.secure ? 'https' : 'http'
  const chain = trusted && head.forwardedFor !== '' ? `${head.forwardedFor}, ${peer}` : peer
  const saidProto = trusted && head.forwardedProto !== '' ? head.forwardedProto : proto
  fields.push('x-forwarded-for', chain, 'x-forwarded-proto', saidProto)
  const host = trusted && head.forwardedHost !== '' ? head.forwardedHost : head.authority
  if (host !== '') fields.push('x-forwarded-host', host)
  if (trusted) fields.push(...head.ownForwarded)
  const via = `${head.http10 ? '1.0' : '1.1'} ${ex.table?.pseudonym ?? 'sluice'}`
  fields.push('via', via, 'x-request-id', ex.requestId)
  if (head.maxForwards >= 0) {
    const left = head.method === 'OPTIONS' ? head.maxForwards - 1 : head.maxForwards
    fields.push('max-forwards', String(left))
  }
  return fields
}
