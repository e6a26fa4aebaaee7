/** A session that is given up leaves nothing behind, whatever state the client was in. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { test } from 'tap'
import { openSession, type Session } from '../../../src/io/kafka/session.ts'
import { kafkaSettings } from '../../helpers/kafka.ts'
import { freePort } from '../../helpers/ports.ts'
import { silentLog } from '../../helpers/state-process.ts'
import { until } from '../../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const ROUNDS = 20
const AT_ONCE = { turn: () => 0 }
const giveWay = (): void => undefined
const SASL = { mechanism: 'plain', username: 'u', password: 'p' } as const

test('fails and leaves nothing when nothing listens', async t => {
  const broker = `127.0.0.1:${await freePort()}`
  const before = resources()
  for (let i = 0; i < ROUNDS; i++) {
    const session = open([broker])
    await t.rejects(session.connect(), /ECONNREFUSED/)
    session.end()
  }
  await until('timers and sockets are gone', () => resources() <= before)
})

test('ends a call and leaves nothing when a broker accepts and never answers', async t => {
  const server = createServer(socket => socket.on('error', () => {}).resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  t.teardown(() => server.close())
  const before = resources()
  for (let i = 0; i < ROUNDS; i++) {
    const session = open([`127.0.0.1:${port}`])
    const connected = once(server, 'connection')
    const failed = t.rejects(session.connect())
    const [socket]: readonly Socket[] = await connected
    session.end()
    await failed
    socket?.destroy()
    await t.rejects(session.send('t', []), 'it stays given up')
  }
  await until('timers and sockets are gone', () => resources() <= before)
})

test('begins with another broker of the list when the first did not do', async t => {
  const asked: string[] = []
  const server = createServer(socket => {
    asked.push('second')
    socket.on('error', () => {}).destroy()
  })
  server.listen(0, '::1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const brokers = [`127.0.0.1:${await freePort()}`, `[::1]:${port}`]
  const session = open(brokers, 1)
  await t.rejects(session.connect())
  session.end()
  t.same(asked, ['second'])
})

test('says no password when authentication has nobody to answer', async t => {
  const lines: string[] = []
  const note = (fields: unknown, message: string) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  const log = { debug: note, info: note, warn: note, error: note }
  const sasl = { ...SASL, password: 'a very secret word' }
  const settings = kafkaSettings(`127.0.0.1:${await freePort()}`, { sasl })
  const session = openSession({ settings, first: 0, pace: AT_ONCE, log, giveWay })
  const error = await session.connect().then(
    () => null,
    (reason: unknown) => reason
  )
  session.end()
  t.ok(lines.length > 0)
  t.notMatch([...lines, String(error), JSON.stringify(error)].join('\n'), 'secret word')
})

function open(brokers: readonly string[], first = 0): Session {
  return openSession({
    settings: kafkaSettings(brokers),
    first,
    pace: AT_ONCE,
    requestMs: 10_000,
    log: silentLog,
    giveWay
  })
}

/** Timers and sockets of this process. */
function resources(): number {
  return process.getActiveResourcesInfo().filter(name => /Timeout|TCP.*Wrap|TLS/.test(name)).length
}
