/**
 * The smallest data thread that keeps the protocol: it listens, acknowledges, and dies when it is told to.
 * It lets the supervision of threads be tested with real workers and without a lane.
 */
import { createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { countersOver } from '../../src/domain/counts.ts'
import type { FromThread, ThreadSettings, ToThread } from '../../src/domain/snapshot.ts'

const settings: ThreadSettings = workerData
const port = parentPort
if (!port) throw new Error('this is the entry of a worker')
const say = (message: FromThread) => port.postMessage(message)

const server = createServer(socket => {
  socket.end(`${settings.index}`)
  socket.once('data', bytes => {
    if (bytes.toString() === 'die') throw new Error('told to die')
  })
})
server.on('error', (error: NodeJS.ErrnoException) => {
  say({ type: 'failed', code: error.code ?? '', message: error.message })
})
server.listen({ ...settings.listen }, () => {
  const at = server.address()
  if (at === null || typeof at === 'string') throw new Error('no address')
  say({ type: 'listening', host: at.address, port: at.port })
})

port.on('message', (message: ToThread) => {
  if (message.type === 'snapshot' || message.type === 'change') {
    for (const buffer of message.counters) {
      const { words } = countersOver(buffer, 0)
      words[0] = (words[0] ?? 0) + 1
    }
    const { sequence } = message.type === 'snapshot' ? message.snapshot : message.change
    say({ type: 'applied', sequence })
  } else if (message.type === 'drain') {
    server.close()
    say({ type: 'drained' })
  } else process.exit(0)
})
