/**
 * One connection to a Redis server for tests: what is sent is what the test says, no retry, no reconnect.
 *
 * A call that gets no answer in its time fails and closes the connection, because later replies would be read as
 * answers to other calls. Replies that nobody asked for (pub/sub) are kept in `unasked`.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { encodeCommand, type Reply, ReplyError, ReplyReader, type Word } from './resp.ts'

export type ConnectionOptions = {
  readonly port: number
  readonly host?: string // 127.0.0.1
  readonly username?: string
  readonly password?: string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } // PEM
  readonly within?: number // ms for one reply; 10 s
}

export type RedisConnection = {
  /** Sends one command and waits for its reply. Throws a ReplyError for `-…`, an Error when the connection ends. */
  readonly call: (...words: readonly Word[]) => Promise<Reply>
  readonly unasked: Reply[]
  readonly closed: () => boolean
  close(): void
}

type Waiting = { readonly done: (reply: Reply) => void; readonly failed: (error: Error) => void }

/** Connects and, with a password, authenticates. */
export async function connectRedis(options: ConnectionOptions): Promise<RedisConnection> {
  const socket = await open(options)
  const waiting: Waiting[] = []
  const unasked: Reply[] = []
  const reader = new ReplyReader()
  const fail = (why: string) => {
    socket.destroy()
    for (const one of waiting.splice(0)) one.failed(new Error(`port ${options.port}: ${why}`))
  }
  socket.on('data', chunk => {
    try {
      for (const reply of reader.push(chunk)) {
        const one = waiting.shift()
        if (one === undefined) unasked.push(reply)
        else if (reply instanceof ReplyError) one.failed(reply)
        else one.done(reply)
      }
    } catch (error) {
      fail(String(error))
    }
  })
  socket.on('error', error => fail(error.message))
  socket.on('close', () => fail('the connection ended'))

  const call = (...words: readonly Word[]) =>
    new Promise<Reply>((done, failed) => {
      if (socket.destroyed) return failed(new Error(`port ${options.port}: not connected`))
      const within = options.within ?? 10_000
      const timer = setTimeout(() => fail(`no reply to ${words[0]} in ${within} ms`), within)
      const settled = <V>(next: (value: V) => void) => {
        return (value: V) => {
          clearTimeout(timer)
          next(value)
        }
      }
      waiting.push({ done: settled(done), failed: settled(failed) })
      socket.write(encodeCommand(words))
    })
  const { username = 'default', password } = options
  if (password !== undefined) await call('AUTH', username, password)
  return { call, unasked, closed: () => socket.destroyed, close: () => socket.destroy() }
}

function open({ port, host = '127.0.0.1', tls }: ConnectionOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls === undefined ? connect({ port, host }) : connectTls({ port, host, ...tls })
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
