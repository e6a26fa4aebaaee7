/**
 * The stream of events: everything once and in order, also for one who comes back; bounded for those who do not
 * read; and never in the way of a stop.
 */
import http from 'node:http'
import t, { type Test } from 'tap'
import { MAX_CLIENTS } from '../../src/admin/event-streams.ts'
import { codeOf, startAdmin, type TestAdmin, TOKENS } from '../helpers/admin.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { until } from '../helpers/until.ts'

const R = '/admin/v1/routes/demo'
const EVENTS = '/admin/v1/events'

t.test('tells each change once with its audit sequence when a viewer listens', async t => {
  const admin = await startAdmin(t)
  const stream = await listen(t, admin)
  t.equal(stream.response.headers['content-type'], 'text/event-stream')
  t.equal(stream.response.headers['cache-control'], 'no-store')
  await weights(admin, 10)
  await admin.ask('POST', `${R}/pause`, { body: { variant: 'canary' } })
  await admin.ask('POST', `${R}/resume`)
  await admin.ask('POST', `${R}/rollback`)
  await until('four events', () => stream.events().length >= 4)
  t.same(
    stream.events().map(({ event }) => event),
    ['weights', 'pause', 'resume', 'rollback']
  )
  const entries = (await admin.audit()).filter(({ type }) => type !== 'access')
  for (const { id, event, data } of stream.events()) {
    const entry = entries.find(({ sequence }) => String(sequence) === id)
    t.same(JSON.parse(data), entry, `${event} is its audit entry`)
  }
})

t.test(
  'sends what was missed, then what happens, without gap or repeat, when a client comes back',
  async t => {
    const admin = await startAdmin(t)
    for (let i = 1; i <= 5; i++) await weights(admin, i)
    const all = (await admin.audit()).filter(({ type }) => type === 'weights')
    const seen = all[1]?.sequence ?? 0
    const changing = (async () => {
      for (let i = 6; i <= 25; i++) await weights(admin, i)
    })()
    const stream = await listen(t, admin, { 'last-event-id': String(seen) })
    await changing
    const final = (await admin.audit()).filter(
      ({ type, sequence }) => type === 'weights' && sequence > seen
    )
    await until('all events', () => stream.events().length >= final.length)
    t.same(
      stream.events().map(({ id }) => Number(id)),
      final.map(({ sequence }) => sequence)
    )
  }
)

t.test(
  'sends everything there is, page by page, when the client has seen nothing of it',
  async t => {
    const admin = await startAdmin(t)
    const draft = {
      type: 'config' as const,
      route: null,
      variant: null,
      by: 'x',
      reason: '',
      requestId: ''
    }
    for (let i = 0; i < 600; i++) {
      await admin.control.audit({
        ...draft,
        before: null,
        after: null,
        evidence: null,
        revision: null
      })
    }
    const stream = await listen(t, admin, { 'last-event-id': '0' })
    const last = (await admin.audit()).length
    await until('all events', () => stream.events().at(-1)?.id === String(last))
    const ids = stream.events().map(({ id }) => Number(id))
    t.same(
      ids,
      ids.map((_, i) => i + (ids[0] ?? 0)),
      'in order, each once'
    )
    t.ok(ids.length >= 600)
  }
)

t.test('tells nobody of refused access when a token was wrong', async t => {
  const admin = await startAdmin(t)
  const stream = await listen(t, admin)
  await admin.ask('GET', R, { token: 'wrong' })
  await until('the audit', async () => (await admin.audit()).some(({ type }) => type === 'access'))
  await weights(admin, 10)
  await until('an event', () => stream.events().length >= 1)
  t.same(
    stream.events().map(({ event }) => event),
    ['weights']
  )
  const replayed = await listen(t, admin, { 'last-event-id': '0' })
  await until('the replay', () => replayed.events().some(({ event }) => event === 'weights'))
  t.notOk(replayed.events().some(({ event }) => event === 'access'))
})

