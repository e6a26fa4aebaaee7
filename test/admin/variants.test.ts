/**
 * Variants through the API: added, moved, removed; their model stays; and every rule about where an upstream may
 * lead, asked with the token that may do most.
 */
import t from 'tap'
import { codeOf, member, startAdmin, type TestAdmin, TOKENS } from '../helpers/admin.ts'

const R = '/admin/v1/routes/demo'

t.test(
  'adds a variant with weight 0, moves its upstreams and removes it when an admin asks',
  async t => {
    const admin = await startAdmin(t)
    const added = await put(admin, 'v5', {
      upstreams: ['http://model.test:8000'],
      model: { version: '5' }
    })
    t.equal(added.status, 200)
    t.equal(added.headers.etag, '"1-2"')
    t.match(added.body, {
      weights: { v5: 0 },
      registry: { v5: { upstreams: ['http://model.test:8000'] } }
    })
    const moved = await put(admin, 'v5', { upstreams: ['https://model.test:8443'], reason: 'TLS' })
    t.match(moved.body, {
      registry: { v5: { upstreams: ['https://model.test:8443'], model: { version: '5' } } }
    })
    const other = await put(admin, 'v5', {
      upstreams: ['http://m.test:1'],
      model: { version: '6' }
    })
    t.equal(other.status, 409)
    t.equal(codeOf(other), 'SLC_MODEL_IMMUTABLE')
    t.match(member(other, 'document'), { route: 'demo' })

    const weights = { stable: 90, v5: 10 }
    await admin.ask('PUT', R, { ifMatch: admin.etag(), body: { weights } })
    const heavy = await remove(admin, 'v5')
    t.equal(heavy.status, 409)
    t.equal(codeOf(heavy), 'SLC_HAS_WEIGHT')
    await admin.ask('PUT', R, { ifMatch: admin.etag(), body: { weights: { stable: 100 } } })
    const removed = await remove(admin, 'v5')
    t.equal(removed.status, 200)
    t.notOk('v5' in Object(member(removed, 'weights')))
    const kinds = (await admin.audit()).filter(({ type }) => type === 'variant')
    t.equal(kinds.length, 3, 'one audit entry for each accepted change')
  }
)

t.test('refuses an address that leads where no model is when an admin gives it', async t => {
  const admin = await startAdmin(t)
  const refused = [
    'http://169.254.169.254/',
    'http://169.254.169.254:80',
    'http://169.254.1.1:8000',
    'http://[fe80::1]:8000',
    'http://[fd00:ec2::254]:80',
    'http://[::ffff:169.254.169.254]:80',
    'http://[::ffff:a9fe:a9fe]:80',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://metadata.google.internal',
    'http://inside.test:8000',
    'http://127.0.0.1:8000',
    'http://127.1:8000',
    'http://localhost:8000',
    'http://[::1]:8000',
    'http://[::ffff:127.0.0.1]:8000',
    'http://0.0.0.0:8000',
    'http://[::]:8000',
    'http://127.0.0.1:8080',
    'http://user:secret@model.test:8000',
    'http://user@model.test:8000',
    'ftp://model.test',
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_FLUSHALL',
    'redis://127.0.0.1:6379',
    'unix:/run/docker.sock',
    'javascript:alert(1)',
    'grpc://model.test:8001',
    'h2://model.test:8001',
    'model.test:8000',
    '//model.test:8000',
    'http://',
    'http:// model.test',
    'http://model.test:8000/\r\nX: y',
    'http://model.test:8000\t',
    'http://model.test:99999',
    'http://model.test:0',
    'http://model.test:8000/path',
    'http://model.test:8000/?q=1',
    'http://model.test:8000/#f',
    ''
  ]
  for (const url of refused) {
    const reply = await put(admin, 'x', { upstreams: ['http://fine.test:8000', url] })
    t.equal(reply.status, 400, JSON.stringify(url))
    t.notMatch(reply.text, 'secret', 'and does not show a password')
  }
  t.equal(admin.etag(), '"1-1"', 'nothing was taken, not even the good one')
  t.notMatch(admin.logText(), 'secret')
})

t.test('takes loopback where the configuration file names that very address', async t => {
  const admin = await startAdmin(t)
  t.equal((await put(admin, 'x', { upstreams: ['http://127.0.0.1:18001'] })).status, 200)
  t.equal((await put(admin, 'x', { upstreams: ['http://127.0.0.1:18009'] })).status, 400)
})

t.test('refuses with 400 when the settings of a variant are not of the right form', async t => {
  const admin = await startAdmin(t)
  const refused: Record<string, unknown> = {
    'no upstreams': {},
    'an empty list': { upstreams: [] },
    'a text': { upstreams: 'http://m.test:1' },
    'an object': { upstreams: [{ url: 'http://m.test:1' }] },
    'too many': { upstreams: Array.from({ length: 65 }, (_, i) => `http://m.test:${i + 1}`) },
    'too long': { upstreams: [`http://${'m'.repeat(2_050)}.test`] },
    'a field of another name': { url: 'http://m.test:1' },
    'an unknown field': { upstreams: ['http://m.test:1'], tls: { verify: false } },
    'an unknown field of the model': { upstreams: ['http://m.test:1'], model: { owner: 'x' } },
    'a model that is none': { upstreams: ['http://m.test:1'], model: 'x' }
  }
  for (const [what, body] of Object.entries(refused)) {
    t.equal((await put(admin, 'x', body)).status, 400, what)
  }
  for (const name of ['X', '-x', 'a_b', 'x'.repeat(64), '__proto__', '%00', 'a%2Fb', '..%2f']) {
    t.equal((await put(admin, name, { upstreams: ['http://m.test:1'] })).status, 400, name)
  }
})

t.test(
  'removes neither the champion nor a variant of the file nor one that is not there',
  async t => {
    const admin = await startAdmin(t)
    for (const name of ['stable', 'canary', 'nobody', 'constructor']) {
      t.equal((await remove(admin, name)).status, 400, name)
    }
  }
)

function put(admin: TestAdmin, variant: string, body: unknown) {
  return admin.ask('PUT', `${R}/variants/${variant}`, {
    token: TOKENS.admin,
    ifMatch: admin.etag(),
    body
  })
}

function remove(admin: TestAdmin, variant: string) {
  return admin.ask('DELETE', `${R}/variants/${variant}`, {
    token: TOKENS.admin,
    ifMatch: admin.etag()
  })
}
