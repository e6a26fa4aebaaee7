/**
 * A large body through the product with a peer that stands still for a while, both ways: what arrived, and how
 * much memory of the process it took. For the scenario test and for the bench that does it with a gigabyte.
 */
import { connect, type Socket } from 'node:net'
import { type BulkUpstream, Checksum, checksumOf, pour } from './bulk.ts'
import { residentBytes } from './process-tree.ts'
import { until } from './until.ts'

export type Transfer = {
  readonly intact: boolean // every byte, in order
  readonly stalledGrowth: number // bytes of resident memory while the peer stood still
  readonly peakGrowth: number // over the whole transfer
}

const HEAD = 'Host: router.test\r\nX-User-Id: bulk\r\n'

/** The upstream sends `bytes`; the client stops reading at the start until nothing moves, then reads on. */
export async function download(port: number, pid: number, bytes: number): Promise<Transfer> {
  const socket = await dial(port)
  const watch = watchMemory(pid)
  const sum = new Checksum()
  let head: Buffer | null = Buffer.alloc(0)
  socket.on('data', chunk => {
    if (head === null) return sum.add(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    sum.add(head.subarray(end + 4))
    head = null
    socket.pause() // the client stands still
  })
  socket.write(`GET /v1/predict?bytes=${bytes} HTTP/1.1\r\n${HEAD}\r\n`)
  await until('the head of the answer', () => head === null)
  const stalledGrowth = await watch.settled()
  socket.resume()
  await until('the whole body', () => sum.bytes >= bytes || socket.destroyed)
  socket.destroy()
  const intact = sum.bytes === bytes && sum.value === checksumOf(bytes)
  return { intact, stalledGrowth, peakGrowth: watch.stop() }
}

/** The client sends `bytes`; the upstream stops reading until nothing moves, then reads on. */
export async function upload(
  port: number,
  pid: number,
  bytes: number,
  upstream: BulkUpstream
): Promise<Transfer> {
  const before = upstream.uploads.length
  upstream.stall(true)
  const socket = await dial(port)
  const watch = watchMemory(pid)
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk.toString('latin1')
  })
  socket.write(`POST /v1/predict HTTP/1.1\r\n${HEAD}Content-Length: ${bytes}\r\n\r\n`)
  const poured = pour(socket, bytes)
  await until('the upload to reach the upstream', () => upstream.uploads.length > before)
  const stalledGrowth = await watch.settled()
  upstream.stall(false)
  await until('the answer', () => answer.endsWith('ok') || socket.destroyed)
  await poured
  socket.destroy()
  const sum = upstream.uploads[before]
  const intact = sum?.bytes === bytes && sum.value === checksumOf(bytes)
  return { intact, stalledGrowth, peakGrowth: watch.stop() }
}

/** Growth of resident memory from now on: the peak, and what it is when it has stood still for a second. */
function watchMemory(pid: number) {
  const start = residentBytes(pid)
  const recent: number[] = []
  let peak = start
  const timer = setInterval(() => {
    const now = residentBytes(pid)
    peak = Math.max(peak, now)
    recent.push(now)
    if (recent.length > 20) recent.shift()
  }, 50)
  return {
    async settled() {
      recent.length = 0
      await until('memory to stand still', () => {
        return recent.length === 20 && Math.max(...recent) - Math.min(...recent) < 2 ** 20
      })
      return (recent.at(-1) ?? start) - start
    },
    stop() {
      clearInterval(timer)
      return peak - start
    }
  }
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.on('error', reject)
  })
}
