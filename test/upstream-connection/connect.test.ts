import type { Socket } from 'node:net'
import t from 'tap'
import { connectorTo } from '../../src/upstream-connection/connect.ts'
import { forbidden } from '../../src/upstream-connection/forbidden.ts'
import { takenPort } from '../helpers/ports.ts'

t.test(
  'takes a connection that stood while its thread was held up for longer than the limit',
  async t => {
    const { server, port } = await takenPort()
    t.teardown(() => server.close())
    const endpoint = { ip: '127.0.0.1', port, secure: false, hostname: '127.0.0.1' }
    const connect = connectorTo(endpoint, null, () => 20, forbidden([]))
    const made = new Promise<Socket>((resolve, reject) => {
      const options = { hostname: '127.0.0.1', protocol: 'http:', port: String(port) }
      connect(options, (error, socket) => (socket === null ? reject(error) : resolve(socket)))
    })
    const end = performance.now() + 200
    while (performance.now() < end);
    const socket = await made
    t.equal(socket.remotePort, port)
    socket.destroy()
  }
)