t.test('refuses with 400 when Last-Event-ID is no id', async t => {
  const admin = await startAdmin(t)
  for (const id of ['x', '-1', '1.5', '1e3', '9'.repeat(20)]) {
    const reply = await admin.ask('GET', EVENTS, { headers: { 'last-event-id': id } })
    t.equal(reply.status, 400, id)
  }
  t.equal((await admin.ask('HEAD', EVENTS)).status, 405)
})

t.test(
  'refuses the next with 503 when all places are taken, and frees them when clients leave',
  async t => {
    const admin = await startAdmin(t)
    const streams = []
    for (let i = 0; i < MAX_CLIENTS; i++) streams.push(await listen(t, admin))
    const full = await admin.ask('GET', EVENTS)
    t.equal(full.status, 503)
    t.equal(codeOf(full), 'SLC_ADMIN_EVENTS_FULL')
    for (const { close } of streams) close()
    const again = await until('a place', async () => {
      const next = await tryListen(admin)
      return next.response.statusCode === 200 ? next : undefined
    })
    again.close()
  }
)

t.test('drops a client that does not read, and nobody else, when much happens', async t => {
  const admin = await startAdmin(t)
  const reader = await listen(t, admin)
  const sleeper = await rawClient(admin.port)
  sleeper.send(
    `GET ${EVENTS} HTTP/1.1\r\nHost: 127.0.0.1:${admin.port}\r\nAuthorization: Bearer ${TOKENS.viewer}\r\n\r\n`
  )
  await sleeper.until(() => sleeper.bytes().includes('connected'))
  sleeper.pause()
  const draft = {
    type: 'config' as const,
    route: null,
    variant: null,
    by: 'x',
    reason: '',
    requestId: ''
  }
  const evidence = { text: 'x'.repeat(60_000) }
  const sent = 300
  for (let i = 0; i < sent; i++) {
    await admin.control.audit({ ...draft, before: null, after: null, evidence, revision: null })
  }
  await until('the reader to have all', () => reader.events().length >= sent)
  sleeper.resume()
  t.ok(await sleeper.until(() => sleeper.end() !== 'open'), 'the sleeper was cut off')
  t.ok(sleeper.bytes().length < sent * 60_000, 'and has not got all')
  sleeper.close()
})

t.test('ends the streams when the listener stops', async t => {
  const admin = await startAdmin(t)
  const stream = await listen(t, admin)
  await admin.stop()
  await until('the end', () => stream.ended())
})

type Event = { readonly id: string; readonly event: string; readonly data: string }
type Stream = {
  readonly response: http.IncomingMessage
  readonly events: () => readonly Event[]
  readonly ended: () => boolean
  readonly close: () => void
}

async function listen(
  t: Test,
  admin: TestAdmin,
  headers: Record<string, string> = {}
): Promise<Stream> {
  const stream = await tryListen(admin, headers)
  t.teardown(stream.close)
  t.equal(stream.response.statusCode, 200)
  return stream
}

function tryListen(admin: TestAdmin, headers: Record<string, string> = {}): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const request = http.get({
      port: admin.port,
      path: EVENTS,
      agent: false,
      headers: {
        host: `127.0.0.1:${admin.port}`,
        authorization: `Bearer ${TOKENS.viewer}`,
        ...headers
      }
    })
    request.once('error', reject)
    request.once('response', response => {
      let text = ''
      let ended = false
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', () => undefined).once('close', () => (ended = true))
      request.on('error', () => undefined)
      resolve({
        response,
        events: () => parse(text),
        ended: () => ended,
        close: () => void request.destroy()
      })
    })
  })
}

function parse(text: string): readonly Event[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .flatMap(block => {
      const [, id, event, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? []
      return id !== undefined && event !== undefined && data !== undefined
        ? [{ id, event, data }]
        : []
    })
}

function weights(admin: TestAdmin, canary: number) {
  const body = { weights: { stable: 100 - canary, canary } }
  return admin.ask('PUT', R, { ifMatch: admin.etag(), body })
}
