import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { test } from 'tap'
import { createPace, createSockets } from '../../../src/io/kafka/sockets.ts'
import { takenPort } from '../../helpers/ports.ts'
import { systemClock } from '../../helpers/state-process.ts'
import { until } from '../../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

test('gives a turn a second when many connections are asked for at once', async t => {
  let now = 1_000
  const pace = createPace({ now: () => now, wall: () => new Date(0) })
  t.same([pace.turn(), pace.turn(), pace.turn()], [0, 1_000, 2_000])
  now += 2_500
  t.same([pace.turn(), pace.turn()], [500, 1_500])
  now += 60_000
  t.equal(pace.turn(), 0, 'turns that nobody took are not saved up')
})

test('reaches the host behind a name when the name stands for an address', async t => {
  const { server, port } = await takenPort()
  t.teardown(() => server.close())
  const hosts = new Map([['broker-0.invalid', '127.0.0.1']])
  const sockets = createSockets(createPace(systemClock), null, hosts)
  const accepted = once(server, 'connection')
  const connected = new Promise<void>(resolve => {
    sockets
      .create({ host: 'broker-0.invalid', port, ssl: {}, onConnect: resolve })
      .on('error', () => {})
  })
  await Promise.all([accepted, connected])
})

test('ends every socket with an error when it cuts, also one that waits for its turn', async t => {
  const server = createServer(socket => socket.resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const pace = createPace(systemClock, 60_000)
  const sockets = createSockets(pace, null, new Map())
  const errors: string[] = []
  let connected = 0
  const open = (): Socket => {
    const onConnect = () => connected++
    const socket = sockets.create({ host: '127.0.0.1', port, ssl: {}, onConnect })
    return socket.on('error', error => errors.push(error.message))
  }
  const [first, second] = [open(), open()]
  await until('the first is connected', () => connected === 1)
  sockets.cut()
  await until('both are told', () => errors.length === 2)
  t.same(errors, ['given up', 'given up'])
  t.ok(first.destroyed && second.destroyed)
  t.equal(connected, 1)
})
