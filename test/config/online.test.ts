import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { checkOnline } from '../../src/config/online.ts'
import { CONFIG_FIXTURES, configOf } from '../helpers/config-file.ts'

const at = (name: string) => fileURLToPath(new URL(name, CONFIG_FIXTURES))

type Teardown = { teardown(done: () => unknown): unknown }

async function listening(t: Teardown, server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port // listening on TCP, so never a path
}

async function closedPort(t: Teardown): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // as above
  await new Promise(resolve => server.close(resolve))
  t.teardown(() => undefined)
  return port
}

const route = (upstreams: readonly string[], more = '') =>
  `routes: { a: { variants: { v: { upstreams: ${JSON.stringify(upstreams)}${more} } } } }`

test('says nothing when every upstream accepts', async t => {
  const port = await listening(
    t,
    createServer(socket => socket.on('error', () => undefined))
  )
  t.same(await checkOnline(await configOf(t, route([`http://127.0.0.1:${port}`]))), [])
})

test('names upstream, address and cause when one refuses or has no name', async t => {
  const port = await closedPort(t)
  const config = await configOf(
    t,
    route([`http://127.0.0.1:${port}`, 'http://no-such-host.invalid:1'])
  )
  t.match(await checkOnline(config), [
    {
      path: 'routes.a.variants.v.upstreams[0]',
      upstream: `http://127.0.0.1:${port}`,
      address: `127.0.0.1:${port}`,
      message: /does not accept connections \(ECONNREFUSED\)/
    },
    {
      path: 'routes.a.variants.v.upstreams[1]',
      upstream: 'http://no-such-host.invalid:1',
      address: null,
      message: /the name no-such-host\.invalid cannot be resolved/
    }
  ])
})

test('verifies TLS as the proxy will when an upstream is https', async t => {
  const port = await listening(
    t,
    createTlsServer(
      { cert: readFileSync(at('cert.pem')), key: readFileSync(at('key.pem')) },
      socket => socket.on('error', () => undefined)
    ).on('tlsClientError', () => undefined)
  )
  const of = async (tls: string) =>
    checkOnline(
      await configOf(t, route([`https://127.0.0.1:${port}`], tls === '' ? '' : `, tls: ${tls}`))
    )
  t.match(await of(''), [
    { message: /does not accept TLS connections \(DEPTH_ZERO_SELF_SIGNED_CERT\)/ }
  ])
  t.same(await of(`{ ca: { file: ${at('cert.pem')} } }`), [])
  t.same(await of(`{ ca: { file: ${at('cert.pem')} }, serverName: sluice.test }`), [])
  t.match(await of(`{ ca: { file: ${at('cert.pem')} }, serverName: other.test }`), [
    { message: /ERR_TLS_CERT_ALTNAME_INVALID/ }
  ])
  t.same(await of('{ verify: false }'), [])
})

test('gives up at the deadline when a server accepts and then says nothing', async t => {
  const port = await listening(
    t,
    createServer(socket => socket.on('error', () => undefined))
  )
  const config = await configOf(t, route([`https://127.0.0.1:${port}`]))
  t.match(await checkOnline(config, 100), [
    { message: /did not accept a TLS connection in 100 ms/ }
  ])
})

test('checks many upstreams, each reported in the order of the file', async t => {
  const port = await closedPort(t)
  const urls = Array.from({ length: 40 }, (_, i) => `http://127.0.0.${i + 1}:${port}`)
  const problems = await checkOnline(await configOf(t, route(urls)))
  t.same(
    problems.map(problem => problem.upstream),
    urls
  )
})

test('says that an upstream leads back to this router when its name is one of our listeners', async t => {
  const file = await configOf(t, route(['http://localhost:7777', 'http://127.0.0.1:7778']))
  // A file that says so itself is refused; here a name has become one of ours since.
  const config = {
    ...file,
    listen: { ...file.listen, host: '127.0.0.1', port: 7777 },
    admin: { ...file.admin, listen: { ...file.admin.listen, host: '127.0.0.1', port: 7778 } }
  }
  const problems = await checkOnline(config, 1_000)
  t.match(
    problems.map(({ message }) => message).filter(message => message.startsWith('127.0.0.1')),
    [
      /^127\.0\.0\.1:7777 is listen of this router, so requests would go round in it$/,
      /^127\.0\.0\.1:7778 is admin\.listen of this router/
    ]
  )
})
