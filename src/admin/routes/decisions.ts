/**
 * What was decided for a route and why: its audit log, newest first, each entry with its evidence.
 */
import { fail } from '../../errors.ts'
import { type Call, call } from '../call.ts'
import { Decisions, DecisionsQuery } from '../schemas.ts'
import { ROUTE } from './routes.ts'

export const decisionCalls: readonly Call[] = [
  call({
    method: 'GET',
    url: `${ROUTE}/decisions`,
    role: 'viewer',
    summary: 'Audit log of a route',
    query: DecisionsQuery,
    answers: { 200: { what: 'Entries, newest first', schema: Decisions } },
    answer: async ({ control, params, query }) => {
      const since = query.since === undefined ? null : sinceTime(query.since, Date.now())
      return { status: 200, body: await control.decisions(params.route, since, query.limit ?? 100) }
    }
  })
]

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000
}
const ISO =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/

/** ISO time of `since`, given as such or as a duration before `nowMs`. Throws SLC_ADMIN_MEANING. */
export function sinceTime(since: string, nowMs: number): string {
  const [, count, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(since) ?? []
  const at =
    count === undefined
      ? Date.parse(ISO.test(since) ? since : '')
      : nowMs - Number(count) * (UNITS[unit ?? ''] ?? 0)
  if (!Number.isFinite(at) || Math.abs(at) > 8.64e15) {
    throw fail('SLC_ADMIN_MEANING', [
      'since is neither a time like 2026-01-31T12:00:00Z nor a duration like 1h'
    ])
  }
  return new Date(at).toISOString()
}
