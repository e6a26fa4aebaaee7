/**
 * Whatever a shadow does, its clients get the champion's bytes: every request answered, every copy accounted for,
 * memory bounded. How little it can be felt in time is a figure of bench/macro/shadow.ts.
 */
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Pool } from 'undici'
import { startAnswering } from '../helpers/answering.ts'
import { residentBytes } from '../helpers/process-tree.ts'
import { copiesEnded, shadowedRoute } from '../helpers/shadowed.ts'
import { startSluice } from '../helpers/sluice.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const BODY = `{"predictions":[${Array.from({ length: 200 }, (_, i) => i / 7).join(',')}]}`
const champion = await startAnswering(t, () => ({ body: BODY }))

/** A server of bytes: what it does with a connection is the fault. */
async function startRaw(t: Pick<Test, 'teardown'>, act: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    act(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

const answering = (text: string) => (socket: Socket) => socket.on('data', () => socket.write(text))
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const shadows: Readonly<Record<string, string>> = {
  refuses: 'http://127.0.0.1:9',
  hangs: await startRaw(t, socket => socket.resume()),
  resets: await startRaw(t, socket => socket.on('data', () => socket.resetAndDestroy())),
  'talks-nonsense': await startRaw(t, answering('no HTTP at all\r\n\r\n')),
  'stops-midway': await startRaw(t, answering(`${HEAD}Content-Length: 100\r\n\r\n{"predictions"`)),
  'sends-more': await startRaw(t, answering(`${HEAD}Content-Length: 2\r\n\r\n{}trailing bytes`)),
  floods: await startRaw(t, socket => {
    const chunk = Buffer.alloc(65_536, 'x')
    const pour = (): void => {
      while (socket.writable && socket.write(chunk));
    }
    socket.once('data', () => {
      socket.write(`${HEAD}\r\n`)
      socket.on('drain', pour)
      pour()
    })
  }),
  drips: await startRaw(t, socket => {
    socket.on('data', () => {
      socket.write(`${HEAD}Content-Length: 1000\r\n\r\n`)
      const timer = setInterval(() => socket.write('1'), 50)
      socket.on('close', () => clearInterval(timer))
    })
  })
}

const router = await startSluice(
  {
    events: { driver: 'file', directory: 'events' },
    routes: Object.fromEntries(
      Object.entries(shadows).map(([name, url]) => [
        name,
        shadowedRoute(name, champion.url, url, { timeout: '500ms', concurrency: 32 })
      ])
    )
  },
  { t }
)
const pool = new Pool(router.dataUrl, { connections: 8, pipelining: 1 })
t.teardown(() => pool.destroy())

for (const name of Object.keys(shadows)) {
  t.test(`gives every client the champion's bytes when the shadow ${name}`, async t => {
    const before = residentBytes(router.pid)
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const { statusCode, body } = await pool.request({
          method: 'POST',
          path: `/${name}/predict`,
          body: '{"features":[1,2,3]}',
          headers: { 'x-user-id': `user-${i}`, 'content-type': 'application/json' }
        })
        return { statusCode, same: (await body.text()) === BODY }
      })
    )
    t.ok(answers.every(({ statusCode, same }) => statusCode === 200 && same))
    const view = await copiesEnded(router, name)
    t.equal(view.considered, 200)
    t.equal(view.dropped['lost'], 0)
    const grown = residentBytes(router.pid) - before
    t.ok(grown < 114 * 2 ** 20, `${Math.round(grown / 2 ** 20)} MiB is within the budget and 50 MB`)
    t.comment(JSON.stringify({ ...positive(view.outcomes), ...positive(view.dropped) }))
  })
}

function positive(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
