/**
 * An upstream that answers as the test says and keeps what it was asked. A real HTTP server in this process.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Recorded = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Answer = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly delayMs?: number
  readonly after?: Promise<unknown>
  readonly hang?: boolean
  readonly reset?: boolean
}

export type Answering = {
  readonly url: string
  readonly requests: () => readonly Recorded[]
  readonly connections: () => number // that were made
}

/** Starts one, on port `at` or any that is free; `answer` is asked for each request, when all of it is there. */
export async function startAnswering(
  t: { teardown(done: () => unknown): unknown },
  answer: (request: Recorded) => Answer,
  at = 0
): Promise<Answering> {
  const requests: Recorded[] = []
  let connections = 0
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const recorded = {
        method: req.method ?? '',
        url: req.url ?? '',
        headers: req.headers,
        body: Buffer.concat(chunks).toString('latin1')
      }
      requests.push(recorded)
      give(res, answer(recorded))
    })
  })
  server.on('connection', () => connections++)
  server.keepAliveTimeout = 0 // the router closes first, also when this process stood still
  await new Promise<void>(resolve => server.listen(at, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    connections: () => connections
  }
}

function give(res: ServerResponse, answer: Answer): void {
  const {
    status = 200,
    headers = {},
    body = '{}',
    delayMs = 0,
    after = null,
    hang = false,
    reset = false
  } = answer
  if (hang) return
  const now = (): void => {
    if (reset) {
      res.socket?.resetAndDestroy()
      return
    }
    res.writeHead(status, {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...headers
    })
    res.end(body)
  }
  if (after === null) setTimeout(now, delayMs)
  else void after.then(now)
}
