/**
 * Whether a caller may make a call, and whether what the path names is there: role 403, names 400, route and
 * shadow 404, method 405. It needs the route that Fastify found, so that guard and router can never disagree.
 */
import type { FastifyRequest } from 'fastify'
import { NAME } from '../domain/route.ts'
import { fail } from '../errors.ts'
import type { Control } from '../ports.ts'
import type { AccessAudit } from './access-audit.ts'
import { mayDo } from './auth.ts'
import type { Call } from './call.ts'
import { exchangeOf } from './exchange.ts'

/** Methods that get 405 with Allow at a known path; any other is 405 at every path. */
export const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE'
] as const

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly call?: Call
    readonly allow?: readonly string[] // a path with another method
  }
}

/** Throws what is to be answered. */
export function admit(request: FastifyRequest, control: Control, accessAudit: AccessAudit): void {
  const { call, allow } = request.routeOptions.config
  if (call) checkRole(request, call, accessAudit)
  if (request.is404) {
    const known: readonly string[] = METHODS
    if (!known.includes(request.method)) throw fail('SLC_ADMIN_METHOD', [request.method])
    throw fail('SLC_ADMIN_NOT_FOUND', ['call'])
  }
  const params = paramsOf(request)
  for (const name of Object.values(params)) {
    if (!NAME.test(name)) throw fail('SLC_ADMIN_NAME', [JSON.stringify(name.slice(0, 80))])
  }
  checkThere(params, control)
  if (allow) throw fail('SLC_ADMIN_METHOD', [request.method], { allow })
}

/** What the path names, decoded. */
export function paramsOf(request: FastifyRequest): Readonly<Record<string, string>> {
  // Fastify's own router filled it: texts by the names of the pattern.
  return request.params as Record<string, string>
}

/** A variant may be new; a route and a shadow are of the configuration. */
function checkThere({ route, shadow }: ReturnType<typeof paramsOf>, control: Control): void {
  if (route === undefined) return
  const view = control.route(route)
  if (view === null) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${route}`])
  if (shadow !== undefined && !Object.hasOwn(view.shadows, shadow)) {
    throw fail('SLC_ADMIN_NOT_FOUND', [`shadow ${shadow} of route ${route}`])
  }
}

function checkRole(request: FastifyRequest, call: Call, accessAudit: AccessAudit): void {
  const { caller, requestId } = exchangeOf(request.raw)
  if (call.role === null || (caller !== null && mayDo(caller.role, call.role))) return
  accessAudit.record({
    what: 'role too low',
    address: request.raw.socket.remoteAddress ?? '',
    by: caller?.id ?? 'unknown',
    requestId,
    call: `${call.method} ${call.url}`
  })
  throw fail('SLC_ADMIN_ROLE', [caller?.role ?? 'none', call.role])
}
