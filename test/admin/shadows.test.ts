/**
 * Shadows through the admin API: what is read of them and what switching one leaves behind.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Value } from 'typebox/value'
import { Shadow, Shadows } from '../../src/admin/shadow-schemas.ts'
import { type Ask, codeOf, member, startAdmin, TOKENS } from '../helpers/admin.ts'
import { until } from '../helpers/until.ts'

const R = '/admin/v1/routes/demo'
const ONE = `${R}/shadows/canary-try`

t.test(
  'shows a shadow as it is set and as it runs, with the ETag of the route, when it is read',
  async t => {
    const admin = await startAdmin(t)
    const reply = await admin.ask('GET', ONE, { token: TOKENS.viewer })
    t.equal(reply.status, 200)
    t.equal(reply.headers.etag, admin.etag())
    t.same(Value.Errors(Shadow, reply.body), [])
    t.match(reply.body, {
      route: 'demo',
      shadow: 'canary-try',
      variant: 'canary',
      on: true,
      state: 'on',
      applied: { threads: 1, of: 1 },
      settings: { percent: 10, sample: 'unit', timeout: 5000, maxBody: 1_048_576, noise: 5 },
      considered: 0,
      dropped: { sampled_out: 0, off: 0, credit: 0 },
      outcomes: { ok: 0, timeout: 0 },
      revision: '1-1'
    })
  }
)

t.test(
  'lists every shadow of a route and none where there are none when they are read',
  async t => {
    const admin = await startAdmin(t)
    const reply = await admin.ask('GET', `${R}/shadows`, { token: TOKENS.viewer })
    t.equal(reply.status, 200)
    t.equal(reply.headers.etag, admin.etag())
    t.same(Value.Errors(Shadows, reply.body), [])
    t.match(reply.body, [
      { shadow: 'canary-try' },
      { shadow: 'all', settings: { whileLive: true } }
    ])
    t.same((await admin.ask('GET', '/admin/v1/routes/other/shadows')).body, [])
    t.match((await admin.ask('GET', R)).body, {
      shadows: { 'canary-try': { on: true }, all: { on: true } }
    })
  }
)

t.test(
  'switches a shadow off and on with one audit entry each when the revision is right',
  async t => {
    const admin = await startAdmin(t)
    const off = await admin.ask('PUT', ONE, {
      ifMatch: admin.etag(),
      body: { on: false, reason: 'v4 is too slow' }
    })
    t.match(off, { status: 200, headers: { etag: '"1-2"' }, body: { on: false, state: 'off' } })
    t.match((await admin.ask('GET', R)).body, {
      shadows: { 'canary-try': { on: false }, all: { on: true } },
      weights: { stable: 100, canary: 0 }
    })
    const again = await admin.ask('PUT', ONE, { ifMatch: '"1-2"', body: { on: false } })
    t.match(again, { status: 200, headers: { etag: '"1-2"' } }, 'it is so already')
    const on = await admin.ask('PUT', ONE, { ifMatch: '"1-2"', body: { on: true } })
    t.match(on, { status: 200, headers: { etag: '"1-3"' }, body: { on: true, state: 'on' } })
    const entries = (await admin.audit()).filter(({ type }) => type === 'shadow')
    t.match(entries, [
      {
        by: 'the-operator',
        reason: 'v4 is too slow',
        before: { shadows: {} },
        after: { shadows: { 'canary-try': { on: false } } },
        revision: '1-2'
      },
      { after: { shadows: { 'canary-try': { on: true } } }, revision: '1-3' }
    ])
    t.equal(entries.length, 2)
  }
)

t.test('says that a shadow pauses when its variant has weight, unless it may go on', async t => {
  const admin = await startAdmin(t)
  const raise = { weights: { stable: 90, canary: 10 } }
  t.equal((await admin.ask('PUT', R, { ifMatch: admin.etag(), body: raise })).status, 200)
  t.match((await admin.ask('GET', `${R}/shadows`)).body, [
    { shadow: 'canary-try', on: true, state: 'live' },
    { shadow: 'all', on: true, state: 'on' }
  ])
})

t.test('tells of a shadow that was switched when somebody listens to the events', async t => {
  const admin = await startAdmin(t)
  const seen: { readonly type: string; readonly after: unknown }[] = []
  admin.control.onAudit(entry => seen.push(entry))
  const answer = await fetch(`http://127.0.0.1:${admin.port}/admin/v1/events`, {
    headers: { authorization: `Bearer ${TOKENS.viewer}` }
  })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!reader) throw new Error('the stream has no body')
  await admin.ask('PUT', ONE, { ifMatch: admin.etag(), body: { on: false } })
  let text = ''
  await until('the event is there', async () => {
    text += (await reader.read()).value ?? ''
    return text.includes('event: shadow')
  })
  await reader.cancel()
  t.match(text, /id: \d+\nevent: shadow\ndata: \{.*"canary-try":\{"on":false\}/)
  t.match(seen, [{ type: 'shadow' }])
})

t.test(
  'keeps the switch and shows nothing of it when a shadow leaves the configuration and comes back',
  async t => {
    const admin = await startAdmin(t)
    const file = join(admin.directory, 'sluice.yaml')
    const before = await readFile(file, 'utf8')
    const reload = () => admin.ask('POST', '/admin/v1/config/reload', { token: TOKENS.admin })
    await admin.ask('PUT', ONE, { ifMatch: admin.etag(), body: { on: false } })

    await writeFile(file, before.replace(/ +- { name: canary-try.*\n/, ''))
    t.match(await reload(), { status: 200, body: { changed: ['demo'] } })
    t.equal((await admin.ask('GET', ONE)).status, 404)
    const there = await admin.ask('GET', R)
    t.same(member(there, 'shadows'), { all: { on: true } })
    const raise = { weights: { stable: 95, canary: 5 } }
    t.equal((await admin.ask('PUT', R, { ifMatch: admin.etag(), body: raise })).status, 200)

    await writeFile(file, before)
    t.equal((await reload()).status, 200)
    t.match((await admin.ask('GET', ONE)).body, { on: false, state: 'off' })
  }
)

t.test('checks in the order of the page when a switch is asked for', async t => {
  const admin = await startAdmin(t)
  const ifMatch = admin.etag()
  const body = { on: false }
  const cases: readonly (readonly [string, Ask, number, string])[] = [
    [ONE, { token: null, body }, 401, 'SLC_ADMIN_TOKEN'],
    [`${R}/shadows/nothing`, { token: TOKENS.breaker, body }, 403, 'SLC_ADMIN_ROLE'],
    [`${R}/shadows/CANARY`, { body }, 400, 'SLC_ADMIN_NAME'],
    ['/admin/v1/routes/none/shadows/canary-try', { body }, 404, 'SLC_ADMIN_NOT_FOUND'],
    [`${R}/shadows/nothing`, { body: 'x', ifMatch: '*' }, 404, 'SLC_ADMIN_NOT_FOUND'],
    [`${R}/shadows/constructor`, { body, ifMatch }, 404, 'SLC_ADMIN_NOT_FOUND'],
    ['/admin/v1/routes/other/shadows/canary-try', { body, ifMatch }, 404, 'SLC_ADMIN_NOT_FOUND'],
    [ONE, { body: '{', headers: { 'content-type': 'text/plain' } }, 415, 'SLC_ADMIN_CONTENT_TYPE'],
    [ONE, { body: ' '.repeat(70_000) }, 413, 'SLC_ADMIN_TOO_LARGE'],
    [ONE, { body: '{' }, 428, 'SLC_ADMIN_IF_MATCH'],
    [ONE, { body: '{', ifMatch: 'W/"1-1"' }, 400, 'SLC_ADMIN_IF_MATCH_INVALID'],
    [ONE, { body: '{"on":true,"on":false}', ifMatch: '"9-9"' }, 400, 'SLC_ADMIN_JSON'],
    [ONE, { body: { on: 'no' }, ifMatch: '"9-9"' }, 412, 'SLC_STALE'],
    [ONE, { body: { on: 'no' }, ifMatch }, 400, 'SLC_ADMIN_MEANING'],
    [ONE, { body: {}, ifMatch }, 400, 'SLC_ADMIN_MEANING'],
    [ONE, { body: { on: true, percent: 5 }, ifMatch }, 400, 'SLC_ADMIN_MEANING'],
    [ONE, { body: { on: true, reason: 'a\nb' }, ifMatch }, 400, 'SLC_ADMIN_MEANING'],
    [`${ONE}?dryRun=true`, { body, ifMatch }, 400, 'SLC_ADMIN_MEANING']
  ]
  for (const [path, ask, status, code] of cases) {
    const reply = await admin.ask('PUT', path, ask)
    t.equal(reply.status, status, `${path} ${JSON.stringify(ask).slice(0, 100)}`)
    t.equal(codeOf(reply), code)
  }
  t.equal((await admin.ask('GET', `${R}/shadows/nothing`)).status, 404)
  const other = await admin.ask('DELETE', ONE, { ifMatch })
  t.match(other, { status: 405, headers: { allow: 'GET, HEAD, PUT' } })
  t.match(await admin.ask('POST', `${R}/shadows`), { status: 405, headers: { allow: 'GET, HEAD' } })
  t.equal(admin.etag(), ifMatch, 'nothing has changed')
  const stale = await admin.ask('PUT', ONE, { ifMatch: '"1-9"', body })
  t.match(member(stale, 'document'), { route: 'demo', shadows: { 'canary-try': { on: true } } })
})
