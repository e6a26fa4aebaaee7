/** WebSocket upgrades through a real data thread: split like any request, then bytes both ways. */
import { createHash } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import t, { test } from 'tap'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { canaryRoute, stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { freePort } from '../helpers/ports.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { until } from '../helpers/until.ts'

const UPGRADE =
  'GET /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\nConnection: keep-alive, Upgrade\r\n' +
  'Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'

/** An upstream that upgrades and says everything back. */
const sockets: Socket[] = []
const heads: string[] = []
let answer: ((socket: Socket, head: string) => void) | null = null
const echo = createServer(socket => {
  sockets.push(socket)
  socket.on('error', () => socket.destroy())
  socket.once('data', chunk => {
    const text = chunk.toString('latin1')
    heads.push(text.slice(0, text.indexOf('\r\n\r\n')))
    if (answer !== null) answer(socket, text)
    else upgrade(socket, text)
  })
})
const port = await listening(echo)
t.teardown(() => {
  for (const socket of sockets) socket.destroy()
  echo.close()
})
const thread = await startDataThread(t, [canaryRoute(port, port)])

test('tunnels a WebSocket to the variant of its unit, with the bytes that came early', async t => {
  const client = await rawClient(thread.port)
  client.send(`${UPGRADE}early`)
  await client.until(() => client.bytes().includes('<early>'))
  const text = client.bytes().toString('latin1')
  t.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  t.match(text, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/)
  t.match(text, /\r\nX-Sluice-Variant: canary\r\n/)
  t.match(text, /\r\nUpgrade: websocket\r\n/)
  t.match(heads.at(-1), /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/)
  t.match(heads.at(-1), /\r\nconnection: upgrade\r\nupgrade: websocket\r\n/)
  t.equal(thread.inFlight('canary'), 1, 'a tunnel is in flight')
  client.send('more')
  await client.until(() => client.bytes().includes('<more>'))
  const ok = thread.count('canary', 'ok')
  client.fin()
  await until('the upstream to be closed', () => sockets.at(-1)?.destroyed)
  await until('the outcome', () => thread.count('canary', 'ok') === ok + 1)
  t.equal(thread.inFlight('canary'), 0)
})

test('breaks the client when the upstream of a WebSocket breaks, and counts it', async t => {
  const client = await rawClient(thread.port)
  const resets = thread.count('canary', 'reset')
  client.send(`${UPGRADE}hello`)
  await client.until(() => client.bytes().includes('<hello>'))
  sockets.at(-1)?.resetAndDestroy()
  await client.until(() => client.end() !== 'open')
  t.equal(client.end(), 'reset')
  await until('the outcome', () => thread.count('canary', 'reset') === resets + 1)
})

test('relays a refusal when the upstream does not upgrade', async t => {
  answer = socket => {
    socket.end(
      'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\nX-Why: no\r\n\r\nno'
    )
  }
  const client = await rawClient(thread.port)
  client.send(UPGRADE)
  await client.until(() => client.end() !== 'open')
  const [found] = readAnswers(client.bytes(), client.end()).final
  if (found === undefined) throw new Error('no answer')
  t.equal(found.status, 403)
  t.equal(found.body.toString(), 'no')
  t.equal(fieldOf(found, 'x-why'), 'no')
  t.equal(fieldOf(found, 'connection'), 'close')
  await until('the outcome', () => thread.count('canary', 'client_error') === 1)
  t.equal(thread.inFlight('canary'), 0)
  answer = null
})

test('answers by itself when an upgrade is refused here or no upstream takes it', async t => {
  for (const [request, status] of [
    [UPGRADE.replace('/v1/predict', '/nowhere'), 404],
    [UPGRADE.replace('Host: router.test', 'Host: a b'), 400],
    [UPGRADE.replace('X-User-Id: u-1', 'X-User-Id: u-1\r\nX-User-Id: u-2'), 400]
  ] as const) {
    const client = await rawClient(thread.port)
    client.send(request)
    await client.until(() => client.end() !== 'open')
    t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, status)
  }
  const dead = await startDataThread(t, [stableRoute(await freePort())])
  const client = await rawClient(dead.port)
  client.send(UPGRADE)
  await client.until(() => client.end() !== 'open')
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 502)
  t.equal(dead.inFlight('stable'), 0)
})

test('takes an upgrade to anything else for a request', async t => {
  answer = socket => {
    socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')
  }
  const client = await rawClient(thread.port)
  client.send(UPGRADE.replace('Upgrade: websocket', 'Upgrade: h2c\r\nHTTP2-Settings: AAAA'))
  await client.until(() => client.bytes().includes('ok'))
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 200)
  t.notMatch(heads.at(-1), /upgrade|http2/i)
  client.close()
  answer = null
})

test('cuts a WebSocket when its variant is rolled back and streams are cut', async t => {
  const client = await rawClient(thread.port)
  client.send(`${UPGRADE}hello`)
  await client.until(() => client.bytes().includes('<hello>'))
  const route = canaryRoute(port, port, { stream: { graceMs: 60_000, cut: true } })
  const variants = route.variants.map(v => (v.name === 'canary' ? { ...v, rolledBack: true } : v))
  await thread.post([{ ...route, variants }])
  await client.until(() => client.end() !== 'open')
  t.equal(client.end(), 'reset')
  await until('the upstream to be closed', () => sockets.at(-1)?.destroyed)
})

function upgrade(socket: Socket, text: string): void {
  const key = /sec-websocket-key: (\S+)/i.exec(text)?.[1] ?? ''
  const accept = createHash('sha1')
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
  )
  const rest = text.slice(text.indexOf('\r\n\r\n') + 4)
  if (rest !== '') socket.write(`<${rest}>`)
  socket.on('data', chunk => socket.write(`<${chunk.toString('latin1')}>`))
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
