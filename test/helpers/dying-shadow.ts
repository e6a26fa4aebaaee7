/**
 * The shadow process, which ends at once when it is to publish an event of the type `die`.
 */
import type { ToShadow } from '../../src/domain/shadow-messages.ts'

await import('../../src/shadow/process.ts')
process.prependListener('message', (said: unknown) => {
  const message = said as ToShadow // the main process's
  if (message.type === 'publish' && message.event.type === 'die') process.exit(7)
})
