/**
 * Drain, slow clients and unverified certificates: rows 10, 11 and 12 of the list of what the parts do unless they
 * are told otherwise.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { connect } from 'node:tls'
import { test } from 'tap'
import type { TlsSettings } from '../../src/domain/snapshot.ts'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { localAddress, stableRoute, startDataThread } from '../helpers/data-thread.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { variantSnapshot } from '../helpers/route-snapshot.ts'
import { until } from '../helpers/until.ts'

const HEAD = '/v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\n'
const GET = `GET ${HEAD}\r\n`
const SSE =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

test('row 10: answers idle connections once more, with close, when a drain begins', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [stableRoute(recorder.port)])
  const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(thread.port)))
  for (const client of clients) client.send(GET)
  await Promise.all(clients.map(client => client.until(() => count(client) === 1)))
  const drained = thread.drain(10_000)
  await until('no more accepting', async () => {
    const late = await rawClient(thread.port).catch(() => null)
    late?.close()
    return late === null
  })
  for (const client of clients) client.send(GET)
  for (const client of clients) {
    await client.until(() => client.end() !== 'open')
    const answers = readAnswers(client.bytes(), client.end()).final
    t.equal(answers.length, 2)
    const [, last] = answers
    if (last === undefined) throw new Error('no second answer')
    t.equal(last.status, 200)
    t.equal(fieldOf(last, 'connection'), 'close')
    t.equal(client.end(), 'fin')
  }
  await drained
})

test('row 10: lets a stream run up to the grace of a drain, then cuts it so that it shows', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [stableRoute(recorder.port)])
  recorder.behave({ onRequest: (_, socket) => void socket.write(`${SSE}3\r\n: 1\r\n`) })
  const client = await rawClient(thread.port)
  client.send(GET)
  await client.until(() => client.bytes().includes(': 1'))
  await thread.drain(1000)
  await client.until(() => client.end() !== 'open')
  const [answer] = readAnswers(client.bytes(), client.end()).final
  t.equal(answer?.complete, false)
  t.equal(thread.count('stable', 'reset'), 0, 'the variant is not blamed')
})

test('row 11: ends clients that drip, that say nothing, and that send a body too slowly', {
  timeout: 60_000
}, async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const thread = await startDataThread(t, [stableRoute(recorder.port)])
  const silent = await rawClient(thread.port)
  const inHead = await rawClient(thread.port)
  inHead.send(`GET ${HEAD}`)
  const inBody = await rawClient(thread.port)
  inBody.send(`POST ${HEAD}Content-Length: 1000\r\n\r\n`)
  const afterOne = await rawClient(thread.port)
  afterOne.send(GET)
  const drip = setInterval(() => {
    inHead.send('X')
    inBody.send('x')
  }, 1000)
  t.teardown(() => clearInterval(drip))
  for (const [client, what] of [
    [silent, 'silent'],
    [inHead, 'in the head'],
    [inBody, 'in the body']
  ] as const) {
    await client.until(() => client.end() !== 'open')
    t.not(client.end(), 'open', what)
    t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 408, what)
  }
  t.equal(afterOne.end(), 'open', 'an idle connection after an answer stays')
  t.equal(
    recorder.requests.filter(request => request.head.startsWith('POST')).some(r => r.complete),
    false
  )
  t.equal(thread.inFlight('stable'), 0)
  afterOne.close()
})

test('row 12: refuses an upstream whose certificate is not trusted or names another host', async t => {
  const model = await tlsUpstream(t, 'model')
  const other = await tlsUpstream(t, 'other')
  const ca = pem('ca')
  for (const [port, settings, name, status] of [
    [model, tls({ ca }), 'model.test', 200],
    [model, tls({ ca }), '127.0.0.1', 200],
    [model, null, 'model.test', 502],
    [other, tls({ ca }), 'model.test', 502],
    [other, tls({ ca }), '127.0.0.1', 502],
    [other, tls({ ca, serverName: 'other.test' }), 'model.test', 200],
    [other, tls({ verify: false }), 'model.test', 200]
  ] as const) {
    const address = localAddress(port, 0, {
      url: `https://${name}:${port}`,
      secure: true,
      hostname: name
    })
    const variant = variantSnapshot('stable', { addresses: [address], tls: settings })
    const thread = await startDataThread(t, [stableRoute(0, { variants: [variant] })])
    const client = await rawClient(thread.port)
    client.send(GET)
    await client.until(() => count(client) === 1)
    const [answer] = readAnswers(client.bytes(), client.end()).final
    if (answer === undefined) throw new Error('no answer')
    t.equal(answer.status, status, `${name} ${JSON.stringify(Object.keys(settings ?? {}))}`)
    if (status === 502) {
      t.equal(fieldOf(answer, 'proxy-status'), 'sluice; error=tls_certificate_error')
    }
    client.close()
    await thread.stop()
  }
})

test('row 12: shows its own certificate to an upstream that asks for one, and speaks TLS to clients', async t => {
  const port = await tlsUpstream(t, 'model', true)
  const address = localAddress(port, 0, {
    url: `https://model.test:${port}`,
    secure: true,
    hostname: 'model.test'
  })
  const settings = tls({ ca: pem('ca'), cert: pem('client'), key: pem('client-key') })
  const variant = variantSnapshot('stable', { addresses: [address], tls: settings })
  const thread = await startDataThread(t, [stableRoute(0, { variants: [variant] })], {
    tls: { cert: pem('model'), key: pem('model-key') }
  })
  const socket = connect({
    port: thread.port,
    host: '127.0.0.1',
    servername: 'model.test',
    ca: pem('ca')
  })
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  socket.write(GET)
  await until('an answer over TLS', () => text.includes('"client":"client"'))
  t.match(text, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(text, /"proto":"https"/, 'the upstream hears that the client spoke TLS')
})

function count(client: { bytes(): Buffer; end(): 'open' | 'fin' | 'reset' }): number {
  return readAnswers(client.bytes(), client.end()).final.filter(answer => answer.complete).length
}

function pem(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8')
}

function tls(settings: Partial<TlsSettings>): TlsSettings {
  return { ca: null, cert: null, key: null, verify: true, serverName: null, ...settings }
}

/** An HTTPS upstream with one of the certificates; tells the client's name where it asks for it. */
async function tlsUpstream(
  t: { teardown(done: () => unknown): unknown },
  name: string,
  asks = false
): Promise<number> {
  const options = { cert: pem(name), key: pem(`${name}-key`), ca: pem('ca'), requestCert: asks }
  const server = createServer(options, (request, response) => {
    const client = 'getPeerCertificate' in request.socket ? peerName(request.socket) : null
    response.end(JSON.stringify({ client, proto: request.headers['x-forwarded-proto'] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function peerName(socket: object): unknown {
  if (!('getPeerCertificate' in socket) || typeof socket.getPeerCertificate !== 'function')
    return null
  return socket.getPeerCertificate()?.subject?.CN ?? null
}
