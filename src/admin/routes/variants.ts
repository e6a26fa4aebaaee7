/**
 * Adding a variant at run time, changing its upstreams, removing it. Its model never changes.
 *
 * Addresses are checked for their form here and for where they lead by the controller, then again when a
 * connection is made, on the resolved address.
 */
import { type Call, call, STATE_ERRORS } from '../call.ts'
import { ReasonBody, Route, VariantSettingsBody } from '../schemas.ts'
import { ROUTE, routeAnswer } from './routes.ts'

export const variantCalls: readonly Call[] = [
  call({
    method: 'PUT',
    url: `${ROUTE}/variants/:variant`,
    role: 'admin',
    summary: 'Add a variant, or change its upstreams',
    description:
      'http and https only, without user information; never link-local or metadata addresses, own listeners, or loopback that the configuration file does not name. A new variant has weight 0.',
    ifMatch: true,
    body: { schema: VariantSettingsBody, needed: true },
    answers: { 200: { what: 'The route after the change', schema: Route } },
    errors: ['SLC_UPSTREAM_ADDRESS', 'SLC_MODEL_IMMUTABLE', ...STATE_ERRORS],
    answer: async ({ control, params, body, expect, actor }) =>
      routeAnswer(
        await control.putVariant(
          params.route,
          expect,
          params.variant,
          body.upstreams,
          body.model ?? null,
          actor
        )
      )
  }),
  call({
    method: 'DELETE',
    url: `${ROUTE}/variants/:variant`,
    role: 'admin',
    summary: 'Remove a variant with weight 0',
    ifMatch: true,
    body: { schema: ReasonBody, needed: false },
    answers: { 200: { what: 'The route after the change', schema: Route } },
    errors: ['SLC_HAS_WEIGHT', ...STATE_ERRORS],
    answer: async ({ control, params, expect, actor }) =>
      routeAnswer(await control.deleteVariant(params.route, expect, params.variant, actor))
  })
]
