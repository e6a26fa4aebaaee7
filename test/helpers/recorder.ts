/**
 * A raw TCP upstream that keeps every byte it gets, split into requests by its own framing rules, and answers
 * complete ones. It stands in the place of a model server: what it did not see was not forwarded.
 *
 * Framing is read from the bytes alone (Content-Length or a final `chunked`), never by Node's HTTP parser.
 */
import { createServer, type Server, type Socket } from 'node:net'

export type RecordedRequest = {
  readonly sequence: number
  readonly connection: number
  head: string // latin1, without the blank line; '' until it is complete
  raw: Buffer // every byte of it so far, framing included
  body: Buffer // decoded
  complete: boolean
  cut: 'fin' | 'reset' | null // how its connection ended before it was complete
}

/** What the recorder does with a request: at its head, and when it is complete. */
export type Behaviour = {
  readonly onHead?: (request: RecordedRequest, socket: Socket) => void
  readonly onRequest?: (request: RecordedRequest, socket: Socket) => void
}

export type Recorder = {
  readonly port: number
  readonly url: string
  /** In order of their first byte; a long run may empty it. */
  readonly requests: RecordedRequest[]
  readonly open: () => number // connections
  readonly accepted: () => number
  readonly violations: string[] // bytes after a request that are no request
  behave(behaviour: Behaviour): void
  close(): Promise<void>
}

export type RecorderOptions = {
  readonly port?: number
  readonly behaviour?: Behaviour
}

/** Answers `200` with a small JSON body that names the sequence number. */
export function answerOk(request: RecordedRequest, socket: Socket): void {
  const body = JSON.stringify({ sequence: request.sequence })
  const bodyBytes = methodOf(request) === 'HEAD' ? '' : body
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${bodyBytes}`
  )
}

export function methodOf(request: RecordedRequest): string {
  return request.head.slice(0, request.head.indexOf(' '))
}

export function targetOf(request: RecordedRequest): string {
  return request.head.split(' ', 2)[1] ?? ''
}

/** Value of a field of a recorded request (first one), undefined when absent. */
export function headerOf(request: RecordedRequest, name: string): string | undefined {
  const lower = `${name.toLowerCase()}:`
  const line = request.head.split('\r\n').find(l => l.toLowerCase().startsWith(lower))
  return line?.slice(lower.length).trim()
}

/** Starts a recorder on a free port of the loopback. */
export async function startRecorder(options: RecorderOptions = {}): Promise<Recorder> {
  const requests: RecordedRequest[] = []
  const violations: string[] = []
  const sockets = new Set<Socket>()
  let behaviour: Behaviour = options.behaviour ?? { onRequest: answerOk }
  let connections = 0
  let begun = 0
  const server = createServer({ noDelay: true }, socket => {
    connections += 1
    sockets.add(socket)
    const reader = new RequestReader(connections, {
      begun: request => {
        requests.push(request)
        return begun++
      },
      head: request => behaviour.onHead?.(request, socket),
      done: request => behaviour.onRequest?.(request, socket),
      violation: text => violations.push(text)
    })
    socket.on('data', chunk => reader.push(chunk))
    socket.on('end', () => reader.cut('fin'))
    socket.on('error', () => reader.cut('reset'))
    socket.on('close', () => {
      sockets.delete(socket)
      reader.cut('fin')
    })
  })
  const port = await listen(server, options.port ?? 0)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    violations,
    open: () => sockets.size,
    accepted: () => connections,
    behave(next) {
      behaviour = next
    },
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      })
  }
}

type Events = {
  begun(request: RecordedRequest): number
  head(request: RecordedRequest): void
  done(request: RecordedRequest): void
  violation(text: string): void
}

/** Splits one connection's bytes into requests. */
class RequestReader {
  readonly #connection: number
  readonly #events: Events
  #pending: Buffer = Buffer.alloc(0)
  #current: RecordedRequest | null = null
  #framing: { kind: 'length'; left: number } | { kind: 'chunked' } | null = null
  #broken = false

  constructor(connection: number, events: Events) {
    this.#connection = connection
    this.#events = events
  }

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (this.#pending.length > 0 && !this.#broken && this.#step());
    if (this.#current !== null && this.#framing === null) this.#current.raw = this.#pending
  }

  cut(how: 'fin' | 'reset'): void {
    if (this.#current === null) return
    this.#current.cut ??= how
    this.#current = null
  }

  #step(): boolean {
    if (this.#current === null) this.#begin()
    const request = this.#current
    if (request === null) return false
    if (this.#framing === null) return this.#readHead(request)
    return this.#framing.kind === 'length' ? this.#readLength(request) : this.#readChunk(request)
  }

  #begin(): void {
    const request: RecordedRequest = {
      sequence: 0,
      connection: this.#connection,
      head: '',
      raw: Buffer.alloc(0),
      body: Buffer.alloc(0),
      complete: false,
      cut: null
    }
    Object.assign(request, { sequence: this.#events.begun(request) })
    this.#current = request
  }

  #readHead(request: RecordedRequest): boolean {
    const end = this.#pending.indexOf('\r\n\r\n')
    if (end < 0) return false
    request.head = this.#pending.toString('latin1', 0, end)
    this.#take(request, end + 4)
    const lines = request.head.split('\r\n').map(l => l.toLowerCase())
    const coding = lines.find(l => l.startsWith('transfer-encoding:'))
    const length = lines.find(l => l.startsWith('content-length:'))
    if (coding !== undefined) this.#framing = { kind: 'chunked' }
    else this.#framing = { kind: 'length', left: Number(length?.slice(15).trim() ?? '0') }
    this.#events.head(request)
    if (this.#framing.kind === 'length' && this.#framing.left === 0) this.#finish(request)
    return true
  }

  #readLength(request: RecordedRequest): boolean {
    if (this.#framing?.kind !== 'length') return false
    const part = this.#pending.subarray(0, this.#framing.left)
    request.body = Buffer.concat([request.body, part])
    this.#framing.left -= part.length
    this.#take(request, part.length)
    if (this.#framing.left === 0) this.#finish(request)
    return true
  }

  #readChunk(request: RecordedRequest): boolean {
    const lineEnd = this.#pending.indexOf('\r\n')
    if (lineEnd < 0) return false
    const size = /^[0-9a-f]+/i.exec(this.#pending.toString('latin1', 0, lineEnd))?.[0]
    if (size === undefined) {
      this.#broken = true
      this.#events.violation(this.#pending.toString('latin1', 0, 80))
      return false
    }
    const length = Number.parseInt(size, 16)
    if (length > 0) {
      if (this.#pending.length < lineEnd + 2 + length + 2) return false
      const part = this.#pending.subarray(lineEnd + 2, lineEnd + 2 + length)
      request.body = Buffer.concat([request.body, part])
      this.#take(request, lineEnd + 2 + length + 2)
      return true
    }
    const empty = this.#pending.indexOf('\r\n', lineEnd + 2) === lineEnd + 2
    const end = empty ? lineEnd + 4 : this.#pending.indexOf('\r\n\r\n', lineEnd + 2) + 4
    if (end < 4 || this.#pending.length < end) return false
    this.#take(request, end)
    this.#finish(request)
    return true
  }

  #take(request: RecordedRequest, bytes: number): void {
    request.raw = Buffer.concat([request.raw, this.#pending.subarray(0, bytes)])
    this.#pending = this.#pending.subarray(bytes)
  }

  #finish(request: RecordedRequest): void {
    request.complete = true
    this.#current = null
    this.#framing = null
    this.#events.done(request)
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}
