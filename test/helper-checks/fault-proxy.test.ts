/** The faults of the proxy, each seen from the client and from a real server behind it. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts'
import { takenPort } from '../helpers/ports.ts'
import { type Redis, startRedis } from '../helpers/redis.ts'
import { connectRedis, type RedisConnection } from '../helpers/redis-connection.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

type Bench = {
  readonly redis: Redis
  readonly proxy: FaultProxy
  /** A connection through the proxy. */
  readonly client: (within?: number) => Promise<RedisConnection>
}

async function bench(t: Test): Promise<Bench> {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const client = async (within = 10_000) => {
    const connection = await connectRedis({ port: proxy.port, within })
    t.teardown(connection.close)
    return connection
  }
  return { redis, proxy, client }
}

const NOTHING_WITHIN = 150 // ms that a test waits to see that nothing comes

async function isSilent(one: Promise<unknown>): Promise<boolean> {
  const first = await Promise.race([one.catch(() => 'failed'), sleep(NOTHING_WITHIN, 'silent')])
  return first === 'silent'
}

t.test('everything arrives unchanged and is counted when it passes', async t => {
  const { redis, proxy, client } = await bench(t)
  const one = await client()
  const value = randomBytes(1_000_000).toString('hex')
  const replies = await Promise.all([one.call('SET', 'large', value), one.call('GET', 'large')])
  t.ok(replies[0] === 'OK' && replies[1] === value)
  const before = proxy.counts()
  t.match(before, { accepted: 1, open: 1, requests: 2, refused: 0, cuts: 0 })
  t.ok(before.toServer > 2_000_000 && before.toClient > 2_000_000)
  const pings = Array.from({ length: 5_000 }, () => one.call('PING'))
  t.ok((await Promise.all(pings)).every(reply => reply === 'PONG'))
  t.equal(proxy.counts().requests - before.requests, 5_000)
  one.close()
  await until('the end at the server', async () => (await redis.info('connected_clients')) === '1')
  await until('the end of the link', () => proxy.counts().open === 0)
})

t.test(
  'connections are reset and new ones refused when it cuts, until it passes again',
  async t => {
    const { proxy, client } = await bench(t)
    const one = await client()
    await one.call('PING')
    const pending = one.call('BLPOP', 'never', 0)
    await Promise.all([t.rejects(pending, /ECONNRESET/), proxy.cut('refuse')])
    await t.rejects(client(), { code: 'ECONNREFUSED' })
    t.throws(() => proxy.blackHole(), /pass\(\) has to come first/)
    await proxy.pass()
    t.equal(await (await client()).call('PING'), 'PONG')

    await proxy.cut('reset')
    await t.rejects(
      client().then(connection => connection.call('PING')),
      /ECONNRESET|ended/
    )
    t.equal(proxy.counts().refused, 1)
    await proxy.pass()
    const last = await client()
    t.equal(await last.call('PING'), 'PONG')
    proxy.resetAll()
    await until('the reset', () => last.closed())
    t.equal(await (await client()).call('PING'), 'PONG')
  }
)

t.test(
  'nothing arrives and the connection is not continued when a black hole was between',
  async t => {
    const { redis, proxy, client } = await bench(t)
    const one = await client()
    await one.call('PING')
    proxy.blackHole()
    const lost = one.call('SET', 'key', 'lost')
    t.ok(await isSilent(lost))
    const another = await client()
    t.ok(await isSilent(another.call('PING')), 'a new connection is accepted and told nothing')
    await redis.kill9()
    t.ok(await isSilent(lost), 'and the end of the server is not seen')
    await redis.restart()
    t.equal(await redis.cli('GET', 'key'), null)
    await Promise.all([t.rejects(lost, /ECONNRESET/), proxy.pass()])
    t.ok(one.closed())
    t.equal(await (await client()).call('PING'), 'PONG')
  }
)

t.test('a command runs late when it was given up during a stall', async t => {
  const { redis, proxy, client } = await bench(t)
  const one = await client()
  await one.call('PING')
  proxy.stall()
  const late = one.call('SET', 'key', 'late')
  t.ok(await isSilent(late))
  t.equal(await redis.cli('GET', 'key'), null)
  const fresh = await client()
  const reply = fresh.call('PING')
  t.ok(await isSilent(reply))
  await proxy.pass()
  t.equal(await late, 'OK')
  t.equal(await reply, 'PONG')
  t.equal(await redis.cli('GET', 'key'), 'late')
})

t.test('commands run and their replies are lost when replies are swallowed', async t => {
  const { redis, proxy, client } = await bench(t)
  const one = await client()
  await one.call('PING')
  proxy.swallowReplies()
  const lost = one.call('INCR', 'count')
  await until('the command ran', async () => (await redis.cli('GET', 'count')) === '1')
  t.ok(await isSilent(lost))
  await Promise.all([t.rejects(lost, /ECONNRESET/), proxy.pass()])
})

