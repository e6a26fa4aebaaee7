/**
 * Shadows of a route: how they run, what their pairs say, and their switch. The ETag is that of the route, as the
 * switch is part of its document; the numbers change without it.
 */
import { fail } from '../../errors.ts'
import type { ShadowView } from '../../ports.ts'
import { type Answer, type Call, call, STATE_ERRORS } from '../call.ts'
import { etagOf } from '../if-match.ts'
import { ShadowBody } from '../schemas.ts'
import { Shadow, Shadows } from '../shadow-schemas.ts'
import { ROUTE } from './routes.ts'

export const shadowCalls: readonly Call[] = [
  call({
    method: 'GET',
    url: `${ROUTE}/shadows`,
    role: 'viewer',
    summary: 'The shadows of a route',
    description: 'Each with its results, on the replica that answers.',
    answers: { 200: { what: 'The shadows; none where the route has none', schema: Shadows } },
    answer: async ({ control, params }) => {
      const route = control.route(params.route)
      if (!route) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${params.route}`])
      const names = Object.keys(route.shadows)
      const body = await Promise.all(names.map(name => control.shadow(params.route, name)))
      return { status: 200, body, etag: etagOf(route) }
    }
  }),
  call({
    method: 'GET',
    url: `${ROUTE}/shadows/:shadow`,
    role: 'viewer',
    summary: 'A shadow and its results',
    description:
      'Counts and agreement are those of the replica that answers. The ETag is that of the route.',
    answers: { 200: { what: 'The shadow', schema: Shadow } },
    answer: async ({ control, params }) =>
      shadowAnswer(await control.shadow(params.route, params.shadow))
  }),
  call({
    method: 'PUT',
    url: `${ROUTE}/shadows/:shadow`,
    role: 'operator',
    summary: 'Switch a shadow on or off, on every replica',
    description:
      'Answered when the data threads here work with it; `applied` says how many do. Copies under way run to their end. What is so already is success.',
    ifMatch: true,
    body: { schema: ShadowBody, needed: true },
    answers: { 200: { what: 'The shadow after the change', schema: Shadow } },
    errors: [...STATE_ERRORS],
    answer: async ({ control, params, body, expect, actor }) =>
      shadowAnswer(await control.setShadow(params.route, expect, params.shadow, body.on, actor))
  })
]

function shadowAnswer(view: ShadowView): Answer {
  return { status: 200, body: view, etag: `"${view.revision}"` }
}
