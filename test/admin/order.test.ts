/**
 * The order of the checks: a request that is wrong in two ways gets the answer of the earlier check.
 */
import t from 'tap'
import { type Ask, codeOf, startAdmin, TOKENS } from '../helpers/admin.ts'

const admin = await startAdmin(t)
const PATH = '/admin/v1/routes/demo'
const GOOD = { weights: { stable: 100 } }
const STALE = '"9-9"'

/** From the last check to the first: each step adds a fault that is found earlier than all before. */
const STEPS: readonly {
  readonly what: string
  readonly status: number
  readonly code: string
  readonly method?: string
  readonly path?: string
  readonly ask: Ask
}[] = [
  {
    what: 'weights that do not sum to 100',
    status: 400,
    code: 'SLC_ADMIN_MEANING',
    ask: { ifMatch: 'current', body: { weights: { stable: 50 } } }
  },
  {
    what: 'an unknown field',
    status: 400,
    code: 'SLC_ADMIN_MEANING',
    ask: { ifMatch: 'current', body: { ...GOOD, force: true } }
  },
  {
    what: 'a stale revision, and a sum that is wrong',
    status: 412,
    code: 'SLC_STALE',
    ask: { ifMatch: STALE, body: { weights: { stable: 50 } } }
  },
  {
    what: 'JSON that is none, and a stale revision',
    status: 400,
    code: 'SLC_ADMIN_JSON',
    ask: { ifMatch: STALE, body: '{"weights":' }
  },
  {
    what: 'a key twice, and a stale revision',
    status: 400,
    code: 'SLC_ADMIN_JSON',
    ask: { ifMatch: STALE, body: '{"weights":{"stable":100},"weights":{}}' }
  },
  {
    what: 'an If-Match of a bad form, and no JSON',
    status: 400,
    code: 'SLC_ADMIN_IF_MATCH_INVALID',
    ask: { ifMatch: 'W/"1-1"', body: '{' }
  },
  {
    what: 'no If-Match, and no JSON',
    status: 428,
    code: 'SLC_ADMIN_IF_MATCH',
    ask: { body: '{' }
  },
  {
    what: 'a body that is too large, and no If-Match',
    status: 413,
    code: 'SLC_ADMIN_TOO_LARGE',
    ask: { body: '{'.repeat(70_000) }
  },
  {
    what: 'another content type, and a body that is too large',
    status: 415,
    code: 'SLC_ADMIN_CONTENT_TYPE',
    ask: { body: '{'.repeat(70_000), headers: { 'content-type': 'text/plain' } }
  },
  {
    what: 'a method that the path does not have, and another content type',
    status: 405,
    code: 'SLC_ADMIN_METHOD',
    method: 'PATCH',
    ask: { body: 'x', headers: { 'content-type': 'text/plain' } }
  },
  {
    what: 'a route that is not there, and another content type',
    status: 404,
    code: 'SLC_ADMIN_NOT_FOUND',
    path: '/admin/v1/routes/nowhere',
    ask: { body: 'x', headers: { 'content-type': 'text/plain' } }
  },
  {
    what: 'a name that is none, and another content type',
    status: 400,
    code: 'SLC_ADMIN_NAME',
    path: '/admin/v1/routes/Not_A_Name',
    ask: { body: 'x', headers: { 'content-type': 'text/plain' } }
  },
  {
    what: 'a role that may not, and a route that is not there',
    status: 403,
    code: 'SLC_ADMIN_ROLE',
    path: '/admin/v1/routes/nowhere',
    ask: { token: TOKENS.breaker, body: GOOD }
  },
  {
    what: 'no token, and a route that is not there',
    status: 401,
    code: 'SLC_ADMIN_TOKEN',
    path: '/admin/v1/routes/nowhere',
    ask: { token: null, body: GOOD }
  },
  {
    what: 'a web page of another origin, and no token',
    status: 403,
    code: 'SLC_ADMIN_ORIGIN',
    ask: { token: null, body: GOOD, headers: { origin: 'https://evil.test' } }
  },
  {
    what: 'a foreign Host, and a web page of another origin',
    status: 421,
    code: 'SLC_ADMIN_HOST',
    ask: { token: null, headers: { host: 'evil.test', origin: 'https://evil.test' } }
  },
  {
    what: 'a target that is none, and a foreign Host',
    status: 400,
    code: 'SLC_BAD_REQUEST',
    path: 'x',
    ask: { token: null, headers: { host: 'evil.test' } }
  }
]

for (const { what, status, code, method = 'PUT', path = PATH, ask } of STEPS) {
  t.test(`answers ${status} ${code} when a change has ${what}`, async t => {
    const ifMatch = ask.ifMatch === 'current' ? { ifMatch: admin.etag() } : {}
    const reply = await admin.ask(method, path, { ...ask, ...ifMatch })
    t.equal(reply.status, status)
    t.equal(codeOf(reply), code)
    t.equal(reply.headers['content-type'], 'application/problem+json')
    t.equal(reply.headers['cache-control'], 'no-store')
  })
}

t.test('changes nothing when every one of them was refused', async t => {
  t.equal(admin.etag(), '"1-1"')
})
