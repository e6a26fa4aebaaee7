/**
 * The shadow thread, which ends at once when it is to publish an event of the type `die`.
 */
import { parentPort } from 'node:worker_threads'
import type { ToShadow } from '../../src/domain/shadow-messages.ts'

parentPort?.on('message', (message: ToShadow) => {
  if (message.type === 'publish' && message.event.type === 'die') process.exit(7)
})
await import('../../src/shadow/thread.ts')
