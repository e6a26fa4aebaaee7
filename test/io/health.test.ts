import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { test } from 'tap'
import { createHealthProbe } from '../../src/io/health.ts'
import type { HealthTarget } from '../../src/ports.ts'
import { until } from '../helpers/until.ts'

type Model = { status: number; asked: number; open: number; most: number; hosts: Set<string> }

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A model server that answers its health path with a status of the test. */
async function model(t: { teardown(end: () => unknown): void }) {
  const state: Model = { status: 200, asked: 0, open: 0, most: 0, hosts: new Set() }
  const server = createServer((request, response) => {
    state.asked++
    state.hosts.add(`${request.method} ${request.headers.host} ${request.url}`)
    response.writeHead(state.status, { Location: '/elsewhere' }).end('x'.repeat(1000))
  })
  server.on('connection', socket => {
    state.open++
    state.most = Math.max(state.most, state.open)
    socket.on('close', () => state.open--)
  })
  const port = await listen(server)
  t.teardown(() => server.closeAllConnections() ?? server.close())
  return { state, port, server }
}

function targetOf(port: number, changes: Partial<HealthTarget> = {}): HealthTarget {
  return {
    ip: '127.0.0.1',
    port,
    hostname: 'model.test',
    secure: false,
    tls: null,
    path: '/v2/health/ready',
    intervalMs: 5,
    unhealthy: 3,
    healthy: 2,
    ...changes
  }
}

test('tells the first result at once and then changes, after so many in a row', async t => {
  const { state, port } = await model(t)
  const told: [boolean, string, number][] = []
  const stop = createHealthProbe().watch(targetOf(port), (healthy, why) =>
    told.push([healthy, why, state.asked])
  )
  await until('the first result', () => told.length === 1)
  await until('more checks', () => state.asked > 5)
  state.status = 503
  const from = state.asked
  await until('it is out', () => told.length === 2)
  state.status = 204
  await until('it is back', () => told.length === 3)
  stop()
  t.match(told, [
    [true, 'ok'],
    [false, 'status 503'],
    [true, 'ok']
  ])
  t.equal(told[0]?.[2], 1)
  t.ok((told[1]?.[2] ?? 0) >= from + 2, 'three failures were needed')
  t.same([...state.hosts], [`GET model.test:${port} /v2/health/ready`])
})

test('forgets failures when a success comes between them', async t => {
  const { state, port, server } = await model(t)
  server.prependListener('request', () => {
    state.status = state.asked % 3 === 2 ? 200 : 500
  })
  const told: boolean[] = []
  const stop = createHealthProbe().watch(targetOf(port, { healthy: 1 }), ok => told.push(ok))
  await until('many checks', () => state.asked > 30)
  stop()
  t.ok(told.length > 0)
  t.notOk(told.slice(1).includes(false), 'never three failures in a row')
})

test('is not healthy when the answer is a redirect, a refusal or a broken one', async t => {
  const { state, port } = await model(t)
  state.status = 302
  const reasons: string[] = []
  const probe = createHealthProbe()
  const closed = createTcpServer()
  const closedPort = await listen(closed)
  await new Promise(resolve => closed.close(resolve))
  const rude = createTcpServer(socket => socket.end('SSH-2.0-x\r\n'))
  const rudePort = await listen(rude)
  t.teardown(() => rude.close())
  const stops = [port, closedPort, rudePort].map(each =>
    probe.watch(targetOf(each, { intervalMs: 60_000 }), (healthy, why) => {
      if (!healthy) reasons.push(why)
    })
  )
  await until('three results', () => reasons.length === 3)
  for (const stop of stops) stop()
  t.ok(reasons.includes('status 302'))
  t.ok(reasons.includes('ECONNREFUSED'))
  t.ok(reasons.some(why => why.startsWith('HPE_')))
  t.notOk(
    [...state.hosts].some(line => line.includes('elsewhere')),
    'a redirect is not followed'
  )
})

test('never has two checks of an address at once when the server hangs', async t => {
  let open = 0
  let most = 0
  let accepted = 0
  const hung = createTcpServer(socket => {
    accepted++
    most = Math.max(most, ++open)
    socket.on('close', () => open--)
    socket.on('error', () => {})
    socket.resume()
  })
  const port = await listen(hung)
  t.teardown(() => hung.close())
  const told: string[] = []
  const stop = createHealthProbe().watch(targetOf(port), (_, why) => told.push(why))
  await until('the second check', () => accepted >= 2)
  stop()
  t.same(told, ['timeout'])
  t.equal(most, 1)
  await until('its connection is closed', () => open === 0)
})

test('stops at once when it is told to', async t => {
  const { state, port } = await model(t)
  const told: boolean[] = []
  const stop = createHealthProbe().watch(targetOf(port), ok => told.push(ok))
  stop()
  const stopLater = createHealthProbe().watch(targetOf(port), () => {})
  await until('some checks of the other', () => state.asked > 3)
  stopLater()
  t.same(told, [])
})

test('verifies the certificate against the name of the upstream when it checks over TLS', async t => {
  const pem = (name: string) =>
    readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8')
  const server = createTlsServer(
    {
      key: pem('model-key'),
      cert: pem('model'),
      ca: pem('ca'),
      requestCert: true,
      rejectUnauthorized: false
    },
    (request, response) => {
      const socket = request.socket as import('node:tls').TLSSocket // of a TLS server
      const subject = socket.authorized ? socket.getPeerCertificate().subjectaltname : 'nobody'
      clients.add(`${subject} ${String(socket.servername)}`)
      response.end()
    }
  )
  const clients = new Set<string>()
  const port = await listen(server)
  t.teardown(() => server.close())
  const tls = { ca: pem('ca'), cert: null, key: null, verify: true, serverName: null }
  const cases: [string, Partial<HealthTarget>, boolean][] = [
    ['a name of the certificate', { tls }, true],
    ['an address of the certificate', { tls, hostname: '127.0.0.1' }, true],
    ['another name', { tls, hostname: 'other.test' }, false],
    [
      'another name, but told which to expect',
      { tls: { ...tls, serverName: 'model.test' }, hostname: 'other.test' },
      true
    ],
    ['an unknown authority', { tls: null }, false],
    ['no verification', { tls: { ...tls, ca: null, verify: false }, hostname: 'other.test' }, true],
    ['a client certificate', { tls: { ...tls, cert: pem('client'), key: pem('client-key') } }, true]
  ]
  const told = await Promise.all(
    cases.map(
      ([, changes]) =>
        new Promise<boolean>(resolve => {
          const target = targetOf(port, { secure: true, intervalMs: 60_000, ...changes })
          const stop = createHealthProbe().watch(target, healthy => {
            stop()
            resolve(healthy)
          })
        })
    )
  )
  cases.forEach(([what, , expected], i) => {
    t.equal(told[i], expected, what)
  })
  t.ok(clients.has('nobody model.test'))
  t.ok([...clients].some(client => client.includes('client.test')))
  t.ok(clients.has('nobody false') || clients.has('nobody undefined'), 'an address is no SNI')
})