t.test('messages arrive and requests do not when requests are swallowed', async t => {
  const { redis, proxy, client } = await bench(t)
  const one = await client()
  await one.call('SUBSCRIBE', 'channel')
  proxy.swallowRequests()
  const lost = one.call('PING')
  lost.catch(() => {})
  t.equal(await redis.cli('PUBLISH', 'channel', 'hello'), 1)
  t.same(await lost, ['message', 'channel', 'hello'], 'it is the next thing that comes')
  t.equal(await redis.info('connected_clients'), '2')
  one.close()
  await sleep(NOTHING_WITHIN)
  t.equal(await redis.info('connected_clients'), '2', 'the server does not see the client leave')
  await proxy.pass()
  await until('the reset', async () => (await redis.info('connected_clients')) === '1')
})

t.test('replies keep their order and all leave at once when a delay ends', async t => {
  const { proxy, client } = await bench(t)
  const one = await client()
  proxy.delay(20)
  t.equal(await one.call('PING'), 'PONG')
  proxy.delay(60_000)
  const late = Array.from({ length: 50 }, (_, i) => one.call('ECHO', `number ${i}`))
  t.ok(await isSilent(late[0] ?? Promise.resolve()))
  await proxy.pass()
  t.same(
    await Promise.all(late),
    Array.from({ length: 50 }, (_, i) => `number ${i}`)
  )
})

