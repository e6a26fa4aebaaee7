/**
 * Entry of a data thread: listens, takes snapshots, and says what it does in shared memory.
 *
 * It never waits for another thread, a store or a disk. What goes wrong with one request stays with it: the
 * thread goes on whatever bytes come from either side.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { FromThread, ThreadSettings, ToThread } from '../domain/snapshot.ts'
import { startLane } from './run-lane.ts'

const port = parentPort
if (port === null) throw new Error('a data thread is started by the control plane alone')
const send = (message: FromThread): void => port.postMessage(message)
// The main thread made this value by its type.
const lane = await startLane(workerData as ThreadSettings, send, () => process.exit(0))
port.on('message', (message: ToThread) => lane.handle(message))
