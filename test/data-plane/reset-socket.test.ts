import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { resetSocket } from '../../src/data-plane/reset-socket.ts'

test('closes the socket when it is reset in the turn in which it was ended', async t => {
  const { ours, theirs } = await pair(t)
  ours.end('the last of it')
  resetSocket(ours)
  await once(ours, 'close')
  theirs.resume()
  if (!theirs.closed) await once(theirs, 'close')
  t.pass('both are closed')
})

test('shows a reset when bytes still wait, and does nothing to a socket that is closed', async t => {
  const { ours, theirs } = await pair(t)
  const failed = once(theirs, 'error')
  ours.write(Buffer.alloc(16 * 1024 * 1024)) // more than the kernel takes
  resetSocket(ours)
  t.match(await failed, [{ code: 'ECONNRESET' }])
  if (!ours.closed) await once(ours, 'close')
  t.doesNotThrow(() => resetSocket(ours))
})

/** The two ends of a connection. */
async function pair(t: Test): Promise<{ readonly ours: Socket; readonly theirs: Socket }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const accepted = once(server, 'connection')
  const theirs = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
  const [ours] = (await accepted) as [Socket] // of the event
  ours.on('error', () => undefined)
  t.teardown(() => theirs.destroy())
  return { ours, theirs }
}
