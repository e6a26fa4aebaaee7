/**
 * A TCP proxy between a client and a server whose faults the test switches while connections are open.
 *
 * Each switch holds for open and new connections until the next one; pass() returns to normal and resets what
 * cannot go on (a connection that lost bytes or one of its sides). What follows requests and replies works on
 * the Redis protocol; on anything else each chunk counts as one request. It throws for no socket error.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Fault, FaultLink, type Rules, type Tally } from './fault-link.ts'
import { seeded } from './seeded.ts'
import { until } from './until.ts'

export type FaultProxyOptions = {
  readonly to: number // port of the server
  readonly host?: string // of the server; 127.0.0.1
  readonly port?: number // of the proxy; else a free one
}

export type CutOptions = {
  readonly only?: readonly string[] // commands that count, as ['EVALSHA']; all
  /** When the client is reset: as soon as the request was sent on, or once the server answered it. */
  readonly once?: 'forwarded' | 'answered'
}

export type FaultProxy = {
  readonly port: number
  readonly url: string // redis://127.0.0.1:port
  /** Totals so far, and the connections that are open now (half-open ones too). */
  readonly counts: () => Readonly<Tally> & { readonly open: number }
  /** Everything goes through; a cut that was to come does not come. */
  readonly pass: () => Promise<void>
  /** All connections are reset; new ones are refused (nothing listens) or accepted and reset. */
  readonly cut: (how?: 'refuse' | 'reset') => Promise<void>
  /** All connections are reset once; new ones find the fault that is on. */
  readonly resetAll: () => void
  /** Accepts, and nothing arrives on either side, also no end; the bytes are lost. */
  readonly blackHole: () => void
  /** Accepts and carries nothing, but all of it arrives with the next switch: late commands still run. */
  readonly stall: () => void
  /** Requests arrive and run, replies are lost. */
  readonly swallowReplies: () => void
  /** Requests are lost; what the server sends arrives. */
  readonly swallowRequests: () => void
  /** Each chunk of a reply arrives so many ms later. */
  readonly delay: (ms: number) => void
  /** Replies arrive one byte each so many ms. */
  readonly trickle: (ms: number) => void
  /** Each request is answered by bytes that are no protocol, and does not arrive. */
  readonly nonsense: (seed?: number) => void
  /** Requests with these commands (all) are answered by these bytes, as '-LOADING x\r\n'; the others pass. */
  readonly answer: (reply: string, only?: readonly string[]) => void
  /**
   * The `n`-th request from now is sent on and its client reset before the reply: it ran, or may have. Once;
   * combines with the other faults that let requests through.
   */
  readonly cutAfterRequests: (n: number, options?: CutOptions) => void
  /** Half-open: the server sees a reset of every connection that is open now; the clients wait. */
  readonly loseServer: () => void
  /** Half-open: the clients see a reset; the server keeps connections that nobody reads. */
  readonly loseClient: () => void
  /** New connections go to another port. */
  readonly retarget: (port: number) => void
  readonly close: () => Promise<void>
}

/** Starts a proxy that passes; it ends with the test. */
export async function startFaultProxy(
  t: { teardown(done: () => unknown): unknown },
  options: FaultProxyOptions
): Promise<FaultProxy> {
  const { host = '127.0.0.1' } = options
  const links = new Set<FaultLink>()
  const tally = { accepted: 0, refused: 0, requests: 0, toServer: 0, toClient: 0, cuts: 0 }
  let to = options.to
  let resets = false // new connections
  let server: Server | null = null
  let cut: { left: number; readonly only: ReadonlySet<string>; readonly at: Cut } | null = null
  const rules: Rules = {
    fault: { kind: 'pass' },
    tally,
    gone: link => void links.delete(link),
    cutAt({ word }) {
      if (cut === null || (cut.only.size > 0 && !cut.only.has(word))) return null
      cut.left--
      if (cut.left > 0) return null
      const { at } = cut
      cut = null
      return at
    }
  }
  const accept = (client: Socket) => {
    tally.accepted++
    if (resets) {
      tally.refused++
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    links.add(new FaultLink(client, { host, port: to }, rules))
  }
  const listen = async (port: number) => {
    if (server === null) server = await listening(port, accept)
    return portOf(server)
  }
  const resetAll = () => {
    for (const link of links) link.reset()
  }
  const stopListening = async () => {
    const ending = server
    server = null
    if (ending === null) return
    ending.close()
    resetAll()
    await once(ending, 'close')
  }
  const change = (fault: Fault) => {
    if (server === null) throw new Error('Nothing listens since cut(): pass() has to come first.')
    resets = false
    rules.fault = fault
    for (const link of links) link.faultChanged()
  }

  const port = await listen(options.port ?? 0)
  const close = async () => {
    resetAll()
    await stopListening()
  }
  t.teardown(close)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    counts: () => ({ ...tally, open: links.size }),
    async pass() {
      await listen(port)
      cut = null
      change({ kind: 'pass' })
    },
    async cut(how = 'refuse') {
      resetAll()
      if (how === 'refuse') return stopListening()
      await listen(port)
      change({ kind: 'pass' })
      resets = true
    },
    resetAll,
    blackHole: () => change({ kind: 'black-hole' }),
    stall: () => change({ kind: 'stall' }),
    swallowReplies: () => change({ kind: 'swallow-replies' }),
    swallowRequests: () => change({ kind: 'swallow-requests' }),
    delay: ms => change({ kind: 'delay', ms }),
    trickle: ms => change({ kind: 'trickle', ms }),
    nonsense(seed = 1) {
      const random = seeded(seed)
      change({ kind: 'answer', reply: () => noise(random), only: new Set() })
    },
    answer(reply, only = []) {
      const bytes = Buffer.from(reply)
      change({ kind: 'answer', reply: () => bytes, only: commands(only) })
    },
    cutAfterRequests(n, { only = [], once: at = 'forwarded' } = {}) {
      cut = { left: n, only: commands(only), at }
    },
    loseServer() {
      for (const link of links) link.lose('server')
    },
    loseClient() {
      for (const link of links) link.lose('client')
    },
    retarget(next) {
      to = next
    },
    close
  }
}

type Cut = 'forwarded' | 'answered'

/** A server that listens; a port that was ours a moment ago may be taken for another moment. */
function listening(port: number, accept: (client: Socket) => void): Promise<Server> {
  return until(
    `port ${port} is free for the proxy`,
    async () => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      server.on('error', () => {})
      return server
    },
    { every: 20 }
  )
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}

function commands(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map(name => name.toUpperCase()))
}

/** 10 to 73 bytes that end a line; the first begins no reply of the protocol. */
function noise(random: () => number): Buffer {
  const bytes = Buffer.from(Array.from({ length: 8 + random() * 64 }, () => random() * 256))
  bytes[0] = 0x80 | (bytes[0] ?? 0)
  return Buffer.concat([bytes, Buffer.from('\r\n')])
}
