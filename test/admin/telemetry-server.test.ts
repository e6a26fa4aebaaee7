/**
 * The telemetry listener and TLS: /metrics, /healthz and /readyz alone, for whoever asks, and nothing to change.
 */
import t from 'tap'
import { createAdmin, createTelemetryServer } from '../../src/admin/server.ts'
import { send, startAdmin } from '../helpers/admin.ts'
import { takenPort } from '../helpers/ports.ts'

const NOBODY = { allowedHosts: [], tokens: [] }

t.test('answers at its three paths and nowhere else when it is asked from anywhere', async t => {
  const admin = await startAdmin(t)
  const server = createTelemetryServer({
    control: admin.control,
    listen: { host: '127.0.0.1', port: 0, tls: null }
  })
  const { port } = await server.start()
  t.teardown(() => server.stop())
  const headers = { host: 'anything.example', origin: 'https://grafana.example' }
  const metrics = await send(port, 'GET', '/metrics', { token: null, headers })
  t.equal(metrics.status, 200)
  t.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.match(metrics.text, /^sluice_build_info\{version="0\.0\.0",node="v\d+/m)
  t.equal((await send(port, 'GET', '/healthz', { token: null, headers })).status, 200)
  t.equal((await send(port, 'GET', '/readyz?verbose', { token: null, headers })).status, 200)
  for (const path of [
    '/',
    '/admin/v1/routes',
    '/admin/v1/openapi.json',
    '/metrics/',
    '/metrics/x'
  ]) {
    t.equal((await send(port, 'GET', path, { headers })).status, 404, path)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
    const reply = await send(port, method, '/metrics', { headers })
    t.equal(reply.status, 405, method)
    t.equal(reply.headers.allow, 'GET, HEAD')
  }
})

t.test('says which address is taken when a listener cannot start', async t => {
  const { server, port } = await takenPort()
  t.teardown(() => server.close())
  const admin = await startAdmin(t)
  const listen = { host: '127.0.0.1', port, tls: null }
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const second = createAdmin({ control: admin.control, listen, access: () => NOBODY, log })
  await t.rejects(second.start(), {
    code: 'SLC_PORT_IN_USE',
    message: new RegExp(`127.0.0.1:${port}`)
  })
  const third = createTelemetryServer({
    control: admin.control,
    listen: { ...listen, host: '192.0.2.1' }
  })
  await t.rejects(third.start(), { code: 'SLC_LISTEN' })
})

t.test('lets nobody in when there is no token at all', async t => {
  const admin = await startAdmin(t)
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const locked = createAdmin({
    control: admin.control,
    listen: { host: '127.0.0.1', port: 0, tls: null },
    access: () => NOBODY,
    log
  })
  const { port } = await locked.start()
  t.teardown(() => locked.stop())
  for (const token of [null, '', 'x', 'undefined', 'null']) {
    t.equal((await send(port, 'GET', '/admin/v1/routes', { token })).status, 401, String(token))
  }
})
