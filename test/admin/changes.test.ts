/**
 * Changes through the API: who wins, what a conflict shows, what is audited, and that a repeat does no harm.
 */
import t from 'tap'
import { type Ask, codeOf, member, startAdmin, type TestAdmin, TOKENS } from '../helpers/admin.ts'

const PATH = '/admin/v1/routes/demo'

t.test('sets the whole map and audits it once when weights are put', async t => {
  const admin = await startAdmin(t)
  const reply = await put(admin, { stable: 87.65, canary: 12.35 }, { reason: 'week two' })
  t.equal(reply.status, 200)
  t.equal(reply.headers.etag, '"1-2"')
  t.same(member(reply, 'weights'), { stable: 87.65, canary: 12.35 })
  const back = await put(admin, { stable: 100 })
  t.same(member(back, 'weights'), { stable: 100, canary: 0 }, 'a variant left out gets 0')
  const entries = (await admin.audit()).filter(({ type }) => type === 'weights')
  t.equal(entries.length, 2)
  t.match(entries[0], {
    route: 'demo',
    by: 'the-operator',
    reason: 'week two',
    revision: '1-2',
    requestId: reply.headers['x-request-id']
  })
  t.match(entries[0], { before: Object, after: Object }, 'with what was before and after')
})

t.test('refuses with 400 when weights mean nothing', async t => {
  const admin = await startAdmin(t)
  const wrong: Record<string, unknown> = {
    'a sum below 100': { stable: 99.99 },
    'a sum above 100': { stable: 100, canary: 0.01 },
    'three decimals': { stable: 99.999, canary: 0.001 },
    negative: { stable: 110, canary: -10 },
    'above 100': { stable: 101 },
    'a text': { stable: '100' },
    null: { stable: null },
    'a boolean': { stable: true },
    nobody: {},
    'an unknown variant': { stable: 90, nobody: 10 },
    'an unknown variant with 0': { stable: 100, nobody: 0 },
    'a name that is none': { stable: 90, 'a b': 10 },
    'constructor, which this route lacks': { stable: 90, constructor: 10 },
    'a list': [100],
    'a number': 100
  }
  for (const [what, weights] of Object.entries(wrong)) {
    const body = { weights }
    const reply = await admin.ask('PUT', PATH, { ifMatch: admin.etag(), body })
    t.equal(reply.status, 400, what)
    t.equal(codeOf(reply), 'SLC_ADMIN_MEANING', what)
  }
  t.equal(admin.etag(), '"1-1"')
})

t.test('takes a variant that has the name of something in JavaScript when it is one', async t => {
  const admin = await startAdmin(t)
  const body = '{"weights":{"a":80,"constructor":20}}'
  const reply = await admin.ask('PUT', '/admin/v1/routes/other', {
    ifMatch: admin.etag('other'),
    body
  })
  t.equal(reply.status, 200)
  t.same(Object.entries(member(reply, 'weights') ?? {}), [
    ['a', 80],
    ['constructor', 20]
  ])
})

t.test('says who would move and changes nothing when it is a dry run', async t => {
  const admin = await startAdmin(t)
  const ask = { ifMatch: admin.etag(), body: { weights: { stable: 75, canary: 25 } } }
  const reply = await admin.ask('PUT', `${PATH}?dryRun=true`, ask)
  t.equal(reply.status, 200)
  t.same(reply.body, {
    dryRun: true,
    weights: { stable: 75, canary: 25 },
    moves: [{ from: 'stable', to: 'canary', percent: 25 }]
  })
  t.equal(admin.etag(), '"1-1"')
  for (const query of [
    'dryrun=true',
    'dryRun=yes',
    'dryRun=1',
    'dryRun=',
    'dryRun=true&dryRun=false'
  ]) {
    const mistyped = await admin.ask('PUT', `${PATH}?${query}`, ask)
    t.equal(mistyped.status, 400, `${query} is refused, not applied`)
  }
  t.equal((await admin.ask('PUT', `${PATH}?dryRun=true`, { body: ask.body })).status, 428)
  t.equal((await admin.ask('PUT', `${PATH}?dryRun=false`, ask)).status, 200)
  t.equal(admin.etag(), '"1-2"')
})

