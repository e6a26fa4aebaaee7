/**
 * Shadows in the running product: who gets copies, what copies look like, and that every one is accounted for.
 */
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { type Answer, type Recorded, startAnswering } from '../helpers/answering.ts'
import { pairsIn, shadowedRoute, shadowOf, sum } from '../helpers/shadowed.ts'
import { type Settings, startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const ROUTES: Readonly<Record<string, readonly [shadow: Settings, route?: Settings]>> = {
  pair: [{ keepHeaders: ['x-api-key'], capture: true, redact: ['/secret'] }],
  several: [{}],
  part: [{ percent: 30 }],
  chance: [{ percent: 30, sample: 'request' }],
  live: [{}, { initialWeights: { v3: 50, v4: 50 } }],
  both: [{ whileLive: true }, { initialWeights: { v3: 50, v4: 50 } }],
  size: [{ maxBody: '1KiB' }],
  model: [{ rewriteModel: 'next' }],
  slow: [{ concurrency: 2, timeout: '500ms' }],
  gone: [{}],
  off: [{}],
  dead: [{}],
  noise: [{ noise: 100 }],
  late: [{ noise: 100, timeout: '100ms' }],
  alike: [{ maxBody: '64KiB' }]
}

const answers = new Map<string, (request: Recorded) => Answer>()
const answerOf =
  (predictions: string) =>
  (request: Recorded): Answer => {
    const own = answers.get(`${request.url.split('/')[1]} ${predictions}`)
    return own?.(request) ?? { body: `{"predictions":${predictions}}` }
  }
const champion = await startAnswering(t, answerOf('[1,2]'))
const challenger = await startAnswering(t, answerOf('[1,3]'))
const router = await startSluice(
  {
    events: { driver: 'file', directory: 'events' },
    routes: Object.fromEntries(
      Object.entries(ROUTES).map(([name, [shadow, route = {}]]) => {
        const settings = shadowedRoute(name, champion.url, challenger.url, shadow, route)
        if (name !== 'several') return [name, settings]
        const second = { name: 'again', variant: 'v4', percent: 100, noise: 0 }
        return [name, { ...settings, shadows: [...(settings['shadows'] as Settings[]), second] }]
      })
    )
  },
  { t }
)

function ask(route: string, user: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${router.dataUrl}/${route}/predict`, {
    method: 'POST',
    body: '{"features":[1]}',
    ...init,
    headers: { 'x-user-id': user, ...init.headers }
  })
}

async function askMany(route: string, users: number, init: RequestInit = {}): Promise<void> {
  for (let at = 0; at < users; at += 20) {
    const group = Array.from({ length: Math.min(20, users - at) }, (_, i) => `user-${at + i}`)
    await Promise.all(group.map(async user => (await ask(route, user, init)).text()))
  }
}

const copiesOf = (route: string): readonly Recorded[] =>
  challenger.requests().filter(({ url }) => url === `/${route}/predict`)

const pairsOf = async (route: string) =>
  (await pairsIn(router.directory)).filter(pair => pair.route === route)

/** Waits until everything that was considered has ended, and gives the figures. */
const settled = (route: string, shadow = 'try') =>
  until(`all copies of ${route} to end`, async () => {
    const view = await shadowOf(router, route, shadow)
    const ended = sum(view.outcomes) + sum(view.dropped)
    return view.considered > 0 && ended === view.considered && view
  })

t.test('copies a request, and pairs both answers', async t => {
  const headers = {
    authorization: 'Bearer secret',
    'x-api-key': 'kept',
    cookie: 'a=b',
    'x-own': '1'
  }
  const response = await ask('pair', 'user-1', { headers, body: '{"secret":"s","n":1}' })
  t.equal(response.status, 200)
  t.equal(await response.text(), '{"predictions":[1,2]}', 'the client gets the champion')
  const [pair] = await until('the pair', async () => {
    const pairs = await pairsOf('pair')
    return pairs.length > 0 && pairs
  })
  const [copy] = copiesOf('pair')
  t.equal(copy?.body, '{"secret":"s","n":1}')
  t.match(copy?.headers, { 'x-sluice-shadow': '1', 'x-own': '1', 'x-api-key': 'kept' })
  t.equal(copy?.headers.authorization, undefined, 'credentials are stripped')
  t.equal(copy?.headers.cookie, undefined)
  t.equal(copy?.headers.host, new URL(challenger.url).host)
  t.match(pair, {
    route: 'pair',
    revision: '1-1',
    primary: { variant: 'v3', model: { version: '3' }, status: 200, outcome: 'ok', bytes: 21 },
    shadow: { name: 'try', variant: 'v4', status: 200, outcome: 'ok', bytes: 21, truncated: false },
    comparison: { compared: true, agree: false, differences: [{ kind: 'number' }] }
  })
  t.match(pair?.unitId, /^[0-9a-f]{32}$/)
  t.match(pair?.primary.sha256, /^[0-9a-f]{64}$/)
  t.equal(pair?.shadow.body, '{"predictions":[1,3]}')
})

t.test('copies to each of several shadows, independently', async t => {
  await askMany('several', 20)
  const [one, other] = [await settled('several'), await settled('several', 'again')]
  t.equal(one.outcomes['ok'], 20)
  t.equal(other.outcomes['ok'], 20)
  await until('a pair of each', async () => (await pairsOf('several')).length === 40)
})

t.test('gives every user all copies or none when it samples by unit', async t => {
  await askMany('part', 200)
  await askMany('part', 200)
  const { considered, dropped, outcomes } = await settled('part')
  t.equal(considered, 400)
  t.equal((dropped['sampled_out'] ?? 0) + (outcomes['ok'] ?? 0), 400)
  const users = copiesOf('part').map(({ headers }) => String(headers['x-user-id']))
  t.equal(new Set(users).size * 2, users.length, 'each of them twice')
  t.ok(users.length > 60 && users.length < 180, `${users.length} of 400`)
})

t.test('samples requests and not users when it is told to', async t => {
  await askMany('chance', 100)
  await askMany('chance', 100)
  await settled('chance')
  const users = copiesOf('chance').map(({ headers }) => String(headers['x-user-id']))
  t.ok(users.length > 30 && users.length < 100, `${users.length} of 200`)
  t.ok(new Set(users).size * 2 > users.length, 'not each of them twice')
})

t.test('pauses while its variant has weight, unless it may go on', async t => {
  await askMany('live', 40)
  await askMany('both', 40)
  const live = await settled('live')
  t.equal(live.state, 'live')
  t.equal(live.dropped['live'], live.considered)
  const both = await settled('both')
  t.equal(both.state, 'on')
  t.equal(both.outcomes['ok'], both.considered)
  t.ok(both.considered < 40, 'the challenger answers its own users, and those are not copied')
})

t.test(
  'drops a request that is larger than its limit, and keeps what is said of a larger answer',
  async t => {
    answers.set('size [1,2]', ({ body }) => (body === '2' ? { body: `"${'x'.repeat(3000)}"` } : {}))
    t.equal((await ask('size', 'u', { body: 'x'.repeat(2000) })).status, 200)
    await (await ask('size', 'u', { body: '2' })).text()
    const { dropped, outcomes } = await settled('size')
    t.equal(dropped['size'], 1)
    t.equal(sum(outcomes), 1)
    const [pair] = await until('the pair', async () => {
      const pairs = await pairsOf('size')
      return pairs.length > 0 && pairs
    })
    t.match(pair?.primary, { truncated: true, bytes: 3002, sha256: null })
    t.match(pair?.comparison, { compared: false, why: 'truncated' })
  }
)

t.test('drops a streamed request that turns out too large, whole', async t => {
  const before = copiesOf('size').length
  await sendChunked(router.dataUrl, '/size/predict', ['x'.repeat(600), 'y'.repeat(600)])
  const { dropped } = await settled('size')
  t.equal(dropped['size'], 2)
  t.equal(copiesOf('size').length, before)
})

t.test('gives the shadow another model name when it is told to', async t => {
  await ask('model', 'u', { body: '{"model": "now", "x": {"model": "inner"}}' })
  const [copy] = await until('the copy', () => copiesOf('model').length > 0 && copiesOf('model'))
  t.equal(copy?.body, '{"model": "next", "x": {"model": "inner"}}')
})

t.test(
  'never has more copies under way than its limit, and ends those that take too long',
  async t => {
    answers.set('slow [1,3]', () => ({ hang: true }))
    await askMany('slow', 20)
    const { dropped, outcomes } = await settled('slow')
    t.ok((outcomes['timeout'] ?? 0) >= 2)
    t.equal((dropped['concurrency'] ?? 0) + (outcomes['timeout'] ?? 0), 20)
  }
)

t.test('goes on with a copy when its client leaves', async t => {
  answers.set('gone [1,2]', () => ({ hang: true }))
  await leaveEarly(router.dataUrl, '/gone/predict')
  const { outcomes } = await settled('gone')
  t.equal(outcomes['ok'], 1)
  const [pair] = await until('the pair', async () => {
    const pairs = await pairsOf('gone')
    return pairs.length > 0 && pairs
  })
  t.match(pair, { primary: { outcome: 'client_gone' }, shadow: { outcome: 'ok' } })
})

t.test('is switched off and on at run time, and every data thread says so', async t => {
  const { revision } = await shadowOf(router, 'off')
  const path = '/admin/v1/routes/off/shadows/try'
  const put = (on: boolean, etag: string) =>
    router.admin(path, {
      method: 'PUT',
      headers: { 'if-match': `"${etag}"` },
      body: JSON.stringify({ on })
    })
  const answer = await put(false, revision)
  t.equal(answer.status, 200)
  t.match(await answer.json(), { on: false, state: 'off', applied: { threads: 1, of: 1 } })
  await askMany('off', 10)
  const off = await settled('off')
  t.equal(off.dropped['off'], 10)
  t.equal((await put(true, off.revision)).status, 200)
  await askMany('off', 10)
  t.equal((await settled('off')).outcomes['ok'], 10)
})

t.test('keeps outcomes of a shadow out of the live counters of its variant', async t => {
  answers.set('dead [1,3]', () => ({ reset: true }))
  await askMany('dead', 30)
  const { outcomes } = await settled('dead')
  t.equal(outcomes['reset'], 30)
  const metrics = await (await fetch(`${router.adminUrl}/metrics`)).text()
  t.match(metrics, /sluice_shadow_requests_total\{route="dead",shadow="try",outcome="reset"\} 30/)
  t.match(metrics, /sluice_requests_total\{route="dead",variant="v4",[^}]*outcome="reset"[^}]*\} 0/)
  t.notMatch(
    metrics,
    /sluice_upstream_errors_total\{route="dead",variant="v4",reason="reset"\} [1-9]/
  )
})

t.test('asks the champion twice for its noise', async t => {
  let calls = 0
  answers.set('noise [1,2]', ({ headers }) =>
    headers.authorization === 'Bearer good'
      ? { body: `{"predictions":[1,${calls++ % 2}]}` }
      : { status: 401 }
  )
  answers.set('noise [1,3]', () => ({ status: 500 }))
  await askMany('noise', 20, { headers: { authorization: 'Bearer good' } })
  const { agreement } = await settled('noise')
  t.equal(champion.requests().filter(({ url }) => url === '/noise/predict').length, 40)
  t.equal(calls, 40, 'the second time with the credentials that it had the first time')
  t.ok(copiesOf('noise').every(({ headers }) => headers.authorization === undefined))
  const status = agreement?.fields.find(({ field }) => field === 'status')
  t.match(status, { noise: { of: 20, differs: 0 }, reported: true })
  t.same(agreement?.noiseMissed, {})
})

t.test('calls it no noise when the champion takes longer than a copy may', async t => {
  answers.set('late [1,2]', ({ headers }) => ({ hang: headers['x-sluice-shadow'] === '1' }))
  answers.set('late [1,3]', () => ({ status: 500 }))
  await askMany('late', 20)
  const { agreement } = await settled('late')
  t.same(agreement?.noiseMissed, { timeout: 20 })
  t.ok(agreement?.fields.every(({ noise, reported }) => noise.of === 0 && !reported))
})

t.test(
  'judges a shadow as it judges the champion when both answer with the same bytes',
  async t => {
    const json = { 'content-type': 'application/json' }
    const gzip = { ...json, 'content-encoding': 'gzip' }
    const zipped = gzipSync('{"predictions":[1,2,3]}')
    const rows: readonly Answer[] = [
      { headers: gzip, body: zipped },
      { headers: gzip, body: zipped.subarray(0, 20) },
      { headers: gzip, body: '' },
      { headers: { ...json, 'content-encoding': 'br, gzip' }, body: gzipSync('') },
      { headers: gzip, body: '{"predictions":[1]}' },
      { headers: { ...json, 'content-encoding': 'made-up' }, body: 'x' },
      { body: `{"predictions":[NaN,${'1,'.repeat(60_000)}1]}` },
      { body: '{"predictions":[null]}' },
      { status: 500, body: '{"error":"x"}' },
      { body: '{"error":"x"}' },
      { headers: { 'content-type': 'text/html' }, body: '<html></html>' }
    ]
    const same = ({ headers }: Recorded): Answer => rows[Number(headers['x-row'])] ?? {}
    answers.set('alike [1,2]', same)
    answers.set('alike [1,3]', same)
    for (const method of ['POST', 'HEAD']) {
      for (let row = 0; row < rows.length; row++) {
        const init = { method, headers: { 'x-row': String(row), 'accept-encoding': 'identity' } }
        await ask('alike', 'u', method === 'HEAD' ? { ...init, body: null } : init)
          .then(response => response.arrayBuffer())
          .catch(() => undefined) // what is no gzip is a fault of the client library
      }
    }
    await settled('alike')
    const pairs = await until('the pairs', async () => {
      const all = await pairsOf('alike')
      return all.length === 2 * rows.length && all
    })
    for (const { requestId, primary, shadow } of pairs) {
      t.same([shadow.outcome, shadow.bad], [primary.outcome, primary.bad], requestId)
    }
    t.equal(pairs.filter(({ primary }) => primary.outcome === 'bad_prediction').length, 7)
  }
)

t.test('records each pair once', async (t: Test) => {
  t.equal((await pairsOf('several')).length, 40)
  const ids = (await pairsIn(router.directory)).map(
    pair => `${pair.route} ${pair.shadow.name} ${pair.requestId}`
  )
  t.equal(new Set(ids).size, ids.length, 'no pair is recorded twice')
})

function sendChunked(url: string, path: string, chunks: readonly string[]): Promise<void> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nX-User-Id: u\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`
      )
      const next = (i: number): void => {
        const chunk = chunks[i]
        if (chunk === undefined) socket.write('0\r\n\r\n')
        else {
          socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`)
          setTimeout(() => next(i + 1), 50)
        }
      }
      next(0)
    })
    socket.on('data', () => undefined)
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })
}

/** Sends a whole request and leaves when its copy has been made. */
async function leaveEarly(url: string, path: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nX-User-Id: u\r\nContent-Length: 2\r\n\r\n{}`)
  await until('the champion to be asked', () =>
    champion.requests().some(request => request.url === path)
  )
  socket.destroy()
}
