/**
 * Which variant a unit gets and why, by the very code that routes. Changes nothing, so a viewer may.
 */
import { MAX_UNIT_BYTES } from '../../domain/route.ts'
import { fail } from '../../errors.ts'
import type { ExplainFacts } from '../../ports.ts'
import { type Call, call } from '../call.ts'
import { ExplainBody, Explained, ExplainQuery } from '../schemas.ts'
import { ROUTE } from './routes.ts'

const answers = { 200: { what: 'The decision', schema: Explained } }

export const explainCalls: readonly Call[] = [
  call({
    method: 'GET',
    url: `${ROUTE}/explain`,
    role: 'viewer',
    summary: 'Which variant a unit gets',
    query: ExplainQuery,
    answers,
    answer: ({ control, params, query }) => ({
      status: 200,
      body: control.explain(params.route, checked({ unit: query.unit }))
    })
  }),
  call({
    method: 'POST',
    url: `${ROUTE}/explain`,
    role: 'viewer',
    summary: 'Which variant a request with these facts gets',
    description: 'Names of header fields in any case; trusted = the peer is in trustedProxies.',
    body: { schema: ExplainBody, needed: true },
    answers,
    answer: ({ control, params, body }) => {
      const { headers, ...rest } = body
      const facts = headers === undefined ? rest : { ...rest, headers: lowered(headers) }
      return { status: 200, body: control.explain(params.route, checked(facts)) }
    }
  })
]

function checked(facts: ExplainFacts): ExplainFacts {
  if (Buffer.byteLength(facts.unit ?? '') > MAX_UNIT_BYTES) {
    throw fail('SLC_ADMIN_MEANING', [`unit has more than ${MAX_UNIT_BYTES} bytes`])
  }
  return facts
}

function lowered(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  if (new Set(names.map(([name]) => name)).size < names.length) {
    throw fail('SLC_ADMIN_MEANING', ['headers has a field twice'])
  }
  return Object.fromEntries(names)
}
