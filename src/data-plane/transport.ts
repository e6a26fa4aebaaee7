/**
 * The seam to @fastify/http-proxy: what it gets in the place of its HTTP client.
 *
 * The plugin takes any object with `request`. Ours finds the exchange behind a symbol in the headers, forwards
 * it and answers the client directly: the plugin's retries, error map, header copies and URL building never act.
 * Fastify sees every request as `GET /`, so that it can neither read a body nor answer by itself. A test pins
 * all of this.
 */

import type { IncomingMessage } from 'node:http'
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { Exchange } from './exchange.ts'

const EXCHANGE = Symbol('exchange')

type Carrier = { [EXCHANGE]?: Exchange | undefined }

/** Hides the request from the framework and ties the exchange to it. */
export function disguise(request: IncomingMessage, exchange: Exchange): void {
  const carrier: IncomingMessage & Carrier = request
  carrier[EXCHANGE] = exchange
  request.method = 'GET'
  request.url = '/'
}

/** The exchange behind a request, as `disguise` tied it. */
export function exchangeOf(request: object): Exchange | undefined {
  return (request as Carrier)[EXCHANGE]
}

/** Options for the plugin. `forward` gets every request that comes through. */
export function proxyOptions(forward: (exchange: Exchange) => void): FastifyHttpProxyOptions {
  const transport = {
    request: (options: { readonly headers: Carrier }): void => {
      const exchange = options.headers[EXCHANGE]
      if (exchange !== undefined) forward(exchange)
    },
    destroy: (): void => {}
  }
  return {
    upstream: 'http://upstream.invalid',
    httpMethods: ['GET'],
    proxyPayloads: false,
    disableRequestLogging: true,
    retryMethods: [],
    // The plugin's type wants a client of undici; at run time it looks for `request` alone.
    undici: transport as unknown as NonNullable<FastifyHttpProxyOptions['undici']>,
    handler: (_request, reply, dest, options) => {
      reply.hijack()
      reply.from(dest, options)
    },
    replyOptions: {
      rewriteRequestHeaders: request => {
        // A symbol is no header name; the plugin copies it like any property.
        return { [EXCHANGE]: exchangeOf(request.raw) } as unknown as Record<string, string>
      }
    }
  }
}
