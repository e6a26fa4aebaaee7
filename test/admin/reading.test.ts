/**
 * What the API shows: documents as the schemas say, the audit log, explanations, the configuration, and what is
 * not there yet.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { sinceTime } from '../../src/admin/routes/decisions.ts'
import {
  Decisions,
  Explained,
  ProblemDocument,
  Ready,
  RollbackDone,
  Route,
  Routes,
  RunningConfig
} from '../../src/admin/schemas.ts'
import { codeOf, type Reply, startAdmin, TOKENS } from '../helpers/admin.ts'

const R = '/admin/v1/routes/demo'

t.test('answers as its own description says when it is asked', async t => {
  const admin = await startAdmin(t)
  await admin.ask('PUT', R, {
    ifMatch: admin.etag(),
    body: { weights: { stable: 90, canary: 10 } }
  })
  const rolledBack = await admin.ask('POST', `${R}/rollback`)
  const check = (what: string, schema: TSchema, { body }: Reply) =>
    t.same(Compile(schema).Errors(body), [], what)
  check('routes', Routes, await admin.ask('GET', '/admin/v1/routes'))
  check('route', Route, await admin.ask('GET', R))
  check('rollback', RollbackDone, rolledBack)
  check('decisions', Decisions, await admin.ask('GET', `${R}/decisions`))
  check('explain', Explained, await admin.ask('GET', `${R}/explain?unit=u-1`))
  check('config', RunningConfig, await admin.ask('GET', '/admin/v1/config'))
  check('readyz', Ready, await admin.ask('GET', '/readyz', { token: null }))
  check('problem', ProblemDocument, await admin.ask('GET', '/admin/v1/nothing'))
})

t.test('shows a route with its ETag, weights and ranges when it is read', async t => {
  const admin = await startAdmin(t)
  await admin.ask('PUT', R, {
    ifMatch: admin.etag(),
    body: { weights: { stable: 90, canary: 10 } }
  })
  const reply = await admin.ask('GET', R, { token: TOKENS.viewer })
  t.equal(reply.headers.etag, '"1-2"')
  t.match(reply.body, {
    schema: 1,
    route: 'demo',
    epoch: 1,
    revision: 2,
    champion: 'stable',
    phase: 'steady',
    weights: { stable: 90, canary: 10 },
    ranges: { canary: [[0, 1000]], stable: [[1000, 10_000]] },
    replicas: { applied: 1, of: 1 }
  })
  t.equal((await admin.ask('HEAD', R)).headers.etag, '"1-2"', 'HEAD too')
  const all = await admin.ask('GET', '/admin/v1/routes')
  t.match(all.body, [{ route: 'demo' }, { route: 'other' }])
})

t.test(
  'gives the newest decisions first, of one route, as far back as asked, when they are read',
  async t => {
    const admin = await startAdmin(t)
    for (const share of [10, 20, 30]) {
      const body = { weights: { stable: 100 - share, canary: share }, reason: `to ${share}` }
      await admin.ask('PUT', R, { ifMatch: admin.etag(), body })
    }
    await admin.ask('POST', '/admin/v1/routes/other/pause')
    const reasons = async (query: string) => {
      const { status, body } = await admin.ask('GET', `${R}/decisions${query}`, {
        token: TOKENS.viewer
      })
      t.equal(status, 200, query)
      // As ports.ts has it; checked against the schema above.
      return (body as readonly { type: string; reason: string }[])
        .filter(({ type }) => type === 'weights')
        .map(({ reason }) => reason)
    }
    t.same(await reasons(''), ['to 30', 'to 20', 'to 10'])
    t.same(await reasons('?limit=2'), ['to 30', 'to 20'])
    t.same(await reasons('?since=1h'), ['to 30', 'to 20', 'to 10'])
    t.same(await reasons('?since=2100-01-01T00:00:00Z'), [])
    t.same(await reasons('?since=2020-01-01T00:00:00Z&limit=1'), ['to 30'])
    for (const query of [
      '?limit=0',
      '?limit=-1',
      '?limit=1.5',
      '?limit=1e2',
      '?limit=99999',
      '?limit=',
      '?since=yesterday',
      '?since=1y',
      '?since=',
      '?since=1h&since=2h',
      '?sinse=1h'
    ]) {
      t.equal((await admin.ask('GET', `${R}/decisions${query}`)).status, 400, query)
    }
  }
)

t.test('reads a time or a duration when since is given', t => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  t.equal(sinceTime('30s', now), '2026-03-01T11:59:30.000Z')
  t.equal(sinceTime('1h', now), '2026-03-01T11:00:00.000Z')
  t.equal(sinceTime('7d', now), '2026-02-22T12:00:00.000Z')
  t.equal(sinceTime('2026-01-31T12:00:00+02:00', now), '2026-01-31T10:00:00.000Z')
  t.equal(sinceTime('2026-01-31', now), '2026-01-31T00:00:00.000Z')
  for (const wrong of ['1', 'h', '1 h', '-1h', '1.5h', '2026-13-01', 'Jan 1', '999999999d']) {
    t.throws(() => sinceTime(wrong, now), { code: 'SLC_ADMIN_MEANING' }, wrong)
  }
  t.end()
})

t.test(
  'explains by the code that routes when it gets a unit or the facts of a request',
  async t => {
    const admin = await startAdmin(t)
    await admin.ask('PUT', R, {
      ifMatch: admin.etag(),
      body: { weights: { stable: 50, canary: 50 } }
    })
    const get = await admin.ask('GET', `${R}/explain?unit=u-7`, { token: TOKENS.viewer })
    t.match(get.body, {
      unit: 'u-7',
      salt: 'demo.0',
      cohort: 'hash',
      reason: 'hash',
      revision: '1-2'
    })
    const post = (body: unknown) =>
      admin.ask('POST', `${R}/explain`, { token: TOKENS.viewer, body })
    t.same((await post({ unit: 'u-7' })).body, get.body)
    t.same(
      (await post({ headers: { 'X-User-Id': 'u-7' } })).body,
      get.body,
      'the unit from its field'
    )
    t.match((await post({ headers: {} })).body, { unit: null, variant: 'stable', cohort: 'other' })
    t.equal((await post({ headers: { a: '1', A: '2' } })).status, 400, 'a field twice')
    t.equal((await post({ unit: 'ä'.repeat(200) })).status, 400, 'more than 256 bytes')
    for (const query of ['', '?unit=', `?unit=${'x'.repeat(257)}`, '?unit=a&unit=b', '?user=a']) {
      t.equal((await admin.ask('GET', `${R}/explain${query}`)).status, 400, query.slice(0, 20))
    }
  }
)

t.test('shows the configuration without secrets and with its drift when it is read', async t => {
  const admin = await startAdmin(t)
  await admin.ask('PUT', R, {
    ifMatch: admin.etag(),
    body: { weights: { stable: 90, canary: 10 } }
  })
  const { body, text } = await admin.ask('GET', '/admin/v1/config', { token: TOKENS.viewer })
  t.match(body, { config: { routes: Object }, drift: [{ route: 'demo', what: 'weights' }] })
  t.notMatch(text, /[0-9a-f]{64}/, 'no digest of a token')
})

t.test('loads a good file and refuses a bad one when a reload is asked for', async t => {
  const admin = await startAdmin(t)
  const reload = () =>
    admin.ask('POST', '/admin/v1/config/reload', { token: TOKENS.admin, body: { reason: 'edit' } })
  t.same((await reload()).status, 200)
  await writeFile(join(admin.directory, 'sluice.yaml'), 'routes: [')
  const refused = await reload()
  t.equal(refused.status, 409)
  t.equal(codeOf(refused), 'SLC_RELOAD_REFUSED')
  t.equal((await admin.ask('GET', R)).status, 200, 'the old one keeps running')
})

t.test('is ready with reasons when it is asked, and not ready while it drains', async t => {
  const admin = await startAdmin(t)
  t.match(await admin.ask('GET', '/readyz', { token: null }), {
    status: 200,
    body: { ready: true }
  })
  admin.control.leave()
  const leaving = await admin.ask('GET', '/readyz', { token: null })
  t.match(leaving, { status: 503, body: { ready: false, reasons: ['draining'] } })
  t.match(await admin.ask('GET', '/healthz', { token: null }), {
    status: 200,
    body: { status: 'live' }
  })
})

t.test('answers 501 after all checks when a part is not there yet', async t => {
  const admin = await startAdmin(t)
  const ifMatch = admin.etag()
  const later = [
    ['POST', `${R}/advance`, { ifMatch }],
    ['POST', `${R}/promote`, {}],
    ['POST', `${R}/abort`, { body: { reason: 'x' } }],
    ['POST', `${R}/retry`, {}],
    ['POST', `${R}/rollouts`, { body: { challenger: 'canary', plan: 'default' } }]
  ] as const
  for (const [method, path, ask] of later) {
    const reply = await admin.ask(method, path, ask)
    t.equal(reply.status, 501, `${method} ${path}`)
    t.equal(codeOf(reply), 'SLC_NOT_AVAILABLE')
  }
  const before = [
    ['POST', `${R}/advance`, { ifMatch: '"9-9"' }, 412],
    ['POST', `${R}/rollouts`, { body: '{"a":1,"a":2}' }, 400],
    ['POST', `${R}/promote`, { body: { force: true } }, 400],
    ['POST', '/admin/v1/routes/nowhere/promote', {}, 404],
    ['POST', `${R}/promote`, { token: TOKENS.breaker }, 403],
    ['POST', `${R}/advance`, {}, 428]
  ] as const
  for (const [method, path, ask, status] of before) {
    t.equal((await admin.ask(method, path, ask)).status, status, `${method} ${path} ${status}`)
  }
})
