/**
 * Bodies of gigabytes over raw TCP without keeping them: an upstream that sends or takes as many bytes as asked,
 * and can stop reading. Content is a counted pattern, so a lost or doubled piece shows in the checksum.
 */
import { createServer, type Socket } from 'node:net'

const PIECE = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 31 + (i >> 8)) & 0xff))

/** Sum over a byte stream that depends on the order of bytes; the same for any cut into chunks. */
export class Checksum {
  value = 0
  bytes = 0

  add(chunk: Buffer): void {
    let sum = this.value
    // Every 64th byte is enough to see a lost, doubled or moved piece, and cheap at a gigabyte.
    for (let i = (64 - (this.bytes & 63)) & 63; i < chunk.length; i += 64) {
      sum = (Math.imul(sum, 31) + (chunk[i] ?? 0)) | 0
    }
    this.value = sum
    this.bytes += chunk.length
  }
}

/** Checksum of a body of `bytes`. */
export function checksumOf(bytes: number): number {
  const sum = new Checksum()
  for (let left = bytes; left > 0; left -= PIECE.length) sum.add(PIECE.subarray(0, left))
  return sum.value
}

/** Writes `bytes` of the pattern with back-pressure; resolves when all is handed over, or the socket is gone. */
export async function pour(socket: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0 && !socket.destroyed; left -= PIECE.length) {
    const piece = PIECE.subarray(0, left)
    if (socket.write(piece)) continue
    await new Promise<void>(resolve => {
      const done = () => {
        socket.off('drain', done)
        socket.off('close', done)
        resolve()
      }
      socket.on('drain', done)
      socket.on('close', done)
    })
  }
}

export type BulkUpstream = {
  readonly url: string
  /** What came in as a body on each upload, in order of arrival. */
  readonly uploads: readonly Checksum[]
  /** From now on uploads are not read behind their head; off: all are read on. */
  readonly stall: (on: boolean) => void
  readonly close: () => Promise<void>
}

/** Answers GET with a body of `?bytes=N`, and a POST when its Content-Length has come. */
export async function startBulkUpstream(): Promise<BulkUpstream> {
  const uploads: Checksum[] = []
  const sockets = new Set<Socket>()
  let stalled = false
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let head = ''
    let upload: { sum: Checksum; length: number } | null = null
    const take = (chunk: Buffer) => {
      if (upload === null) return
      upload.sum.add(chunk)
      if (upload.sum.bytes < upload.length) return
      upload = null
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    }
    socket.on('data', chunk => {
      if (upload !== null) return take(chunk)
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const rest = Buffer.from(head.slice(end + 4), 'latin1')
      const wanted = Number(/[?&]bytes=(\d+)/.exec(head)?.[1] ?? 0)
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      head = ''
      if (length === 0) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${wanted}\r\n\r\n`)
        void pour(socket, wanted)
        return
      }
      upload = { sum: new Checksum(), length }
      uploads.push(upload.sum)
      if (stalled) socket.pause()
      take(rest)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    uploads,
    stall(on) {
      stalled = on
      if (!on) for (const socket of sockets) socket.resume()
    },
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      })
  }
}
