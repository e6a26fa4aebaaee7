/**
 * Pause and resume: a paused challenger keeps its traffic and is not raised. Repeating either is success.
 */
import { type Call, call, STATE_ERRORS } from '../call.ts'
import { Route, VariantBody } from '../schemas.ts'
import { ROUTE, routeAnswer } from './routes.ts'

export const pauseCalls: readonly Call[] = [
  call({
    method: 'POST',
    url: `${ROUTE}/pause`,
    role: 'operator',
    summary: 'Refuse raises of a challenger',
    description: 'Without a variant: of every challenger. Traffic stays as it is.',
    body: { schema: VariantBody, needed: false },
    answers: { 200: { what: 'The route after the change', schema: Route } },
    errors: [...STATE_ERRORS],
    answer: async ({ control, params, body, actor }) =>
      routeAnswer(await control.pause(params.route, body.variant ?? null, actor))
  }),
  call({
    method: 'POST',
    url: `${ROUTE}/resume`,
    role: 'operator',
    summary: 'Allow raises of a challenger again',
    description: 'Ends a pause, and a quarantine on the replica that answers.',
    body: { schema: VariantBody, needed: false },
    answers: { 200: { what: 'The route after the change', schema: Route } },
    errors: [...STATE_ERRORS],
    answer: async ({ control, params, body, actor }) =>
      routeAnswer(await control.resume(params.route, body.variant ?? null, actor))
  })
]
