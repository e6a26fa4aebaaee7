/**
 * The model server of the benches: raw TCP, the cheapest upstream that still reads what it gets, so that the
 * proxy in front of it is what is measured. Listens on as many ports as asked, in one process.
 *
 * It trusts its clients (they are the proxies under test): a request is counted when its head and the body of
 * its Content-Length or last chunk are there. A fault is chosen by a line on stdin: ok, some (one answer in a
 * hundred is a 500, by chance), wide (an answer of 200 bytes), 500, 404, nan, hang, slow. Prints `{"ready":true,"ports":[…]}`, and for `count` the number of requests.
 */
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

const ports = Number(process.argv[2] ?? '1')
const SLOW_MS = 1500
const OK = answer('200 OK', '{"outputs":[{"name":"y","shape":[1],"datatype":"FP32","data":[0.5]}]}')
const WIDE = JSON.stringify({ model_name: 'm', predictions: Array(15).fill(0.12345678) })
const answers = new Map<string, Buffer>([
  ['wide', answer('200 OK', WIDE.padEnd(200))],
  [
    'nan',
    answer('200 OK', '{"outputs":[{"name":"y","shape":[1],"datatype":"FP32","data":[NaN]}]}')
  ],
  ['500', answer('500 Internal Server Error', '{"error":"broken"}')],
  ['404', answer('404 Not Found', '{"error":"model not found"}')]
])
let fault = 'ok'
let requests = 0
let last = 0

const servers = Array.from({ length: ports }, () => createServer({ noDelay: true }, serve))
const listening = await Promise.all(
  servers.map(
    server =>
      new Promise<number>(resolve => {
        server.listen(0, '127.0.0.1', 1024, () => {
          const address = server.address()
          resolve(typeof address === 'object' && address !== null ? address.port : 0)
        })
      })
  )
)
console.log(JSON.stringify({ ready: true, ports: listening }))
createInterface({ input: process.stdin }).on('line', line => {
  if (line !== 'count') fault = line
  console.log(JSON.stringify({ requests, last, fault }))
})

function serve(socket: Socket): void {
  let pending = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', chunk => {
    pending = pending + chunk.toString('latin1')
    for (let end = endOfRequest(pending); end > 0; end = endOfRequest(pending)) {
      pending = pending.slice(end)
      requests += 1
      last = Date.now()
      if (fault === 'hang') continue
      const broken = fault === 'some' && Math.random() < 0.01
      const bytes = answers.get(broken ? '500' : fault) ?? OK
      if (fault === 'slow') setTimeout(() => socket.write(bytes), SLOW_MS)
      else socket.write(bytes)
    }
  })
}

/** Index behind the first request in `text`, 0 when it is not complete. */
function endOfRequest(text: string): number {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return 0
  const lower = text.slice(0, head).toLowerCase()
  const at = lower.indexOf('\r\ncontent-length:')
  if (at >= 0) {
    const end = head + 4 + Number.parseInt(lower.slice(at + 17), 10)
    return text.length >= end ? end : 0
  }
  if (lower.indexOf('\r\ntransfer-encoding:') < 0) return head + 4
  const end = text.indexOf('0\r\n\r\n', head)
  return end < 0 ? 0 : end + 5
}

function answer(status: string, body: string): Buffer {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.from(head + body)
}
