/**
 * Whether nobody else listens on an address. Data threads share their port with each other (SO_REUSEPORT), so the
 * kernel would let a second router share it as well, and spread users over two that know nothing of each other.
 */
import { createServer } from 'node:net'
import { fail } from '../errors.ts'
import { codeOf } from './disk-fault.ts'

/** Throws SLC_PORT_IN_USE when somebody listens there. Any other fault is for the listener itself to tell. */
export async function assertPortFree(host: string, port: number): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen({ host, port, exclusive: true }, resolve)
    })
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') throw fail('SLC_PORT_IN_USE', [`${host}:${port}`])
    return
  }
  await new Promise(resolve => probe.close(resolve))
}
