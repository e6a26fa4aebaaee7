/**
 * Model servers of the shadow's bench, each on a port of its own: those that its arguments name, of the champion and
 * shadows that are well, three seconds slow, and silent. Raw TCP, so that they cost little beside what is measured.
 *
 * They trust their client: requests have a Content-Length. `X-Answer-Bytes: N` in a request asks for an answer of
 * about N bytes. Prints `{"ready":true,"ports":{…}}`.
 */
import { createServer, type Socket } from 'node:net'

const SLOW_MS = 3_000
const KINDS = ['champion', 'healthy', 'slow', 'hanging'] as const
type Kind = (typeof KINDS)[number]
const asked = KINDS.filter(kind => process.argv.includes(kind))

const SMALL = answerOf(1)
const large = new Map<number, Buffer>()

const ports = await Promise.all(
  asked.map(
    kind =>
      new Promise<[Kind, number]>(resolve => {
        const server = createServer({ noDelay: true }, socket => serve(kind, socket))
        server.listen(0, '127.0.0.1', 1024, () => {
          const address = server.address()
          resolve([kind, typeof address === 'object' && address !== null ? address.port : 0])
        })
      })
  )
)
console.log(JSON.stringify({ ready: true, ports: Object.fromEntries(ports) }))

function serve(kind: Kind, socket: Socket): void {
  let head: Buffer = Buffer.alloc(0)
  let body = 0 // bytes of it that are still to come
  let bytes = SMALL
  socket.on('error', () => socket.destroy())
  socket.on('data', chunk => {
    let rest: Buffer = chunk
    while (rest.length > 0) {
      if (body === 0) {
        head = head.length === 0 ? rest : Buffer.concat([head, rest])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        const text = head.toString('latin1', 0, end).toLowerCase()
        rest = head.subarray(end + 4)
        head = Buffer.alloc(0)
        body = numberOf(text, 'content-length')
        bytes = answerFor(numberOf(text, 'x-answer-bytes'))
        if (body > rest.length) {
          body -= rest.length
          return
        }
        rest = rest.subarray(body)
        body = 0
      } else if (body > rest.length) {
        body -= rest.length
        return
      } else {
        rest = rest.subarray(body)
        body = 0
      }
      reply(kind, socket, bytes)
    }
  })
}

function reply(kind: Kind, socket: Socket, bytes: Buffer): void {
  if (kind === 'hanging') return
  if (kind !== 'slow') socket.write(bytes)
  else setTimeout(() => socket.destroyed || socket.write(bytes), SLOW_MS)
}

function numberOf(head: string, name: string): number {
  const at = head.indexOf(`\r\n${name}:`)
  return at < 0 ? 0 : Number.parseInt(head.slice(at + name.length + 3), 10)
}

function answerFor(bytes: number): Buffer {
  if (bytes === 0) return SMALL
  const known = large.get(bytes) ?? answerOf(Math.ceil(bytes / 6))
  large.set(bytes, known)
  return known
}

/** An Open Inference answer of so many numbers, six bytes each. */
function answerOf(numbers: number): Buffer {
  const data = Array.from({ length: numbers }, (_, i) => (0.1 + (i % 8000) / 1e4).toFixed(3)).join()
  const body = `{"model_name":"m","model_version":"1","outputs":[{"name":"y","shape":[${numbers}],"datatype":"FP32","data":[${data}]}]}`
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}
