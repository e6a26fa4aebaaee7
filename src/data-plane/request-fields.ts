/**
 * The path and the fields of a request as an upstream gets them.
 *
 * Ours come last and are never the client's: who asked, over what, for which host, through whom. A client that
 * is no trusted proxy has its own claims of that kind dropped (http.md, forwarding).
 */
import type { Rewrite } from '../domain/snapshot.ts'
import type { Exchange } from './exchange.ts'
import type { Head } from './gate.ts'
import type { LiveAddress, LiveVariant } from './live-routes.ts'

/** Path and query for the upstream: the bytes as received, but for the route's rewrite of a prefix. */
export function requestPath(head: Head, rewrite: Rewrite | null): string {
  const path = rewrite?.path ?? null
  if (path === null || !head.origin.startsWith(path.from)) return head.origin
  return path.to + head.origin.slice(path.from.length)
}

/** The fields for one address, as a flat list of names and values. */
export function requestFields(ex: Exchange, variant: LiveVariant, address: LiveAddress): string[] {
  const { head, client, decision } = ex
  if (head === null) return []
  const fields = head.fields.slice()
  const trusted = decision?.trusted === true
  const { peer } = client
  const proto = client.secure ? 'https' : 'http'
  const rewrite = variant.snapshot.rewrite
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
  if (ex.upload !== null && head.contentLength >= 0) {
    fields.push('content-length', String(head.contentLength))
  }
  if (rewrite !== null) rewriteFields(fields, rewrite)
  fields.push('host', rewrite?.host ?? address.authority)
  return fields
}

/** A variant's own fields replace the client's of the same name. Framing and Host are not theirs to set. */
function rewriteFields(fields: string[], rewrite: Rewrite): void {
  const { set, remove } = rewrite.headers
  const names = new Set(remove.map(name => name.toLowerCase()))
  for (const name of Object.keys(set)) names.add(name.toLowerCase())
  for (const name of KEPT) names.delete(name)
  let kept = 0
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string // in bounds: the list is of pairs
    if (names.has(name.toLowerCase())) continue
    fields[kept++] = name
    fields[kept++] = fields[i + 1] as string
  }
  fields.length = kept
  for (const [name, value] of Object.entries(set)) {
    if (!KEPT.includes(name.toLowerCase())) fields.push(name, value)
  }
}

const KEPT: readonly string[] = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
  'expect',
  'via'
]
