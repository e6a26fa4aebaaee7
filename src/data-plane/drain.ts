/**
 * Draining a thread: nothing new is accepted, nothing accepted is lost.
 *
 * The listener is closed without closing idle connections, every answer says `Connection: close`, and streams
 * run up to the grace. Idle connections are closed at the end only, for a client may be about to use one: when
 * nothing has happened on any of them for a while, or when the grace is over.
 */
import net, { type Server } from 'node:net'
import type { ClientConnection } from './client-connection.ts'
import { giveUp } from './forward.ts'
import type { Lane } from './lane.ts'

const QUIET_MS = 2000
const LOOK_MS = 20

/** Begins to drain. `done` is called once, when the last connection is closed. */
export function drain(
  lane: Lane,
  server: Server,
  connections: ReadonlySet<ClientConnection>,
  graceMs: number,
  done: () => void
): void {
  lane.draining = true
  // Not the HTTP server's own close: that one closes idle connections, under the feet of their clients.
  net.Server.prototype.close.call(server)
  const end = lane.now() + graceMs
  let quietSince = lane.now()
  const timer = setInterval(() => {
    const now = lane.now()
    if (lane.exchanges.size > 0) quietSince = now
    if (now >= end) {
      for (const exchange of [...lane.exchanges]) giveUp(exchange, 'reset')
      setImmediate(closeAll)
    } else if (now - quietSince >= QUIET_MS) closeAll()
    if (openSockets(connections) > 0 && now < end + QUIET_MS) return
    clearInterval(timer)
    done()
  }, LOOK_MS)

  function closeAll(): void {
    for (const connection of connections) {
      if (connection.busy) connection.socket.destroy()
      else connection.socket.end()
    }
  }
}

function openSockets(connections: ReadonlySet<ClientConnection>): number {
  return connections.size
}
