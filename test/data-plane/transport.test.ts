/**
 * The seams on which the general lane hangs, pinned: what @fastify/http-proxy hands to its client, and how undici
 * names its errors. When a new version fails here, the lane has to be looked at.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { connect, createServer as createTcp } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { test } from 'tap'
import { Pool } from 'undici'
import type { Exchange } from '../../src/data-plane/exchange.ts'
import { disguise, exchangeOf, proxyOptions } from '../../src/data-plane/transport.ts'
import { connectorTo } from '../../src/upstream-connection/connect.ts'
import { faultOf, type Stage } from '../../src/upstream-connection/fault.ts'
import { forbidden } from '../../src/upstream-connection/forbidden.ts'
import { until } from '../helpers/until.ts'

test('hands every disguised request to us and answers none by itself when anything odd is in it', async t => {
  const forwarded: Exchange[] = []
  let route: (req: IncomingMessage, res: ServerResponse) => void = () => {}
  const server = createServer((req, res) => {
    // Only its identity matters here: the plugin must carry it through.
    const exchange = { res } as unknown as Exchange
    disguise(req, exchange)
    t.equal(exchangeOf(req), exchange)
    route(req, res)
  })
  const fastify = Fastify({
    serverFactory: handler => {
      route = handler
      return server
    }
  })
  await fastify.register(
    httpProxy,
    proxyOptions(exchange => {
      forwarded.push(exchange)
      exchange.res.writeHead(299)
      exchange.res.end('ours')
    })
  )
  await fastify.ready()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const heads = [
    'POST /any HTTP/1.1\r\nContent-Type: odd/none;;;\r\nContent-Length: 3\r\n\r\nabc',
    'POST /any HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{',
    'PUT /a%zz//../%2e HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc',
    'DELETE http://elsewhere.test/ HTTP/1.1\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\n\r\n',
    'GET /x HTTP/1.1\r\nConnection: close, x-a\r\nX-A: 1\r\n\r\n',
    'POST /any HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  ]
  for (const head of heads) {
    const text = await exchangeBytes(
      port,
      head.replace('\r\n', '\r\nHost: router.test\r\nConnection: close\r\n')
    )
    t.match(text, /^HTTP\/1\.1 299 /, head.slice(0, 40))
    t.match(text, 'ours')
  }
  t.equal(forwarded.length, heads.length)
})

test('tells faults of an answer from ends of a connection, by what undici says', async t => {
  const ok = 'HTTP/1.1 200 OK\r\n'
  for (const [bytes, then, stage, outcome] of [
    ['\x00\x01garbage\r\n\r\n', 'hold', 'head', 'invalid'],
    ['hello', 'fin', 'head', 'invalid'],
    [`${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`, 'hold', 'head', 'invalid'],
    [
      `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      'hold',
      'head',
      'invalid'
    ],
    [`${ok}X: a\x00b\r\n\r\n`, 'hold', 'head', 'invalid'],
    [`${ok}X: ${'a'.repeat(40_000)}\r\n\r\n`, 'hold', 'head', 'invalid'],
    ['HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'hold', 'head', 'invalid'],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nZZ\r\n`, 'hold', 'body', 'invalid'],
    ['', 'fin', 'head', 'reset'],
    ['', 'rst', 'head', 'reset'],
    ['HTTP/1.1 200 OK\r\nX: a', 'fin', 'head', 'reset'],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`, 'fin', 'body', 'reset'],
    [
      `${ok}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`,
      'fin',
      'body',
      'reset'
    ],
    [`${ok}Content-Length: 10\r\n\r\nok`, 'fin', 'body', 'reset'],
    [`${ok}Connection: close\r\nContent-Length: 10\r\n\r\nok`, 'fin', 'body', 'reset'],
    [`${ok}Connection: close\r\n\r\nok`, 'rst', 'body', 'reset'],
    [`${ok}Connection: close\r\n\r\nok`, 'fin', 'body', 'end']
  ] as const) {
    t.equal(await outcomeOf(bytes, then, stage), outcome, JSON.stringify(bytes.slice(0, 60)))
  }
})

/** What the lane would make of this answer: an outcome, or `end` for a whole one. */
async function outcomeOf(
  bytes: string,
  then: 'hold' | 'fin' | 'rst',
  expected: Stage
): Promise<string> {
  const server = createTcp(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(bytes, 'latin1', () => {
        setTimeout(() => {
          if (then === 'fin') socket.end()
          if (then === 'rst') socket.resetAndDestroy()
        }, 20)
      })
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const endpoint = { ip: '127.0.0.1', port, secure: false, hostname: '127.0.0.1' }
  const pool = new Pool(`http://127.0.0.1:${port}`, {
    allowH2: false,
    maxHeaderSize: 16_384,
    connect: connectorTo(endpoint, null, () => 1000, forbidden([]))
  })
  let stage: Stage = 'connecting'
  const outcome = await new Promise<string>(resolve => {
    pool.dispatch(
      { path: '/', method: 'GET' },
      {
        onRequestStart: () => {
          stage = 'head'
        },
        onResponseStart: () => {
          stage = 'body'
        },
        onResponseData: () => {},
        onResponseEnd: () => resolve('end'),
        onResponseError: (_controller, error) => {
          resolve(stage === expected ? faultOf(error, stage).outcome : `in stage ${stage}`)
        }
      }
    )
  })
  await pool.destroy()
  server.close()
  return outcome
}

async function exchangeBytes(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let ended = false
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  socket.on('close', () => {
    ended = true
  })
  socket.write(request)
  await until('the answer', () => ended)
  return text
}
