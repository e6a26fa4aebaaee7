/**
 * Peer: the least that forwards on Node: node:http in front, undici's `stream` behind, hop-by-hop fields of the
 * connection dropped. The floor of what any proxy on these two can cost.
 * Usage: node-undici.ts UPSTREAM_URL
 */
import { createServer } from 'node:http'
import { Pool } from 'undici'

const pool = new Pool(process.argv[2] ?? '', { pipelining: 1, connections: 256 })
const server = createServer((req, res) => {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers } = req.headers
  pool
    .stream(
      { path: req.url ?? '/', method: req.method as 'POST', headers, body: req, opaque: res },
      ({ statusCode, headers: answer }) => {
        const { connection: _c, 'keep-alive': _k, 'transfer-encoding': _t, ...fields } = answer
        res.writeHead(statusCode, fields)
        return res
      }
    )
    .catch(() => res.destroy())
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  console.log(JSON.stringify({ ready: true, port }))
})
