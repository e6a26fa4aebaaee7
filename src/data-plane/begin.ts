/**
 * The first step of a request: the gate, the decision and the limits, before any byte goes anywhere.
 *
 * It runs when the parser has seen the whole first segment of the request, so that nothing is forwarded from a
 * segment with a fault in it.
 */
import { randomUUID } from 'node:crypto'
import { answerOptions, refuse } from './answer.ts'
import { decide, tableServesHost } from './decide.ts'
import type { Exchange } from './exchange.ts'
import { ALLOW, gate, type Head, touchesUnit } from './gate.ts'
import type { LiveTable } from './live-routes.ts'
import { assignTo } from './settle.ts'

/** Decides a request. True: it goes to an upstream next. False: it has been answered. */
export function begin(ex: Exchange): boolean {
  const { req, lane } = ex
  const { table } = lane
  if (table === null) return refused(ex, 'SLC_NO_UPSTREAM', ['(none yet)'])
  ex.table = table
  const head = gate(
    {
      method: req.method ?? '',
      target: req.url ?? '',
      version: req.httpVersion,
      rawHeaders: req.rawHeaders
    },
    table.pseudonym
  )
  ex.requestId = head.kind === 'head' && head.requestId !== '' ? head.requestId : randomUUID()
  if (head.kind === 'refusal') return refused(ex, head.code, head.args)
  ex.head = head
  if (touchesUnit(head, table.decisions.unitFields)) {
    return refused(ex, 'SLC_BAD_REQUEST', [
      'a field that carries the unit is named or spelled in a way that hides it'
    ])
  }
  if (head.absolute && !tableServesHost(table.decisions, head.host)) {
    return refused(ex, 'SLC_MISDIRECTED', [])
  }
  if (head.method === 'OPTIONS' && (head.path === '*' || head.maxForwards === 0)) {
    answerOptions(ex, ALLOW)
    return false
  }
  return route(ex, head, table)
}

function route(ex: Exchange, head: Head, table: LiveTable): boolean {
  const { req, client } = ex
  const decision = decide(table.decisions, {
    method: head.method,
    path: head.path,
    query: head.query,
    host: head.host,
    rawHeaders: req.rawHeaders,
    peer: client.peer,
    secure: client.secure
  })
  if (decision.kind === 'reject') return refused(ex, decision.code, decision.args)
  const live = table.routes.get(decision.route)
  const variant = live?.variants[decision.variant]
  if (live === undefined || variant === undefined) return refused(ex, 'SLC_NO_ROUTE', [])
  const { body } = decision.route.limits
  if (head.contentLength > body) return refused(ex, 'SLC_BODY_TOO_LARGE', [body])
  ex.decision = decision
  assignTo(ex, decision, live, variant)
  return true
}

function refused(
  ex: Exchange,
  code: Parameters<typeof refuse>[1],
  args: readonly (string | number)[]
): false {
  refuse(ex, code, args)
  return false
}