t.test('a reply comes byte by byte when it trickles', async t => {
  const { proxy } = await bench(t)
  proxy.trickle(10)
  const socket = connect(proxy.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const chunks: string[] = []
  socket.setEncoding('latin1').on('data', (text: string) => chunks.push(text))
  socket.write('PING\r\n')
  await until('the whole reply', () => chunks.join('') === '+PONG\r\n')
  t.ok(chunks.length >= 4, `${chunks.length} chunks`)
  proxy.trickle(60_000)
  socket.write('PING\r\n')
  await sleep(NOTHING_WITHIN)
  t.equal(chunks.join(''), '+PONG\r\n')
  await proxy.pass()
  await until('the rest', () => chunks.join('') === '+PONG\r\n+PONG\r\n')
})

t.test(
  'the client gets no protocol and the server no command when it answers nonsense',
  async t => {
    const { redis, proxy, client } = await bench(t)
    const one = await client()
    proxy.nonsense()
    await t.rejects(one.call('SET', 'key', 'value'), /not a reply/)
    await t.rejects((await client()).call('PING'), /not a reply/)
    t.equal(await redis.cli('EXISTS', 'key'), 0)
    await proxy.pass()
    t.equal(await (await client()).call('PING'), 'PONG')
  }
)

t.test('a reply of the test stands in its place when it answers some commands only', async t => {
  const { redis, proxy, client } = await bench(t)
  const one = await client()
  await one.call('SET', 'key', 'value')
  proxy.answer('-READONLY You cannot write against a read only replica.\r\n', ['set', 'eval'])
  const replies = await Promise.all([
    one.call('GET', 'key'),
    one.call('SET', 'key', 'x'.repeat(200_000)).catch(String), // arrives in several chunks
    one.call('ECHO', 'behind it'),
    one.call('EVAL', 'return 1', 0).catch(String),
    one.call('INCR', 'count')
  ])
  t.match(replies, ['value', /READONLY/, 'behind it', /READONLY/, 1])
  t.equal(await redis.cli('GET', 'key'), 'value')
  proxy.answer('*2\r\n:1\r\n$-1\r\n')
  t.same(await one.call('GET', 'key'), [1, null])
  await proxy.pass()
  t.equal(await one.call('GET', 'key'), 'value', 'the connection goes on')
})

for (const when of ['forwarded', 'answered'] as const) {
  t.test(`a request ran and its reply is lost when the cut comes once it is ${when}`, async t => {
    const { redis, proxy, client } = await bench(t)
    const one = await client()
    proxy.cutAfterRequests(2, { only: ['incr'], once: when })
    const results = await Promise.allSettled([
      one.call('PING'),
      one.call('INCR', 'first'),
      one.call('GET', 'first'),
      one.call('INCR', 'second'),
      one.call('INCR', 'third')
    ])
    t.match(results[3], { status: 'rejected', reason: /ECONNRESET|ended/ })
    t.match(results[4], { status: 'rejected' })
    if (when === 'answered') {
      t.match(results.slice(0, 3), [{ value: 'PONG' }, { value: 1 }, { value: '1' }])
      t.equal(await redis.cli('GET', 'second'), '1', 'it ran before the client saw the reset')
    }
    await until('it ran', async () => (await redis.cli('GET', 'second')) === '1')
    t.equal(await redis.cli('GET', 'third'), null)
    t.equal(proxy.counts().cuts, 1)
    t.equal(await (await client()).call('INCR', 'third'), 1, 'it cuts once')
  })
}

t.test('only one side knows when the other is lost', async t => {
  const { redis, proxy, client } = await bench(t)
  const one = await client()
  await one.call('SUBSCRIBE', 'channel')
  proxy.loseServer()
  await until('the reset', async () => (await redis.info('connected_clients')) === '1')
  t.equal(await redis.cli('PUBLISH', 'channel', 'lost'), 0)
  const fresh = await client()
  t.equal(await fresh.call('PING'), 'PONG', 'a new connection passes')
  await sleep(NOTHING_WITHIN)
  t.notOk(one.closed())

  proxy.loseClient()
  await until('the reset', () => fresh.closed())
  t.equal(await redis.info('connected_clients'), '2')
  await sleep(NOTHING_WITHIN)
  t.equal(await redis.info('connected_clients'), '2', 'the server still has the connection')
  await proxy.pass()
  await until('its end', async () => (await redis.info('connected_clients')) === '1')
  await until('the end of the waiting client', () => one.closed())
})

t.test('new connections go to another server when it is retargeted', async t => {
  const { proxy, client } = await bench(t)
  const another = await startRedis(t)
  await another.cli('SET', 'key', 'of another')
  const one = await client()
  t.equal(await one.call('GET', 'key'), null)
  proxy.retarget(another.port)
  t.equal(await one.call('GET', 'key'), null)
  t.equal(await (await client()).call('GET', 'key'), 'of another')
})

t.test('a client is reset when the server is not there or goes', async t => {
  const { redis, client } = await bench(t)
  const one = await client()
  await one.call('PING')
  const pending = one.call('BLPOP', 'never', 0)
  await Promise.all([t.rejects(pending, /ended|ECONNRESET/), redis.kill9()])
  await t.rejects(
    client().then(connection => connection.call('PING')),
    /ECONNRESET|ended/
  )
})

t.test('TLS goes through, and can be cut', async t => {
  const redis = await startRedis(t, { tls: 'server' })
  const proxy = await startFaultProxy(t, { to: redis.port })
  const one = await redis.connect({ port: proxy.port })
  const value = randomBytes(400_000).toString('hex')
  t.equal(await one.call('SET', 'key', value), 'OK')
  t.ok((await one.call('GET', 'key')) === value)
  const { requests } = proxy.counts()
  proxy.cutAfterRequests(1)
  await t.rejects(one.call('INCR', 'count'), /ECONNRESET|ended/)
  t.ok(proxy.counts().requests > requests)
  await until('it ran', async () => (await redis.cli('GET', 'count')) === '1')
})

t.test('each direction ends by itself when a peer half-closes', async t => {
  const server = createServer({ allowHalfOpen: true }, socket => {
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.on('end', () => socket.end(`got ${text.length}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const to = typeof address === 'object' && address !== null ? address.port : 0
  const proxy = await startFaultProxy(t, { to })
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end('x'.repeat(5_000_000))
  const [answer] = await once(socket.setEncoding('latin1'), 'data')
  t.equal(answer, 'got 5000000')
  await once(socket, 'close')
  await until('both ends', () => proxy.counts().open === 0)
})

t.test('memory stays bounded when a client does not read', async t => {
  const source = createServer(socket => {
    const more = () => {
      while (socket.write(Buffer.alloc(65_536)));
    }
    socket.on('drain', more).on('error', () => {})
    more()
  })
  source.listen(0, '127.0.0.1')
  await once(source, 'listening')
  t.teardown(() => source.close())
  const address = source.address()
  const to = typeof address === 'object' && address !== null ? address.port : 0
  const proxy = await startFaultProxy(t, { to })
  const reader = connect(proxy.port, '127.0.0.1').pause()
  t.teardown(() => reader.destroy())
  await isSteady(() => proxy.counts().toClient)
  t.ok(proxy.counts().toClient < 64_000_000, `${proxy.counts().toClient} bytes`)
  proxy.delay(60_000)
  reader.resume()
  await isSteady(() => proxy.counts().toClient)
  t.ok(proxy.counts().toClient < 128_000_000, `${proxy.counts().toClient} bytes, delayed`)
})

t.test('every socket is closed when a reset comes while an end is on its way', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const trigger = createServer(socket => socket.on('data', () => proxy.resetAll()))
  trigger.listen(0, '127.0.0.1')
  await once(trigger, 'listening')
  const address = trigger.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const signal = connect(port, '127.0.0.1')
  await once(signal, 'connect')
  for (let i = 0; i < 20; i++) {
    const client = connect(proxy.port, '127.0.0.1')
    client.on('error', () => {}).write('PING\r\n')
    await once(client, 'data')
    // The proxy finds this end and the signal to reset in one turn of the loop, in this order.
    client.end(() => signal.write('x'))
    await until('the end of the link', () => proxy.counts().open === 0, { every: 1 })
  }
  signal.destroy()
  trigger.close()
  const sockets = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap')
  await until('no socket is left', () => sockets().length === 0)
})

t.test('a port that somebody has is an error when a proxy wants it', async t => {
  const { server, port } = await takenPort()
  const failed = startFaultProxy(t, { to: 1, port })
  server.close()
  t.equal((await failed).port, port, 'and no error once it is free')
})

/** Waits until a number has not grown for a while. */
async function isSteady(read: () => number): Promise<void> {
  let last = -1
  let since = performance.now()
  await until('no more bytes come', () => {
    if (read() !== last) since = performance.now()
    last = read()
    return last > 0 && performance.now() - since > NOTHING_WITHIN
  })
}
