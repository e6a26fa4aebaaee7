/**
 * An upgraded connection: after the upstream's 101, bytes pass both ways until one side ends.
 *
 * Only WebSocket comes here (RFC 6455); the frames are not looked at. A side that breaks breaks the other, a
 * side that ends ends the other, and a slow side slows the other.
 */
import type { Duplex } from 'node:stream'
import type { Outcome } from '../domain/counts.ts'
import { ownAnswerFields } from './answer.ts'
import { answerFields } from './answer-fields.ts'
import type { Exchange } from './exchange.ts'
import { resetSocket } from './reset-socket.ts'

/** Answers 101 and joins the two connections. `onEnd` is called once, with what the request came to. */
export function openTunnel(
  ex: Exchange,
  raw: readonly (Buffer | string)[],
  upstream: Duplex,
  onEnd: (outcome: Extract<Outcome, 'ok' | 'reset'>) => void
): void {
  const { socket } = ex.client
  const fields = answerFields(raw)?.fields ?? []
  ownAnswerFields(ex, fields)
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  for (let i = 0; i + 1 < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
  ex.res.detachSocket(socket)
  socket.write(`${head}\r\n`, 'latin1')
  const rest = ex.upgradeRest
  if (rest !== null && rest.length > 0) upstream.write(rest)

  let ended = false
  const end = (outcome: Extract<Outcome, 'ok' | 'reset'>): void => {
    if (ended) return
    ended = true
    ex.over = true
    ex.bytesOut = socket.bytesWritten
    onEnd(outcome)
  }
  const cut = (): void => {
    upstream.destroy()
    resetSocket(socket)
  }
  ex.tunnel = { bytes: () => socket.bytesRead + socket.bytesWritten, cut }

  upstream.on('error', () => {
    end('reset')
    resetSocket(socket)
  })
  socket.on('error', () => upstream.destroy())
  upstream.on('close', () => {
    end('ok')
    socket.destroySoon()
  })
  socket.on('close', () => {
    end('ok')
    upstream.destroy()
  })
  socket.pipe(upstream)
  upstream.pipe(socket)
}
