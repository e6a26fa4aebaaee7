/**
 * Ports of this machine for tests that need a number before something listens there (an upstream that is down,
 * an address that two configurations name). Everything else listens on port 0.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** A port on 127.0.0.1 that was free a moment ago; the kernel does not give it out again soon. */
export async function freePort(): Promise<number> {
  const { server, port } = await takenPort()
  server.close()
  await once(server, 'close')
  return port
}

/** A port on 127.0.0.1 that somebody listens on until `server.close()`. */
export async function takenPort(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(socket => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return { server, port: address.port }
}
