/**
 * One connection through a fault proxy: a client's socket, a server's socket, and what a fault does between.
 *
 * A real network loses bytes only together with the connection. So a link that swallowed anything, or whose one
 * side is gone, is spoilt: it is never continued, the return to normal resets it. Socket errors end a link and
 * never throw.
 */
import { connect, type Socket } from 'node:net'
import { FaultOutbox, type Pace } from './fault-outbox.ts'
import { type Message, MessageScanner } from './resp.ts'

export type Fault =
  | { readonly kind: 'pass' | 'stall' }
  | { readonly kind: 'black-hole' | 'swallow-replies' | 'swallow-requests' }
  | { readonly kind: 'delay' | 'trickle'; readonly ms: number }
  | { readonly kind: 'answer'; readonly reply: () => Buffer; readonly only: ReadonlySet<string> }

/** What the links of one proxy share. */
export type Rules = {
  fault: Fault
  /** Says of each complete request whether the connection is to be cut at it, and when. */
  readonly cutAt: (request: Message) => 'forwarded' | 'answered' | null
  readonly tally: Tally
  /** Both sides of a link are gone. */
  readonly gone: (link: FaultLink) => void
}

export type Tally = {
  accepted: number // connections
  refused: number // connections that were reset when they came
  requests: number // complete ones from clients; on a connection that is not RESP, chunks
  toServer: number // bytes that clients sent
  toClient: number // bytes that servers sent
  cuts: number // connections cut at a request
}

type Own = { readonly behind: number; readonly bytes: Buffer } // a reply of ours, behind so many of the server's

const WAITING_MOST = 4 * 1024 * 1024 // bytes of a delayed client; then the server's side waits

export class FaultLink {
  readonly #client: Socket
  readonly #server: Socket
  readonly #rules: Rules
  readonly #requests = new MessageScanner()
  readonly #replies = new MessageScanner()
  readonly #outbox: FaultOutbox
  #held: Buffer = EMPTY // the begun request of a client whose requests may be answered by us
  #begun = false // the begun request was forwarded in part
  #forwarded = 0 // complete requests
  #answered = 0 // complete replies of the server
  #own: Own[] = []
  #cutBehind: number | null = null // replies of the server after which the client is reset
  #lost: 'client' | 'server' | null = null
  #spoilt = false