t.test('wants one strong ETag where a revision is needed, and only there', async t => {
  const admin = await startAdmin(t)
  const needing: readonly (readonly [string, string, Ask])[] = [
    ['PUT', PATH, { body: { weights: { stable: 100 } } }],
    ['PUT', `${PATH}/variants/x`, { body: { upstreams: ['http://m:1'] } }],
    ['DELETE', `${PATH}/variants/x`, {}],
    ['PUT', `${PATH}/shadows/canary-try`, { body: { on: true } }],
    ['POST', `${PATH}/clear`, { body: { rollback: 'rb-1' } }],
    ['POST', `${PATH}/advance`, {}]
  ]
  const bad = [
    '*',
    'W/"1-1"',
    '1-1',
    '"1-1", "1-2"',
    '""',
    '"x"',
    '"0-1"',
    '"1-1',
    '"1-1" ""',
    '"01-1"'
  ]
  for (const [method, path, ask] of needing) {
    const asked = { ...ask, token: TOKENS.admin }
    const without = await admin.ask(method, path, asked)
    t.equal(without.status, 428, `${method} ${path}`)
    t.equal(codeOf(without), 'SLC_ADMIN_IF_MATCH')
    for (const ifMatch of bad) {
      const reply = await admin.ask(method, path, { ...asked, ifMatch })
      t.equal(reply.status, 400, `${method} ${path} ${ifMatch}`)
      t.equal(codeOf(reply), 'SLC_ADMIN_IF_MATCH_INVALID')
    }
    const twice = { 'if-match': ['"1-1"', '"1-1"'] }
    t.equal((await admin.ask(method, path, { ...asked, headers: twice })).status, 400, 'twice')
    t.equal((await admin.ask(method, path, { ...asked, ifMatch: '"1-9"' })).status, 412, 'stale')
  }
  for (const verb of ['rollback', 'pause', 'resume']) {
    t.equal((await admin.ask('POST', `${PATH}/${verb}`)).status, 200, verb)
  }
})

t.test('shows the current document when a change was stale', async t => {
  const admin = await startAdmin(t)
  const old = admin.etag()
  await put(admin, { stable: 90, canary: 10 })
  const reply = await admin.ask('PUT', PATH, { ifMatch: old, body: { weights: { stable: 100 } } })
  t.equal(reply.status, 412)
  t.equal(reply.headers.etag, '"1-2"')
  t.match(member(reply, 'document'), { epoch: 1, revision: 2, weights: { stable: 90, canary: 10 } })
  t.match(member(reply, 'detail'), '1-2')
})

t.test('lets exactly one through when 50 operators change the same revision at once', async t => {
  const admin = await startAdmin(t)
  for (let round = 0; round < 3; round++) {
    const ifMatch = admin.etag()
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        admin.ask('PUT', PATH, { ifMatch, body: { weights: others(50 * round + i + 1) } })
      )
    )
    const statuses = replies.map(({ status }) => status)
    t.equal(statuses.filter(status => status === 200).length, 1, 'one winner')
    t.equal(statuses.filter(status => status === 412).length, 49, 'all others are told')
    const winner = replies.find(({ status }) => status === 200)
    t.equal(winner?.headers.etag, admin.etag(), 'and its answer is the state')
  }
  t.equal((await admin.audit()).filter(({ type }) => type === 'weights').length, 3)
})

t.test(
  'gives the first answer again when a change is repeated with its Idempotency-Key',
  async t => {
    const admin = await startAdmin(t)
    const ask = {
      ifMatch: admin.etag(),
      body: { weights: { stable: 90, canary: 10 } },
      headers: { 'idempotency-key': 'deploy-812' }
    }
    const both = await Promise.all([admin.ask('PUT', PATH, ask), admin.ask('PUT', PATH, ask)])
    t.same(both.map(({ status }) => status).sort(), [200, 200], 'at the same time')
    await put(admin, { stable: 80, canary: 20 })
    const again = await admin.ask('PUT', PATH, ask)
    t.equal(again.status, 200, 'and after another change')
    t.equal(again.headers.etag, '"1-2"')
    t.equal(admin.etag(), '"1-3"', 'which stays')
    t.equal((await admin.audit()).filter(({ type }) => type === 'weights').length, 2)
    const other = await admin.ask('PUT', PATH, { ...ask, body: { weights: { stable: 100 } } })
    t.equal(other.status, 422)
    t.equal(codeOf(other), 'SLC_ADMIN_KEY_REUSED')
    const admins = await admin.ask('PUT', PATH, { ...ask, token: TOKENS.admin })
    t.equal(admins.status, 412, 'another caller has keys of its own')
    const without = await admin.ask('PUT', PATH, { ...ask, headers: {} })
    t.equal(without.status, 412, 'and without a key a repeat is stale')
    for (const key of ['', 'a b', 'ä', 'x'.repeat(256), ['a', 'b']]) {
      const headers = { 'idempotency-key': key }
      t.equal(
        (await admin.ask('POST', `${PATH}/pause`, { headers })).status,
        400,
        String(key).slice(0, 9)
      )
    }
  }
)

