/**
 * The admin listener over TLS: the same checks, an origin of its own, nothing in clear and nothing below TLS 1.2.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { connect } from 'node:tls'
import t from 'tap'
import { startAdmin, TOKENS } from '../helpers/admin.ts'
import { rawClient } from '../helpers/raw-client.ts'

const tls = { cert: pem('model'), key: pem('model-key') }
const admin = await startAdmin(t, { tls })

t.test('answers over TLS with the same checks when it has a certificate', async t => {
  t.equal(await ask({}), 200)
  t.equal(await ask({ authorization: 'Bearer wrong' }), 401)
  t.equal(await ask({ host: `evil.test:${admin.port}` }), 421)
  t.equal(
    await ask({ origin: `https://127.0.0.1:${admin.port}` }),
    200,
    'its own origin has its scheme'
  )
  t.equal(await ask({ origin: `http://127.0.0.1:${admin.port}` }), 403)
})

t.test('says nothing in clear when somebody speaks plain HTTP to it', async t => {
  const client = await rawClient(admin.port)
  client.send(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${admin.port}\r\n\r\n`)
  t.ok(await client.until(() => client.end() !== 'open'), 'the connection is closed')
  t.notMatch(client.bytes().toString('latin1'), 'HTTP/1.1')
  client.close()
  t.equal(await ask({}), 200, 'and serves on')
})

t.test('refuses the handshake when a client knows nothing newer than TLS 1.1', async t => {
  const socket = connect({
    port: admin.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0'
  })
  const [error] = await once(socket, 'error')
  t.match(String(error), /alert|unsupported|protocol|version/i)
  t.equal(await ask({}), 200, 'and serves on')
})

async function ask(headers: Record<string, string>): Promise<number | undefined> {
  const request = https.get({
    port: admin.port,
    host: '127.0.0.1',
    path: '/admin/v1/routes',
    rejectUnauthorized: false,
    agent: false,
    headers: {
      host: `127.0.0.1:${admin.port}`,
      authorization: `Bearer ${TOKENS.viewer}`,
      ...headers
    }
  })
  const [response] = await once(request, 'response')
  response.resume()
  return response.statusCode
}

function pem(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8')
}
