/**
 * The OpenAPI 3.1 document of the admin API, made from the calls by @fastify/swagger.
 *
 * The same document is served at /admin/v1/openapi.json and committed as config/openapi.json. Nothing of a
 * running process is in it.
 */
import swagger from '@fastify/swagger'
import Fastify, { type FastifySchema } from 'fastify'
import { Type } from 'typebox'
import { type ErrorCode, errorTable } from '../errors.ts'
import type { Call } from './call.ts'
import { allCalls } from './calls.ts'
import { NAMED, Name, ProblemDocument } from './schemas.ts'

let rendered: Promise<string> | null = null

/** The document as JSON text with a final line feed. */
export function renderOpenApi(): Promise<string> {
  rendered ??= render()
  return rendered
}

async function render(): Promise<string> {
  const app = Fastify({ logger: false, exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => String)
  for (const [name, schema] of Object.entries(NAMED)) {
    app.addSchema({ $id: name, ...members(schema) })
  }
  await app.register(swagger, {
    refResolver: { buildLocalReference: json => String(json['$id']) },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice admin API',
        version: '1',
        description: INTRODUCTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
      },
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'One Authorization field, nothing else'
          }
        }
      }
    }
  })
  const unused = () => {
    throw new Error('calls are only described here')
  }
  const streams = { admit: unused, open: unused, clients: () => 0, close: unused }
  for (const call of allCalls(streams, unused)) {
    app.route({ method: call.method, url: call.url, schema: describe(call), handler: unused })
  }
  await app.ready()
  const document = app.swagger()
  await app.close()
  return `${JSON.stringify(document, null, 2)}\n`
}

const INTRODUCTION =
  'Checks are made in this order: Host 421, Origin or cross-site 403, token 401, role 403, route 400 or 404, ' +
  'content type 415, size 413, If-Match missing 428 or badly formed 400, JSON syntax 400, stale 412, meaning 400. ' +
  'Errors are application/problem+json. Roles: viewer < breaker < operator < admin. ' +
  'Idempotency-Key makes the repeat of a change give the first answer for 24 hours.'

const STATUS = new Map(errorTable().map(([code, status]) => [code, status]))

function describe(call: Call): FastifySchema & Record<string, unknown> {
  return {
    operationId: operationId(call),
    tags: [call.role === null ? 'root' : call.role],
    summary: call.summary,
    description: [call.description, call.role && `Needs role ${call.role}.`]
      .filter(Boolean)
      .join(' '),
    security: call.role === null ? [] : [{ token: [] }],
    ...parameters(call),
    ...(call.body && { body: call.body.schema }),
    response: { ...goodAnswers(call), ...badAnswers(call) }
  }
}

function parameters(call: Call): Record<string, unknown> {
  const names = [...call.url.matchAll(/:([a-z]+)/g)].map(([, name]) => name ?? '')
  const params = Type.Object(Object.fromEntries(names.map(name => [name, Name])))
  const tag = Type.String({ description: 'The ETag of the route as it was read, as "1-7"' })
  const headers = Type.Object({ 'If-Match': tag })
  return {
    ...(names.length > 0 && { params }),
    ...(call.query && { querystring: call.query }),
    ...(call.ifMatch && { headers })
  }
}

function goodAnswers(call: Call): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(call.answers).map(([status, { what, schema }]) => [
      status,
      { description: what, content: { [mediaTypeOf(call)]: { schema: referring(schema) } } }
    ])
  )
}

function mediaTypeOf(call: Call): string {
  if (call.url.endsWith('/events')) return 'text/event-stream'
  return call.url === '/metrics' ? 'text/plain' : 'application/json'
}

/** Every error that a call can give, by status; codes in the description. */
function badAnswers(call: Call): Record<string, unknown> {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of errorsOf(call)) {
    const status = STATUS.get(code) ?? 500
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [
        status,
        {
          description: codes.join(', '),
          content: { 'application/problem+json': { schema: referring(ProblemDocument) } }
        }
      ])
  )
}

function errorsOf(call: Call): readonly ErrorCode[] {
  if (call.role === null) return call.errors
  return [
    'SLC_ADMIN_TOKEN',
    'SLC_ADMIN_ORIGIN',
    'SLC_ADMIN_ROLE',
    'SLC_ADMIN_HOST',
    'SLC_ADMIN_SLOW_DOWN',
    ...(call.url.includes(':') ? (['SLC_ADMIN_NAME', 'SLC_ADMIN_NOT_FOUND'] as const) : []),
    ...(call.body
      ? (['SLC_ADMIN_CONTENT_TYPE', 'SLC_ADMIN_TOO_LARGE', 'SLC_ADMIN_JSON'] as const)
      : []),
    ...(call.body || call.query ? (['SLC_ADMIN_MEANING'] as const) : []),
    ...(call.body ? (['SLC_ADMIN_KEY_REUSED'] as const) : []),
    ...(call.ifMatch
      ? (['SLC_ADMIN_IF_MATCH', 'SLC_ADMIN_IF_MATCH_INVALID', 'SLC_STALE'] as const)
      : []),
    ...call.errors
  ]
}

/** A schema with the named ones in it as references; what is no schema stays as it is. */
function referring(schema: unknown): unknown {
  const [name] = Object.entries(NAMED).find(([, named]) => named === schema) ?? []
  if (name !== undefined) return { $ref: `${name}#` }
  if (Array.isArray(schema)) return schema.map(referring)
  return typeof schema === 'object' && schema !== null ? members(schema) : schema
}

function members(schema: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, referring(value)]))
}

/** As put_route, post_route_rollback. */
function operationId(call: Call): string {
  const parts = call.url
    .replace('/admin/v1', '')
    .split(/[/.]/)
    .filter(Boolean)
    .map(part => part.replace(':', 'one_'))
  return [call.method.toLowerCase(), ...parts].join('_')
}
