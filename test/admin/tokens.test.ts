/**
 * Bearer tokens: exactly one field, never from elsewhere, compared whole; wrong ones slowed, right ones never.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { authenticator } from '../../src/admin/auth.ts'
import { createWrongTokens } from '../../src/admin/wrong-tokens.ts'
import { codeOf, startAdmin, TOKENS } from '../helpers/admin.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { until } from '../helpers/until.ts'

const PATH = '/admin/v1/routes'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

t.test('lets a caller in when the one Authorization field has a known token', async t => {
  const admin = await startAdmin(t)
  for (const authorization of [
    `Bearer ${TOKENS.viewer}`,
    `bearer ${TOKENS.viewer}`,
    `BEARER   ${TOKENS.viewer}`
  ]) {
    const reply = await admin.ask('GET', PATH, { token: null, headers: { authorization } })
    t.equal(reply.status, 200, authorization.slice(0, 9))
  }
})

t.test('answers 401 when the token is not exactly one bearer token', async t => {
  const admin = await startAdmin(t)
  const wrong: Record<string, Record<string, string | string[]>> = {
    none: {},
    empty: { authorization: 'Bearer ' },
    'empty, without a space': { authorization: 'Bearer' },
    'another scheme': { authorization: `Basic ${TOKENS.operator}` },
    'no scheme': { authorization: TOKENS.operator },
    'the same field twice': {
      authorization: [`Bearer ${TOKENS.operator}`, `Bearer ${TOKENS.operator}`]
    },
    'two tokens in a field': { authorization: `Bearer ${TOKENS.operator}, Bearer x` },
    'a prefix of it': { authorization: `Bearer ${TOKENS.operator.slice(0, -1)}` },
    'something behind it': { authorization: `Bearer ${TOKENS.operator}x` },
    'another case': { authorization: `Bearer ${TOKENS.operator.toLowerCase()}` },
    'its digest': { authorization: `Bearer ${sha256(TOKENS.operator)}` },
    'in a cookie': { cookie: `token=${TOKENS.operator}; authorization=Bearer ${TOKENS.operator}` },
    'in other fields': {
      'x-api-key': TOKENS.operator,
      'proxy-authorization': `Bearer ${TOKENS.operator}`
    }
  }
  for (const [what, headers] of Object.entries(wrong)) {
    const reply = await admin.ask('GET', PATH, { token: null, headers })
    t.equal(reply.status, 401, what)
    t.equal(reply.headers['www-authenticate'], 'Bearer realm="sluice"')
  }
  for (const path of [
    `${PATH}?token=${TOKENS.operator}`,
    `${PATH}?access_token=${TOKENS.operator}`
  ]) {
    t.equal((await admin.ask('GET', path, { token: null })).status, 401, 'in the query')
  }
})

t.test('answers 401 for reads too when no token is sent', async t => {
  const admin = await startAdmin(t)
  for (const path of [
    '/admin/v1/routes',
    '/admin/v1/routes/demo',
    '/admin/v1/routes/demo/decisions',
    '/admin/v1/routes/demo/explain?unit=u',
    '/admin/v1/config',
    '/admin/v1/events',
    '/admin/v1/openapi.json',
    '/admin/v1/nothing',
    '/'
  ]) {
    t.equal((await admin.ask('GET', path, { token: null })).status, 401, path)
  }
})

t.test('looks at every digest when it compares, and takes none of another length', async t => {
  const look = authenticator([
    { id: 'short', role: 'admin', sha256: 'abcd' },
    { id: 'nothing', role: 'admin', sha256: '' },
    { id: 'a', role: 'viewer', sha256: sha256('token-a') },
    { id: 'b', role: 'operator', sha256: sha256('token-b') }
  ])
  t.same(look(['Bearer token-b']), { kind: 'right', caller: { id: 'b', role: 'operator' } })
  t.same(look(['Bearer token-a']), { kind: 'right', caller: { id: 'a', role: 'viewer' } })
  t.same(look(['Bearer token-c']), { kind: 'wrong' })
  t.same(look([]), { kind: 'none' })
})

t.test(
  'answers 429 to wrong tokens only when an address sent more than 20 in a minute',
  async t => {
    const admin = await startAdmin(t)
    const guess = (i: number) => admin.ask('GET', PATH, { token: `guess-${i}` })
    for (let i = 1; i <= 20; i++) t.equal((await guess(i)).status, 401, `wrong token ${i}`)
    const slowed = await guess(21)
    t.equal(slowed.status, 429)
    t.equal(codeOf(slowed), 'SLC_ADMIN_SLOW_DOWN')
    t.match(slowed.headers['retry-after'], /^[1-9][0-9]?$/)
    t.equal((await admin.ask('GET', PATH)).status, 200, 'a right token is never slowed')
    t.equal((await admin.ask('GET', PATH, { token: null })).status, 401, 'nor one that is missing')
    t.equal((await guess(22)).status, 429, 'and a right one between does not wash the wrong ones')
  }
)

t.test('forgets wrong tokens when a minute has passed', async t => {
  const wrong = createWrongTokens()
  for (let i = 0; i < 20; i++) t.equal(wrong.count('192.0.2.1', i * 1000).slow, false)
  const first = wrong.count('192.0.2.1', 20_000)
  t.same(first, { slow: true, turned: true, count: 21, retryAfter: 41 })
  t.equal(wrong.count('192.0.2.1', 21_000).turned, false, 'told once')
  t.equal(wrong.count('192.0.2.2', 21_000).slow, false, 'another address is not slowed')
  t.equal(wrong.count('192.0.2.1', 81_001).slow, false, 'a quiet minute later')
})

t.test(
  'counts an IPv6 client by its network, and IPv4 alike in both forms, when it guesses',
  async t => {
    const wrong = createWrongTokens()
    for (let i = 0; i < 20; i++) wrong.count(`2001:db8:1:2::${i.toString(16)}`, i)
    t.equal(wrong.count('2001:db8:1:2:ffff::1', 30).slow, true)
    t.equal(wrong.count('2001:db8:1:3::1', 30).slow, false)
    for (let i = 0; i < 20; i++) wrong.count('::ffff:192.0.2.9', i)
    t.equal(wrong.count('192.0.2.9', 30).slow, true)
  }
)

t.test('holds at most 4,096 addresses when more than that guess', async t => {
  const wrong = createWrongTokens()
  for (let i = 0; i < 10_000; i++) wrong.count(`198.18.${i >> 8}.${i & 255}`, i)
  t.equal(wrong.size(), 4_096)
})

t.test('audits wrong tokens within bounds when somebody floods it', async t => {
  const admin = await startAdmin(t)
  await Promise.all(
    Array.from({ length: 300 }, (_, i) => admin.ask('GET', PATH, { token: `guess-${i}` }))
  )
  const entries = await until('the audit', async () => {
    const found = (await admin.audit()).filter(({ type }) => type === 'access')
    return found.length >= 21 ? found : undefined
  })
  t.ok(entries.length <= 42, `${entries.length} entries for 300 guesses`)
  t.same(
    new Set(entries.map(({ reason }) => reason)),
    new Set(['wrong token', 'wrong tokens slowed'])
  )
  t.match(entries[0], { by: 'unknown', route: null, evidence: { address: '127.0.0.1' } })
})

t.test('audits a refused role when a known token asks for more than it may', async t => {
  const admin = await startAdmin(t)
  await admin.ask('POST', '/admin/v1/config/reload', { token: TOKENS.viewer })
  const [entry] = await until('the audit', async () => {
    const found = (await admin.audit()).filter(({ type }) => type === 'access')
    return found.length > 0 ? found : undefined
  })
  t.match(entry, {
    by: 'the-viewer',
    reason: 'role too low',
    evidence: { call: 'POST /admin/v1/config/reload' }
  })
})

t.test('shows no token anywhere when requests carry them in every place', async t => {
  const admin = await startAdmin(t)
  const secrets = ['PLANTED-SECRET-1', TOKENS.operator]
  for (const secret of secrets) {
    for (const [method, path] of [
      ['GET', `${PATH}?token=${secret}`],
      ['PUT', `/admin/v1/routes/demo?token=${secret}`],
      ['POST', `/admin/v1/routes/demo/rollback?access_token=${secret}`],
      ['DELETE', '/admin/v1/routes/demo/variants/canary']
    ] as const) {
      for (const token of [secret, null, TOKENS.viewer]) {
        await admin.ask(method, path, {
          token,
          headers: { cookie: `t=${secret}`, 'x-token': secret }
        })
      }
    }
  }
  const raw = await rawClient(admin.port)
  raw.send(`GARBAGE ${secrets[0]}\r\nAuthorization: Bearer ${secrets[0]}\r\n\r\n`)
  await raw.until(() => raw.end() !== 'open')
  raw.close()
  const config = await admin.ask('GET', '/admin/v1/config')
  const places = [
    admin.logText(),
    JSON.stringify(await admin.audit()),
    config.text,
    raw.bytes().toString()
  ]
  for (const place of places) {
    for (const secret of [...secrets, ...Object.values(TOKENS)]) t.notMatch(place, secret)
  }
  t.match(admin.logText(), 'change refused', 'though there are lines')
})