t.test('tries again when the first attempt with a key was refused', async t => {
  const admin = await startAdmin(t)
  const headers = { 'idempotency-key': 'k' }
  const body = { weights: { stable: 90, canary: 10 } }
  t.equal((await admin.ask('PUT', PATH, { ifMatch: '"9-9"', body, headers })).status, 412)
  t.equal((await admin.ask('PUT', PATH, { ifMatch: admin.etag(), body, headers })).status, 200)
})

t.test('rolls back without a revision, latches, and is repeated with success', async t => {
  const admin = await startAdmin(t)
  await put(admin, { stable: 60, canary: 40 })
  const first = await admin.ask('POST', `${PATH}/rollback`, {
    token: TOKENS.breaker,
    body: { reason: 'scores' }
  })
  t.equal(first.status, 200)
  t.match(first.body, { route: 'demo', scope: 'fleet', replicas: { applied: 1, of: 1 } })
  const again = await admin.ask('POST', `${PATH}/rollback`, {
    token: TOKENS.breaker,
    body: { variant: 'canary' }
  })
  t.equal(again.status, 200)
  t.same(member(again, 'rollbacks'), member(first, 'rollbacks'), 'the same rollback')
  const raise = await put(admin, { stable: 90, canary: 10 })
  t.equal(raise.status, 409)
  t.equal(codeOf(raise), 'SLC_ROLLED_BACK')
  const [rollback] = rollbacksOf(first.body)
  t.match(member(raise, 'detail'), rollback?.id ?? 'no id')
  t.equal(raise.headers.etag, admin.etag())
  t.match(member(raise, 'document'), { weights: { stable: 100, canary: 0 } })
  t.equal((await admin.audit()).filter(({ type }) => type === 'rollback').length, 1)

  const clear = (id: string) =>
    admin.ask('POST', `${PATH}/clear`, { ifMatch: admin.etag(), body: { rollback: id } })
  t.equal(codeOf(await clear('rb-unknown')), 'SLC_UNKNOWN_ROLLBACK')
  const cleared = await clear(rollback?.id ?? '')
  t.equal(cleared.status, 200)
  t.match(member(cleared, 'weights'), { stable: 100, canary: 0 }, 'the weight stays 0')
  t.equal((await put(admin, { stable: 90, canary: 10 })).status, 200, 'until somebody raises it')
})

t.test('refuses the rollback of what is no challenger when it is named', async t => {
  const admin = await startAdmin(t)
  for (const variant of ['stable', 'nobody', '__proto__', 'A', '', 7, null]) {
    const body = JSON.stringify({ variant })
    const { status } = await admin.ask('POST', `${PATH}/rollback`, { body })
    t.equal(status, 400, String(variant))
  }
})

t.test('rolls a model version back wherever it has weight when it is named', async t => {
  const admin = await startAdmin(t)
  await put(admin, { stable: 60, canary: 40 })
  const ask = (body: unknown) =>
    admin.ask('POST', '/admin/v1/rollback', { token: TOKENS.breaker, body })
  const reply = await ask({ modelVersion: '4', reason: 'bad build' })
  t.equal(reply.status, 200)
  t.same(rollbackRoutes(reply.body), ['demo', 'other'])
  t.same((await ask({ modelVersion: '99' })).body, [], 'nothing has it')
  t.equal((await ask({})).status, 400)
  t.equal((await ask({ modelVersion: 4 })).status, 400)
})

