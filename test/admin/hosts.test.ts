/**
 * Host and Origin: what keeps a web page, also one with a rebound name, away from the listener on loopback.
 */
import t from 'tap'
import { hostList } from '../../src/admin/hosts.ts'
import { codeOf, startAdmin } from '../helpers/admin.ts'

const PATH = '/admin/v1/routes'

t.test('answers to its own names with the port, and to no other, when Host is checked', async t => {
  const admin = await startAdmin(t, { allowedHosts: ['admin.example', 'behind.example:8443'] })
  const own = ['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST', 'admin.example'].map(
    name => `${name}:${admin.port}`
  )
  for (const host of [...own, 'behind.example:8443', 'BEHIND.example:8443']) {
    t.equal((await admin.ask('GET', PATH, { headers: { host } })).status, 200, host)
  }
  const foreign = [
    'evil.test',
    `evil.test:${admin.port}`,
    '127.0.0.1',
    'localhost',
    '127.0.0.1:1',
    `127.0.0.1:${admin.port}0`,
    `127.0.0.1:0${admin.port}`,
    `127.0.0.1.evil.test:${admin.port}`,
    `localhost.:${admin.port}`,
    `user@127.0.0.1:${admin.port}`,
    `127.1:${admin.port}`,
    `2130706433:${admin.port}`,
    `0.0.0.0:${admin.port}`,
    `::1:${admin.port}`,
    'behind.example',
    `behind.example:${admin.port}`,
    'admin.example:8443'
  ]
  for (const host of foreign) {
    const reply = await admin.ask('GET', PATH, { headers: { host } })
    t.equal(reply.status, 421, JSON.stringify(host))
    t.equal(codeOf(reply), 'SLC_ADMIN_HOST')
  }
})

t.test('answers at the root paths whatever the Host, when a probe comes by address', async t => {
  const admin = await startAdmin(t)
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const headers = { host: '10.1.2.3:9911' }
    t.equal((await admin.ask('GET', path, { token: null, headers })).status, 200, path)
    const more = await admin.ask('GET', `${path}/x`, { token: null, headers })
    t.equal(more.status, 421, 'and not below them')
  }
})

t.test(
  'names the listen address, the usual port and no wildcard when the list is made',
  async t => {
    const plain = hostList({ scheme: 'http', host: '10.0.0.5', port: 80, allowedHosts: [] })
    t.equal(plain.allows('10.0.0.5'), true, 'port 80 may be left out')
    t.equal(plain.allows('10.0.0.5:80'), true)
    const tls = hostList({ scheme: 'https', host: 'fd00::5', port: 443, allowedHosts: ['::2'] })
    t.equal(tls.allows('[fd00::5]'), true)
    t.equal(tls.allows('[fd00::5]:443'), true)
    t.equal(tls.allows('[::2]:443'), true)
    t.equal(tls.ownOrigin('https://[fd00::5]'), true)
    t.equal(tls.ownOrigin('http://[fd00::5]'), false, 'another scheme is another origin')
    const any = hostList({ scheme: 'http', host: '0.0.0.0', port: 9911, allowedHosts: [] })
    t.equal(any.allows('0.0.0.0:9911'), false)
  }
)

t.test('answers 403 when a web page of another origin asks', async t => {
  const admin = await startAdmin(t)
  const refused: Record<string, string | string[]>[] = [
    { origin: 'https://evil.test' },
    { origin: 'null' },
    { origin: '' },
    { origin: `https://127.0.0.1:${admin.port}` },
    { origin: `http://127.0.0.1:${admin.port + 1}` },
    { origin: `http://127.0.0.1:${admin.port}.evil.test` },
    { origin: `http://127.0.0.1:${admin.port}/` },
    { origin: [`http://127.0.0.1:${admin.port}`, 'https://evil.test'] },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none, cross-site' },
    { 'sec-fetch-site': ['none', 'cross-site'] },
    { origin: `http://127.0.0.1:${admin.port}`, 'sec-fetch-site': 'cross-site' }
  ]
  for (const headers of refused) {
    for (const path of [PATH, '/metrics']) {
      const reply = await admin.ask('GET', path, { headers })
      t.equal(reply.status, 403, `${path} ${JSON.stringify(headers)}`)
      t.equal(codeOf(reply), 'SLC_ADMIN_ORIGIN')
    }
  }
})

t.test('lets our own origin in, without any CORS field, when a page of ours asks', async t => {
  const admin = await startAdmin(t)
  for (const headers of [
    { origin: `http://127.0.0.1:${admin.port}`, 'sec-fetch-site': 'same-origin' },
    { origin: `http://localhost:${admin.port}` },
    { 'sec-fetch-site': 'none' }
  ]) {
    const reply = await admin.ask('GET', PATH, { headers })
    t.equal(reply.status, 200, JSON.stringify(headers))
    t.same(
      Object.keys(reply.headers).filter(name => name.startsWith('access-control')),
      []
    )
    t.equal(reply.headers['cache-control'], 'no-store')
  }
})

t.test('grants no preflight when a browser asks for one', async t => {
  const admin = await startAdmin(t)
  const headers = { 'access-control-request-method': 'PUT' }
  const own = { ...headers, origin: `http://127.0.0.1:${admin.port}` }
  const foreign = { ...headers, origin: 'https://evil.test' }
  t.equal(
    (await admin.ask('OPTIONS', `${PATH}/demo`, { token: null, headers: foreign })).status,
    403
  )
  t.equal((await admin.ask('OPTIONS', `${PATH}/demo`, { token: null, headers: own })).status, 401)
  const asked = await admin.ask('OPTIONS', `${PATH}/demo`, { headers: own })
  t.equal(asked.status, 405)
  t.equal(asked.headers.allow, 'GET, HEAD, PUT')
  t.same(
    Object.keys(asked.headers).filter(name => name.startsWith('access-control')),
    []
  )
})
