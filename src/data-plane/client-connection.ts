/**
 * One connection of a client: requests in their order, one at a time, and none after a fault.
 *
 * A pipelined request waits until the answer before it is out; from the ninth waiting one on the client is not
 * read. Bytes that cannot be parsed end the connection: an answer that has begun is cut, one that has not is a
 * 4xx, and an answer to an earlier, whole request still goes out (RFC 9112 sections 2.2 and 9.3.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ClientSide, Exchange } from './exchange.ts'
import { clientGone, contain } from './give-up.ts'
import type { Lane } from './lane.ts'
import { linger } from './linger.ts'
import { type Problem, rawProblem } from './problem.ts'
import { abandon } from './settle.ts'

const MAX_WAITING = 8

/** Starts an exchange whose turn it is. */
export type Start = (exchange: Exchange) => void

export class ClientConnection implements ClientSide {
  readonly socket: Socket
  readonly peer: string
  readonly secure: boolean
  faulty = false
  readonly #lane: Lane
  readonly #start: Start
  #current: Exchange | null = null
  #waiting: Exchange[] = []
  #paused = false

  constructor(lane: Lane, socket: Socket, start: Start) {
    this.#lane = lane
    this.#start = start
    this.socket = socket
    this.peer = plainAddress(socket.remoteAddress ?? '')
    this.secure = 'encrypted' in socket
    socket.once('close', () => this.#closed())
  }

  /** Whether an answer is due on this connection. */
  get busy(): boolean {
    return this.#current !== null
  }

  accept(req: IncomingMessage, res: ServerResponse, upgradeRest: Buffer | null): void {
    const exchange = new Exchange(this.#lane, this, req, res, upgradeRest)
    res.once('close', () => this.#answered(exchange))
    if (this.#current === null) this.#take(exchange)
    else {
      this.#waiting.push(exchange)
      if (this.#waiting.length >= MAX_WAITING && !this.#paused) {
        this.#paused = true
        this.socket.pause()
      }
    }
  }

  /** The parser has given up on the client's bytes. `problem` is what we say if we still can. */
  fault(found: Problem): void {
    if (this.faulty) return
    this.faulty = true
    this.#waiting = []
    const current = this.#current
    if (current?.req.complete && !current.res.headersSent) return
    if (current?.res.headersSent === true) {
      if (current.res.writableEnded && current.req.complete) return
      current.over = true
      clientGone(current)
      this.socket.destroy()
      return
    }
    if (current !== null) {
      current.over = true
      current.status = found.status
      current.outcome = 'refused'
      abandon(current)
      current.work?.abort()
    }
    if (this.socket.writable) this.socket.write(rawProblem(found))
    linger(this.socket)
  }

  #take(exchange: Exchange): void {
    this.#current = exchange
    exchange.uploadAt = this.#lane.now()
    exchange.uploadMark = this.socket.bytesRead
    this.#lane.exchanges.add(exchange)
    // A tick would be too early: Node lets ticks run between two pieces of a body that came in one segment.
    setImmediate(run, this.#start, exchange)
  }

  /** The answer is out, or never will be. */
  #answered(exchange: Exchange): void {
    if (exchange !== this.#current || exchange.tunnel !== null) return
    this.#current = null
    this.#lane.exchanges.delete(exchange)
    if (!exchange.res.writableFinished) clientGone(exchange)
    exchange.over = true
    exchange.held?.drop()
    log(exchange)
    if (this.faulty) {
      linger(this.socket)
      return
    }
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#take(next)
    if (this.#paused && this.#waiting.length < MAX_WAITING) {
      this.#paused = false
      this.socket.resume()
    }
  }

  #closed(): void {
    this.#waiting = []
    const current = this.#current
    if (current === null) return
    this.#current = null
    this.#lane.exchanges.delete(current)
    if (!current.over) clientGone(current)
    current.held?.drop()
    log(current)
  }
}

/** An IPv4 peer of a listener for both is written as IPv4. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** Writes the line of a request, once its outcome is known. */
function log(exchange: Exchange): void {
  if (exchange.unread) exchange.logDue = true
  else exchange.lane.accessLog.add(exchange)
}

function run(start: Start, exchange: Exchange): void {
  const { client, req } = exchange
  // The fault has been answered, or the client has left, before its turn came.
  if (client.socket.destroyed || (client.faulty && !req.complete)) return
  try {
    start(exchange)
  } catch (error) {
    contain(exchange, error)
  }
}
