/**
 * Ends a connection whose client is still sending: our FIN goes out, and for a second its bytes are read and
 * dropped. Closing at once would send a reset for the unread bytes, and that destroys the answer on its way
 * (RFC 9112 section 9.6).
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

const LINGER_MS = 1000

/** Makes the end of the answer a lingering one. Call before the answer's last byte. */
export function lingerAfterAnswer(socket: Socket, request: IncomingMessage): void {
  socket.destroySoon = () => {
    linger(socket)
    request.resume()
  }
}

/** Sends FIN after what is written, reads on for a second, then closes. */
export function linger(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.writable) socket.end()
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