t.test(
  'refuses raises of a paused challenger and allows them again when it is resumed',
  async t => {
    const admin = await startAdmin(t)
    await put(admin, { stable: 90, canary: 10 })
    const paused = await admin.ask('POST', `${PATH}/pause`, {
      body: { variant: 'canary', reason: 'freeze' }
    })
    t.match(paused.body, { phase: 'paused', weights: { canary: 10 } })
    const raise = await put(admin, { stable: 80, canary: 20 })
    t.equal(raise.status, 409)
    t.equal(codeOf(raise), 'SLC_PAUSED')
    t.equal((await put(admin, { stable: 95, canary: 5 })).status, 200, 'lowering is allowed')
    t.equal((await admin.ask('POST', `${PATH}/resume`)).status, 200)
    t.equal((await put(admin, { stable: 80, canary: 20 })).status, 200)
  }
)

t.test(
  'has one log line for every refused change, with who and what, and none for a read',
  async t => {
    const admin = await startAdmin(t)
    await admin.ask('PUT', PATH, { token: null })
    await admin.ask('PUT', PATH, { token: TOKENS.viewer })
    await admin.ask('PUT', PATH, { headers: { host: 'evil.test' } })
    await admin.ask('PUT', PATH, { body: '{' })
    await admin.ask('DELETE', '/admin/v1/nothing')
    await admin.ask('GET', '/admin/v1/nothing')
    const lines = admin.log().filter(({ msg }) => msg === 'change refused')
    t.same(
      lines.map(({ by, method, status }) => [by, method, status]),
      [
        [null, 'PUT', 401],
        ['the-viewer', 'PUT', 403],
        [null, 'PUT', 421],
        ['the-operator', 'PUT', 428],
        ['the-operator', 'DELETE', 404]
      ]
    )
    for (const line of lines)
      t.match(line, { requestId: /./, address: '127.0.0.1', path: /^\/admin/, code: /^SLC_/ })
  }
)

t.test('keeps a plain X-Request-Id of the client and makes one else, when it answers', async t => {
  const admin = await startAdmin(t)
  const ask = async (id: string | string[]) =>
    (await admin.ask('GET', PATH, { headers: { 'x-request-id': id } })).headers['x-request-id']
  t.equal(await ask('deploy-812.a_b'), 'deploy-812.a_b')
  for (const id of ['a b', 'x'.repeat(129), '{"a":1}', ['a', 'b'], ''])
    t.match(await ask(id), /^[0-9a-f-]{36}$/)
})

t.test(
  'refuses a reason that could write into a terminal when it has control characters',
  async t => {
    const admin = await startAdmin(t)
    for (const reason of ['a\u001b[2J', 'a\r\nb', '\u009b2J', 'x'.repeat(501), 7]) {
      t.equal((await admin.ask('POST', `${PATH}/pause`, { body: { reason } })).status, 400)
    }
    const fine = 'läuft — "gut" <b>'
    t.equal((await admin.ask('POST', `${PATH}/pause`, { body: { reason: fine } })).status, 200)
    t.equal((await admin.audit()).at(-1)?.reason, fine)
  }
)

t.test('says nothing of the cause and logs it when something fails that should not', async t => {
  const admin = await startAdmin(t, {
    control: real => ({
      ...real,
      weights: () =>
        Promise.reject(Object.assign(new Error('no space: /secret/path'), { code: 'ENOSPC' }))
    })
  })
  const reply = await put(admin, { stable: 90, canary: 10 })
  t.equal(reply.status, 500)
  t.equal(codeOf(reply), 'SLC_INTERNAL')
  t.notMatch(reply.text, 'secret', 'its text stays inside')
  t.match(admin.logText(), 'no space', 'and is in the log')
})

function put(admin: TestAdmin, weights: Readonly<Record<string, number>>, more: object = {}) {
  return admin.ask('PUT', PATH, { ifMatch: admin.etag(), body: { weights, ...more } })
}

/** Weights that are not those of any other `n`, so that none of them changes nothing. */
function others(n: number): Readonly<Record<string, number>> {
  return { stable: (10_000 - n) / 100, canary: n / 100 }
}

type Rollbacks = readonly { readonly variant: string; readonly id: string }[]

function rollbacksOf(body: unknown): Rollbacks {
  // The answer of the call under test, as ports.ts has it.
  return (body as { rollbacks: Rollbacks }).rollbacks
}

function rollbackRoutes(body: unknown): readonly string[] {
  // The answer of the call under test, as ports.ts has it.
  return (body as readonly { route: string }[]).map(({ route }) => route)
}