  constructor(client: Socket, to: { readonly host: string; readonly port: number }, rules: Rules) {
    this.#client = client
    this.#rules = rules
    this.#server = connect({ ...to, allowHalfOpen: true, noDelay: true })
    this.#outbox = new FaultOutbox(bytes => {
      if (!client.destroyed && !client.writableEnded) client.write(bytes)
      if (this.#server.isPaused()) this.#flow()
    })
    client.on('data', chunk => this.#fromClient(chunk))
    client.on('end', () => this.#ended('client'))
    client.on('close', () => this.#closed('client'))
    client.on('drain', () => this.#flow())
    client.on('error', () => {})
    this.#server.on('data', chunk => this.#fromServer(chunk))
    this.#server.on('end', () => this.#ended('server'))
    this.#server.on('close', () => this.#closed('server'))
    this.#server.on('drain', () => this.#flow())
    this.#server.on('error', () => {})
    this.faultChanged()
  }

  faultChanged(): void {
    const { fault } = this.#rules
    const late = fault.kind === 'delay' || fault.kind === 'trickle'
    const pace: Pace = late
      ? { kind: fault.kind === 'delay' ? 'later' : 'drip', ms: fault.ms }
      : { kind: 'now' }
    this.#outbox.setPace(pace)
    if (fault.kind === 'pass' && this.#spoilt) this.reset()
    this.#flow()
  }

  reset(): void {
    this.#outbox.clear()
    resetSocket(this.#client)
    resetSocket(this.#server)
  }

  /** One side sees a reset; the other is told nothing, and what it sends goes nowhere. */
  lose(side: 'client' | 'server'): void {
    this.#lost = side
    this.#spoilt = true
    this.#outbox.clear()
    if (side === 'client') resetSocket(this.#client)
    else resetSocket(this.#server)
  }

  #fromClient(chunk: Buffer): void {
    const { fault, tally } = this.#rules
    const requests = this.#requests.push(chunk)
    tally.toServer += chunk.length
    tally.requests += requests.length
    if (this.#swallowsRequests() || this.#cutBehind !== null) this.#spoilt = true
    else if (fault.kind === 'answer') this.#answer(chunk, requests, fault)
    else this.#forward(chunk, requests)
  }

  /** Sends a chunk on, up to the request at which the connection is to be cut. */
  #forward(chunk: Buffer, requests: readonly Message[]): void {
    for (const request of requests) {
      this.#forwarded++
      const cut = this.#rules.cutAt(request)
      if (cut === null) continue
      this.#rules.tally.cuts++
      this.#toServer(chunk.subarray(0, request.end))
      if (cut === 'answered') this.#cutBehind = this.#forwarded
      else this.#cut()
      return
    }
    this.#toServer(chunk)
    this.#begun = requests.at(-1)?.end !== chunk.length
  }

  /** The server keeps what it got and then sees the end; the client is reset. */
  #cut(): void {
    this.#lost = 'client'
    this.#outbox.clear()
    this.#server.end()
    resetSocket(this.#client)
  }

  #answer(
    chunk: Buffer,
    requests: readonly Message[],
    fault: { readonly reply: () => Buffer; readonly only: ReadonlySet<string> }
  ): void {
    let at = 0
    for (const request of requests) {
      const bytes = chunk.subarray(at, request.end)
      at = request.end
      if (!this.#begun && (fault.only.size === 0 || fault.only.has(request.word))) {
        this.#held = EMPTY
        this.#own.push({ behind: this.#forwarded, bytes: fault.reply() })
        continue
      }
      this.#begun = false
      this.#forward(bytes, [{ ...request, end: bytes.length }])
      if (this.#client.destroyed || this.#cutBehind !== null) return
    }
    const rest = chunk.subarray(at)
    if (this.#begun) this.#toServer(rest)
    else if (rest.length > 0) this.#held = Buffer.concat([this.#held, rest])
    this.#sendOwn()
  }

  #toServer(bytes: Buffer): void {
    if (this.#server.destroyed || this.#server.writableEnded) return
    if (this.#held.length > 0) this.#server.write(this.#held)
    this.#held = EMPTY
    if (!this.#server.write(bytes)) this.#flow()
  }

  #fromServer(chunk: Buffer): void {
    this.#rules.tally.toClient += chunk.length
    const replies = this.#replies.push(chunk)
    if (this.#swallowsReplies()) {
      this.#spoilt = true
      return
    }
    if (this.#own.length === 0 && this.#cutBehind === null) {
      for (const reply of replies) if (!reply.push) this.#answered++
      this.#outbox.push(chunk)
    } else this.#replyByReply(chunk, replies)
    if (this.#client.writableNeedDrain || this.#outbox.size > WAITING_MOST) this.#flow()
  }

  #replyByReply(chunk: Buffer, replies: readonly Message[]): void {
    let at = 0
    for (const reply of replies) {
      if (!reply.push) this.#answered++
      if (this.#answered === this.#cutBehind) {
        this.#cut()
        return
      }
      this.#outbox.push(chunk.subarray(at, reply.end))
      at = reply.end
      this.#sendOwn()
    }
    // A reply that begins here says that its request ran: nothing of it may arrive.
    if (this.#answered + 1 === this.#cutBehind && at < chunk.length) this.#cut()
    else this.#outbox.push(chunk.subarray(at))
  }

  #sendOwn(): void {
    while (this.#own[0] !== undefined && this.#own[0].behind <= this.#answered) {
      this.#outbox.push(this.#own[0].bytes)
      this.#own.shift()
    }
  }

  #ended(side: 'client' | 'server'): void {
    const [own, other] =
      side === 'client' ? [this.#client, this.#server] : [this.#server, this.#client]
    if (this.#hides(side)) this.#spoilt = true
    else if (other.destroyed) own.end()
    else if (side === 'client') other.end()
    else this.#outbox.whenEmpty(() => other.end())
  }

  #closed(side: 'client' | 'server'): void {
    if (this.#client.closed && this.#server.closed) this.#rules.gone(this)
    if (this.#hides(side)) {
      this.#spoilt = true
      return
    }
    const [left, other] =
      side === 'client' ? [this.#client, this.#server] : [this.#server, this.#client]
    // In order: both ends were sent. Else the other side has to see that something broke.
    if (left.readableEnded && left.writableFinished) return
    if (side === 'server' && left.readableEnded) return
    resetSocket(other)
  }

  /** What happens to this side is not told to the other. */
  #hides(side: 'client' | 'server'): boolean {
    if (this.#lost !== null) return this.#lost === side
    return side === 'client' ? this.#swallowsRequests() : this.#swallowsReplies()
  }

  #swallowsRequests(): boolean {
    const { kind } = this.#rules.fault
    return this.#lost !== null || kind === 'black-hole' || kind === 'swallow-requests'
  }

  #swallowsReplies(): boolean {
    const { kind } = this.#rules.fault
    return this.#lost !== null || kind === 'black-hole' || kind === 'swallow-replies'
  }

  /** Reads from a side only while the other side takes it. */
  #flow(): void {
    const stalled = this.#rules.fault.kind === 'stall'
    setReading(this.#client, !stalled && !this.#server.writableNeedDrain)
    setReading(
      this.#server,
      !stalled && !this.#client.writableNeedDrain && this.#outbox.size <= WAITING_MOST
    )
  }
}

const EMPTY = Buffer.alloc(0)

function setReading(socket: Socket, on: boolean): void {
  if (socket.destroyed || socket.isPaused() === !on) return
  if (on) socket.resume()
  else socket.pause()
}

/**
 * Node never closes a socket that is reset while its FIN is on the way to the kernel: libuv refuses, the
 * descriptor leaks and the process hangs at its exit. Such a socket ends by that FIN.
 */
function resetSocket(socket: Socket): void {
  const finOnTheWay =
    socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (finOnTheWay) socket.destroy()
  else socket.resetAndDestroy()
}
