/**
 * Reading routes and setting weights. The ETag is the revision of the document; a change names the one it saw.
 */

import { Type } from 'typebox'
import { fail } from '../../errors.ts'
import type { RouteView } from '../../ports.ts'
import { type Answer, type Call, call, STATE_ERRORS } from '../call.ts'
import { etagOf } from '../if-match.ts'
import { DryRun, DryRunQuery, Route, Routes, WeightsBody } from '../schemas.ts'

export const ROUTE = '/admin/v1/routes/:route'

export const routeCalls: readonly Call[] = [
  call({
    method: 'GET',
    url: '/admin/v1/routes',
    role: 'viewer',
    summary: 'All routes',
    answers: { 200: { what: 'The routes, in the order of the configuration', schema: Routes } },
    answer: ({ control }) => ({ status: 200, body: control.routes() })
  }),
  call({
    method: 'GET',
    url: ROUTE,
    role: 'viewer',
    summary: 'One route',
    description:
      'The document of the route with weights, shares, ranges and triggers. The ETag is what a change needs as If-Match.',
    answers: { 200: { what: 'The route', schema: Route } },
    answer: ({ control, params }) => {
      const view = control.route(params.route)
      if (!view) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${params.route}`])
      return routeAnswer(view)
    }
  }),
  call({
    method: 'PUT',
    url: ROUTE,
    role: 'operator',
    summary: 'Set the weights of a route',
    description:
      'Growth of a challenger takes buckets of the champion alone, so nobody who was in moves. With dryRun=true nothing changes and the answer says who would move.',
    ifMatch: true,
    query: DryRunQuery,
    body: { schema: WeightsBody, needed: true },
    answers: {
      200: { what: 'The route after the change, or the plan', schema: Type.Union([Route, DryRun]) }
    },
    errors: ['SLC_ROLLED_BACK', 'SLC_PAUSED', 'SLC_NOT_ENOUGH_CHAMPION', ...STATE_ERRORS],
    answer: async ({ control, params, query, body, expect, actor }) => {
      if (query.dryRun === true) {
        const plan = control.planWeights(params.route, expect, body.weights)
        return { status: 200, body: { dryRun: true, ...plan } }
      }
      return routeAnswer(await control.weights(params.route, expect, body.weights, actor))
    }
  })
]

/** A route with its ETag. */
export function routeAnswer(view: RouteView): Answer {
  return { status: 200, body: view, etag: etagOf(view) }
}
