/**
 * The calls of an incident: rolling back needs neither a revision nor a reason, and repeating it is success.
 *
 * 200 when the fleet has it, 202 when only this process does and the store does not know yet.
 */
import { type Call, call, STATE_ERRORS } from '../call.ts'
import {
  ClearBody,
  ModelRollbackBody,
  RollbackDone,
  RollbacksDone,
  Route,
  VariantBody
} from '../schemas.ts'
import { ROUTE, routeAnswer } from './routes.ts'

export const rollbackCalls: readonly Call[] = [
  call({
    method: 'POST',
    url: `${ROUTE}/rollback`,
    role: 'breaker',
    summary: 'Take a challenger out of traffic now',
    description: 'Without a variant: every challenger that has weight or an override.',
    body: { schema: VariantBody, needed: false },
    answers: {
      200: { what: 'Rolled back, everywhere (scope fleet)', schema: RollbackDone },
      202: {
        what: 'Rolled back here; the store does not have it yet (scope local)',
        schema: RollbackDone
      }
    },
    errors: [...STATE_ERRORS],
    answer: async ({ control, params, body, actor }) => {
      const done = await control.rollback(params.route, body.variant ?? null, actor)
      return { status: done.scope === 'fleet' ? 200 : 202, body: done }
    }
  }),
  call({
    method: 'POST',
    url: '/admin/v1/rollback',
    role: 'breaker',
    summary: 'Take a model version out of traffic wherever it has some',
    body: { schema: ModelRollbackBody, needed: true },
    answers: {
      200: {
        what: 'One entry for each route concerned, none when there is none',
        schema: RollbacksDone
      },
      202: { what: 'The same; the store does not have all of them yet', schema: RollbacksDone }
    },
    errors: [...STATE_ERRORS],
    answer: async ({ control, body, actor }) => {
      const done = await control.rollbackModel(body.modelVersion, actor)
      return { status: done.every(({ scope }) => scope === 'fleet') ? 200 : 202, body: done }
    }
  }),
  call({
    method: 'POST',
    url: `${ROUTE}/clear`,
    role: 'operator',
    summary: 'Unlatch a rollback by its id',
    description: 'The weight stays 0 until somebody raises it.',
    ifMatch: true,
    body: { schema: ClearBody, needed: true },
    answers: { 200: { what: 'The route after the change', schema: Route } },
    errors: ['SLC_UNKNOWN_ROLLBACK', ...STATE_ERRORS],
    answer: async ({ control, params, body, expect, actor }) =>
      routeAnswer(await control.clear(params.route, expect, body.rollback, actor))
  })
]
