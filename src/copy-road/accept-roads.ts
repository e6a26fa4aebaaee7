/**
 * The shadow process's end of the roads that copies come by: it listens on a Unix socket, and each data thread that
 * shows the token has a road of its own, until its connection ends.
 *
 * On Linux the socket has no file (an abstract name), so that nothing must be writable and nothing is left behind.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { releaseBytes } from '../domain/release-bytes.ts'
import type { ShadowClosed } from '../domain/shadow.ts'
import type { AnswerCopy, RequestCopy, RoadAddress } from '../domain/shadow-copy.ts'
import { CopyReader } from './frame.ts'
import { replyBytes } from './replies.ts'

/** What takes the copies of one data thread. */
export type RoadEnd = {
  take(copies: readonly (RequestCopy | AnswerCopy)[]): void
  close(): void
}

/** What goes back to that data thread. */
export type RoadBack = {
  /** Bytes that are done with. */
  credit(bytes: number): void
  /** Copies for the shadow of this slot would be in vain, and why; or null, not any more. */
  closed(slot: number, why: ShadowClosed | null): void
}

export type Roads = {
  readonly address: RoadAddress
  /** Connections that have not ended: there may be copies in them that have not been read. */
  open(): number
}

/**
 * Credit goes back so often at most, but for this much at once: each time wakes a data thread. That must be a small part
 * of what a road has, which is least where there are many data threads.
 */
const RETURN_MS = 500
const RETURN_BYTES = 256 * 1024
const KNOCK_MS = 5_000 // until the token is there
const TOKEN_BYTES = 32

/** `begin` is called for each new road. */
export function acceptRoads(
  begin: (back: RoadBack) => RoadEnd,
  log: (msg: string, fields: Readonly<Record<string, unknown>>) => void
): Promise<Roads> {
  const token = randomBytes(TOKEN_BYTES)
  const name = `sluice-${process.pid}-${randomBytes(8).toString('hex')}`
  const path = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name)
  let open = 0
  const server = createServer(socket => {
    open++
    socket.on('close', () => open--)
    admit(socket, token, () => travel(socket, begin, log))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path }, () => {
      server.unref() // the main process is what keeps this one
      server.off('error', reject)
      server.on('error', error => log('a road of copies could not be opened', { err: error }))
      resolve({ address: { path, token }, open: () => open })
    })
  })
}

/** Waits for the token, and ends who has another one. */
function admit(socket: Socket, token: Uint8Array, admitted: () => void): void {
  let shown: Buffer = Buffer.alloc(0)
  socket.on('error', () => undefined) // 'close' comes behind it
  socket.setTimeout(KNOCK_MS, () => socket.destroy())
  const onData = (piece: Buffer): void => {
    shown = Buffer.concat([shown, piece])
    if (shown.length < TOKEN_BYTES) return
    socket.off('data', onData)
    socket.setTimeout(0)
    if (!timingSafeEqual(shown.subarray(0, TOKEN_BYTES), token)) {
      socket.destroy()
      return
    }
    admitted()
    if (shown.length > TOKEN_BYTES) socket.emit('data', shown.subarray(TOKEN_BYTES))
  }
  socket.on('data', onData)
}

function travel(
  socket: Socket,
  begin: (back: RoadBack) => RoadEnd,
  log: (msg: string, fields: Readonly<Record<string, unknown>>) => void
): void {
  const reader = new CopyReader()
  let owed = 0
  let replies: Uint8Array[] = []
  let timer: NodeJS.Timeout | null = null
  let isDue = false
  const reply = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    isDue = false
    if (owed > 0) replies.push(replyBytes('credit', owed))
    if (replies.length > 0) socket.write(Buffer.concat(replies))
    owed = 0
    replies = []
  }
  /** Behind all reads of a turn: who writes to a peer that is gone loses what it sent before it went. */
  const replySoon = (): void => {
    if (!isDue) setImmediate(reply)
    isDue = true
  }
  const end = begin({
    credit(bytes) {
      owed += bytes
      if (owed >= RETURN_BYTES) replySoon()
      else timer ??= setTimeout(replySoon, RETURN_MS)
    },
    closed(slot, why) {
      replies.push(replyBytes(why ?? 'open', slot))
      replySoon()
    }
  })
  socket.on('data', piece => {
    try {
      end.take(reader.push(piece))
      releaseBytes(piece) // a buffer of its own for each read, of up to 64 KiB
    } catch (error) {
      log('what came by a road is no copy', { err: error })
      socket.destroy()
    }
  })
  socket.on('close', () => {
    if (timer !== null) clearTimeout(timer)
    end.close()
  })
}
