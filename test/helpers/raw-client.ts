/**
 * A TCP client that sends bytes as they are and sees how the server ended: by FIN, by RST, or not at all.
 *
 * It never closes by itself (half-open is allowed), so a test can tell "the server closed" from "we closed".
 */
import { connect, type Socket } from 'node:net'
import { HUNG_MS } from './until.ts'

export type End = 'open' | 'fin' | 'reset'

export type RawClient = {
  readonly socket: Socket
  /** Everything received so far. */
  bytes(): Buffer
  /** How the server ended; `open` as long as it did not. */
  end(): End
  send(bytes: Buffer | string): void
  fin(): void
  /** Ends with RST, as a crashed or impatient client does. */
  reset(): void
  pause(): void
  resume(): void
  /** Resolves when `condition` holds, or with false after `ms`; looked at on every event of the socket. */
  until(condition: () => boolean, ms?: number): Promise<boolean>
  close(): void
}

/** Connects to a port of this machine; rejects when nothing listens there. */
export async function rawClient(port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true })
  const chunks: Buffer[] = []
  const waiting = new Set<() => void>()
  let end: End = 'open'
  let joined: Buffer | null = null
  const look = () => {
    for (const check of [...waiting]) check()
  }
  socket.on('data', chunk => {
    chunks.push(chunk)
    joined = null
    look()
  })
  socket.on('end', () => {
    end = 'fin'
    look()
  })
  socket.on('close', () => {
    if (end === 'open') end = 'reset'
    look()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve()
    })
    socket.once('error', reject)
  })
  socket.on('error', () => {
    end = 'reset'
    look()
  })

  return {
    socket,
    bytes() {
      joined ??= Buffer.concat(chunks)
      return joined
    },
    end: () => end,
    send(bytes) {
      if (!socket.destroyed && socket.writable) socket.write(bytes)
    },
    fin: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    until(condition, ms = HUNG_MS) {
      if (condition()) return Promise.resolve(true)
      return new Promise(resolve => {
        const finish = (held: boolean) => {
          clearTimeout(timer)
          waiting.delete(check)
          resolve(held)
        }
        const check = () => {
          if (condition()) finish(true)
        }
        const timer = setTimeout(() => finish(condition()), ms)
        waiting.add(check)
      })
    },
    close: () => void socket.destroy()
  }
}
