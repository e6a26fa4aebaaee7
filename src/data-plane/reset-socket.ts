/**
 * Ends a connection so that the peer sees that something broke: with a reset, never with a clean end.
 *
 * TLS has no reset of its own; there an end without close_notify says it. On Node 24 a socket that is reset while
 * its FIN is on the way to the kernel is never closed: libuv refuses, the descriptor leaks, and the process turns
 * in circles at its exit. All of it was sent then, and it ends by that FIN.
 */

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export function resetSocket(socket: Duplex): void {
  if (socket.destroyed) return
  const finOnTheWay =
    socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (!(socket instanceof Socket) || 'encrypted' in socket || finOnTheWay) socket.destroy()
  else socket.resetAndDestroy()
}
