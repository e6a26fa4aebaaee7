/**
 * Draining a thread: nothing new is accepted, nothing accepted is lost.
 *
 * The listener is closed without closing idle connections, every answer says `Connection: close`, and streams
 * run up to the grace. Idle connections are closed at the end only, for a client may be about to use one: when
 * nothing has happened on any of them for a while, or when the grace is over.
 */
import net, { type Server } from 'node:net'
import { breakAnswer } from './answer.ts'
import type { ClientConnection } from './client-connection.ts'
import type { Exchange } from './exchange.ts'
import type { Lane } from './lane.ts'
import { abandon } from './settle.ts'

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
    const open = connections.size > 0 || lane.reading.size > 0
    if (lane.exchanges.size > 0) quietSince = now
    if (now >= end) {
      for (const exchange of [...lane.exchanges]) cutShort(exchange)
      setImmediate(closeAll)
    } else if (now - quietSince >= QUIET_MS) closeAll()
    if (open && now < end + QUIET_MS) return
    clearInterval(timer)
    for (const answer of [...lane.reading]) answer.hurry()
    done()
  }, LOOK_MS)

  function closeAll(): void {
    for (const connection of connections) {
      if (connection.busy) connection.socket.destroy()
      else connection.socket.destroySoon()
    }
  }
}

/** Ours is the end of the time, so no variant is blamed for it. */
function cutShort(exchange: Exchange): void {
  abandon(exchange)
  exchange.work?.abort()
  if (exchange.tunnel !== null) exchange.tunnel.cut()
  else breakAnswer(exchange)
}
