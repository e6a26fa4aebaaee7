/**
 * The first step of a request: the gate, the decision and the limits, before any byte goes anywhere.
 *
 * It runs when the parser has seen the whole first segment of the request, so that nothing is forwarded from a
 * segment with a fault in it. A request whose unit stands in its body waits for that first.
 */
import { randomUUID } from 'node:crypto'
import type { RequestFacts } from '../domain/facts.ts'
import type { RouteSnapshot } from '../domain/snapshot.ts'
import { answerOptions, refuse } from './answer.ts'
import { awaitUnit } from './await-unit.ts'
import { type Decision, decide, type Rejection, tableServesHost } from './decide.ts'
import type { Exchange } from './exchange.ts'
import { ALLOW, gate, type Head, touchesUnit } from './gate.ts'
import type { LiveTable } from './live-routes.ts'
import { assignTo } from './settle.ts'

/** Decides a request. `proceed` is called once it goes to an upstream, and not where it has been answered. */
export function begin(ex: Exchange, proceed: (ex: Exchange) => void): void {
  const { req, lane } = ex
  const { table } = lane
  if (table === null) {
    refuse(ex, 'SLC_NO_UPSTREAM', ['(none yet)'])
    return
  }
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
  if (head.kind === 'refusal') {
    refuse(ex, head.code, head.args)
    return
  }
  ex.head = head
  if (touchesUnit(head, table.decisions.unitFields)) {
    refuse(ex, 'SLC_BAD_REQUEST', [
      'a field that carries the unit is named or spelled in a way that hides it'
    ])
  } else if (head.absolute && !tableServesHost(table.decisions, head.host)) {
    refuse(ex, 'SLC_MISDIRECTED', [])
  } else if (head.method === 'OPTIONS' && (head.path === '*' || head.maxForwards === 0)) {
    answerOptions(ex, ALLOW)
  } else route(ex, head, table, proceed)
}

function route(ex: Exchange, head: Head, table: LiveTable, proceed: (ex: Exchange) => void): void {
  const facts = factsOf(ex, head)
  const decision = decide(table.decisions, facts)
  if (decision.kind !== 'body') {
    if (assigned(ex, head, table, decision)) proceed(ex)
    return
  }
  const { body } = decision.route.limits
  if (head.contentLength > body) {
    refuse(ex, 'SLC_BODY_TOO_LARGE', [body])
    return
  }
  awaitUnit(ex, head, facts, decision.route, decision.sources, unit => {
    const current = tableAfterWait(table, ex.lane.table, decision.route)
    ex.table = current
    if (assigned(ex, head, current, decide(current.decisions, facts, unit))) proceed(ex)
  })
}

function factsOf({ req, client }: Exchange, head: Head): RequestFacts {
  return {
    method: head.method,
    path: head.path,
    query: head.query,
    host: head.host,
    rawHeaders: req.rawHeaders,
    peer: client.peer,
    secure: client.secure
  }
}

/**
 * The table that decides a request after its body was waited for: the one in force by now, so that none goes to
 * a variant that was rolled back meanwhile; the one before where the route looks for its unit elsewhere now.
 */
function tableAfterWait(before: LiveTable, now: LiveTable | null, route: RouteSnapshot): LiveTable {
  if (now === null || now === before) return before
  const after = now.byName.get(route.name)?.snapshot
  if (after === undefined || after === route) return after === route ? now : before
  return JSON.stringify(after.hashOn) === JSON.stringify(route.hashOn) ? now : before
}

function assigned(
  ex: Exchange,
  head: Head,
  table: LiveTable,
  decision: Decision | Rejection
): boolean {
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
