/**
 * Serves calls with Fastify: admission, intake, schema, then the call itself, in the order of the page.
 *
 * Fastify routes, runs hooks and validates; its own parsers, answers and error documents never reach a client.
 */
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySchema
} from 'fastify'
import { fail } from '../errors.ts'
import type { Control, Log } from '../ports.ts'
import type { AccessAudit } from './access-audit.ts'
import { admit, METHODS, paramsOf } from './admission.ts'
import { logAccepted, writeAnswer, writeRefusal } from './answer.ts'
import type { Answer, Call, Input } from './call.ts'
import { exchangeOf } from './exchange.ts'
import { checkFresh, repeatKeyOf, takeBody, withoutBody } from './intake.ts'
import { fieldsOf } from './listener.ts'
import { createRepeats } from './repeats.ts'
import { NoQuery } from './schemas.ts'
import { isObject } from './strict-json.ts'
import { compileCheck } from './validate.ts'

export type AppOptions = {
  readonly control: Control
  readonly calls: readonly Call[]
  readonly accessAudit: AccessAudit
  readonly log: Log
  readonly now: () => number // monotonic, ms
}

/** An application for `routing(request, response)` once it is `ready()`. It listens nowhere. */
export function createApp(options: AppOptions): FastifyInstance {
  const { control, log } = options
  const repeats = createRepeats(options.now)
  const app = Fastify({
    logger: false,
    routerOptions: { maxParamLength: 8_000 },
    frameworkErrors: (_error, request, reply) =>
      refuse(request, reply, fail('SLC_BAD_REQUEST', ['the path is not well formed']))
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request: FastifyRequest) =>
    takeBody(request.raw, request.routeOptions.config.call)
  )
  app.setValidatorCompiler(({ schema, httpPart }) =>
    compileCheck(schema, httpPart === 'body' ? 'body' : 'querystring')
  )
  app.setErrorHandler((error, request, reply) => refuse(request, reply, ours(error)))
  app.setNotFoundHandler(request => admit(request, control, options.accessAudit))
  app.addHook('onRequest', async request => admit(request, control, options.accessAudit))
  app.addHook('preValidation', async (request, reply) => {
    const { call } = request.routeOptions.config
    if (!call) return
    if (call.method !== 'GET' && request.body === undefined) {
      request.body = withoutBody(request.raw, call)
    }
    const repeat = repeatKeyOf(request.raw)
    const earlier = repeat && repeats.find(repeat.key, repeat.fingerprint)
    if (earlier) deliver(request, reply, await earlier)
    else if (call.ifMatch) checkFresh(request.raw, routeIn(request), control)
  })
  for (const call of options.calls) serve(call)
  for (const url of new Set(options.calls.map(call => call.url))) serveOthers(url)
  return app

  function serve(call: Call): void {
    app.route({
      method: call.method,
      url: call.url,
      config: { call },
      exposeHeadRoute: headToo(call),
      schema: schemaOf(call),
      handler: async (request, reply) => {
        const change = async () => call.answer(inputOf(request, control))
        const repeat = repeatKeyOf(request.raw)
        const answer = repeat
          ? await repeats.once(repeat.key, repeat.fingerprint, change)
          : await change()
        deliver(request, reply, answer)
      }
    })
  }

  /** The other methods of a path: they pass the same checks and end in 405 with Allow. */
  function serveOthers(url: string): void {
    const here = options.calls.filter(call => call.url === url)
    const allow = here.flatMap(call => (headToo(call) ? [call.method, 'HEAD'] : [call.method]))
    app.route({
      method: METHODS.filter(method => !allow.includes(method)),
      url,
      config: { allow },
      handler: request => admit(request, control, options.accessAudit)
    })
  }

  function deliver(request: FastifyRequest, reply: FastifyReply, answer: Answer): void {
    reply.hijack()
    const { call } = request.routeOptions.config
    if (call?.body && call.role !== 'viewer' && 'status' in answer) {
      logAccepted(request.raw, answer.status, log)
    }
    writeAnswer(request.raw, reply.raw, answer)
  }

  function refuse(request: FastifyRequest, reply: FastifyReply, error: unknown): void {
    reply.hijack()
    writeRefusal(request.raw, reply.raw, error, log)
  }
}

/** Root paths take any query (scrapers add theirs), calls none but their own. */
function schemaOf(call: Call): FastifySchema {
  const query = call.query ?? (call.role === null ? null : NoQuery)
  return { ...(query && { querystring: query }), ...(call.body && { body: call.body.schema }) }
}

function headToo(call: Call): boolean {
  return call.method === 'GET' && !call.url.endsWith('/events')
}

function inputOf(request: FastifyRequest, control: Control): Input<unknown, unknown> {
  const { requestId, caller, expect } = exchangeOf(request.raw)
  const body = request.body as Parameters<typeof isObject>[0]
  const { reason = '' } = isObject(body) ? body : {}
  const { route = '', variant = '', shadow = '' } = paramsOf(request)
  return {
    control,
    params: { route, variant, shadow },
    query: request.query,
    body,
    expect,
    actor: { id: caller?.id ?? '', requestId, reason: String(reason) },
    fields: name => fieldsOf(request.raw, name)
  }
}

function routeIn(request: FastifyRequest): string {
  const { route = '' } = paramsOf(request)
  return route
}

/** Fastify's own errors here are about the content type; anything else is ours or unexpected. */
function ours(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('FST_ERR_CTP_') ? fail('SLC_ADMIN_CONTENT_TYPE') : error
}
