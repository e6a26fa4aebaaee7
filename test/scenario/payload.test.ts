/**
 * The whole product with units in bodies and answers that are read: the same user gets the same variant that
 * `explain` tells, and a model that answers NaN under gzip leaves by itself.
 */
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { startAnswering } from '../helpers/answering.ts'
import { samplesOf, sumBy } from '../helpers/metrics.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { shadowedRoute, shadowOf } from '../helpers/shadowed.ts'
import { type Settings, type Sluice, startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

type Teardown = { teardown(done: () => unknown): unknown }

/** A chat model that answers gzip, in streams where it is asked to; `nan` makes its answers bad. */
async function chatModel(t: Teardown, content: string | null): Promise<string> {
  const server = createServer((req, res) => {
    const pieces: Buffer[] = []
    req.on('data', (piece: Buffer) => pieces.push(piece))
    req.on('end', () => {
      const stream = Buffer.concat(pieces).includes('"stream":true')
      const usage = { prompt_tokens: 4, completion_tokens: 2 }
      if (!stream) {
        const choices = [{ index: 0, message: { role: 'assistant', content } }]
        res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        res.end(gzipSync(JSON.stringify({ choices, usage })))
        return
      }
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const text of ['', 'Hel', 'lo'])
        res.write(
          `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\n`
        )
      res.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

function config(stable: string, canary: string): Settings {
  return {
    telemetry: { listen: '127.0.0.1:0' },
    accessLog: { format: 'json', sample: '100%' },
    routes: {
      chat: {
        match: { paths: ['/v1/'] },
        protocol: 'openai',
        hashOn: [{ header: 'x-user-id' }, { field: 'user' }, { field: 'metadata.user_id' }],
        variants: { stable: { upstreams: [stable] }, canary: { upstreams: [canary] } },
        champion: 'stable',
        initialWeights: { stable: 50, canary: 50 }
      }
    }
  }
}

async function ask(
  sluice: Sluice,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {}
): Promise<Response> {
  const answer = await fetch(new URL('/v1/chat/completions', sluice.dataUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(50_000) }], ...body })
  })
  await answer.text()
  return answer
}

async function explained(sluice: Sluice, unit: string): Promise<unknown> {
  const answer = await sluice.admin(`/admin/v1/routes/chat/explain?unit=${unit}`)
  const said: unknown = await answer.json()
  return typeof said === 'object' && said !== null && 'variant' in said ? said.variant : said
}

test('gives a user the variant that explain tells when the user stands in the body, anywhere in it', async t => {
  const model = await chatModel(t, 'hello')
  const sluice = await startSluice(config(model, model), { t })
  for (const user of ['ada', 'grace', '17', 'barbara', 'radia', 'katherine']) {
    const wanted = await explained(sluice, user)
    const variant = async (body: object, headers = {}) =>
      (await ask(sluice, { ...body }, headers)).headers.get('x-sluice-variant')
    t.equal(await variant({ user }), wanted)
    t.equal(await variant({ metadata: { user_id: user }, stream: true }), wanted)
    t.equal(await variant({ user: 'somebody-else' }, { 'x-user-id': user }), wanted)
  }
  const telemetry = sluice.telemetryUrl ?? ''
  const total = async (name: string, label = 'route') =>
    sumBy(await samplesOf(telemetry, name), label)
  await until(
    'the tokens',
    async () => (await total('sluice_tokens_total', 'direction'))['input'] === 72
  )
  t.same(await total('sluice_tokens_total', 'direction'), { input: 72, output: 36 })
  t.same(await total('sluice_time_to_first_token_seconds_count'), { chat: 6 })
  t.same(await total('sluice_time_per_output_token_seconds_count'), { chat: 6 })
  t.same(await total('sluice_predictions_total'), { chat: 18 })
  t.same(await total('sluice_unit_missing_total'), { chat: 0 })
  t.equal((await total('sluice_answers_unreadable_total'))['chat'], 0)
  const lines = await until('a line for each request', () => {
    const found = sluice.logs().filter(({ msg }) => msg === 'request')
    return found.length === 18 && found
  })
  t.same(new Set(lines.map(line => line['outcome'])), new Set(['ok']), 'known in every line')
  await ask(sluice, {})
  t.same(await total('sluice_unit_missing_total'), { chat: 1 })
})

test('takes a model out by itself when its coded answers hold nothing', async t => {
  const stable = await chatModel(t, 'hello')
  const canary = await chatModel(t, null)
  const settings = config(stable, canary)
  const sluice = await startSluice(settings, { t })
  let user = 0
  const rolledBack = async () => {
    const answer = await sluice.admin('/admin/v1/routes/chat')
    return /"rollback":\{/.test(await answer.text())
  }
  await until('the rollback', async () => {
    await Promise.all(Array.from({ length: 4 }, () => ask(sluice, { user: `user-${user++}` })))
    return rolledBack()
  })
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask(sluice, { user: `user-${user++}` }))
  )
  t.same(new Set(answers.map(a => a.headers.get('x-sluice-variant'))), new Set(['stable']))
  const bad = await samplesOf(sluice.telemetryUrl ?? '', 'sluice_bad_predictions_total')
  const found = bad.filter(({ value, labels }) => value > 0 && labels['variant'] === 'canary')
  t.ok(found.length > 0, JSON.stringify(found))
})

test('gives a shadow the whole of a body when its beginning was held for the unit', async t => {
  const champion = await startAnswering(t, () => ({ body: '{"predictions":[1]}' }))
  const challenger = await startAnswering(t, () => ({ body: '{"predictions":[1]}' }))
  const route = shadowedRoute(
    'copied',
    champion.url,
    challenger.url,
    {},
    { hashOn: [{ json: '/user' }] }
  )
  const sluice = await startSluice({ routes: { copied: route } }, { t })
  const body = `{"a":"${'x'.repeat(20_000)}","user":"ada","b":"${'y'.repeat(20_000)}"}`
  const client = await rawClient(Number(new URL(sluice.dataUrl).port))
  t.teardown(() => client.close())
  const head = `POST /copied/predict HTTP/1.1\r\nHost: router.test\r\nContent-Length: ${body.length}\r\n\r\n`
  client.send(head + body.slice(0, 10_000))
  await new Promise(resolve => setTimeout(resolve, 50))
  client.send(body.slice(10_000, 30_000))
  await new Promise(resolve => setTimeout(resolve, 50))
  client.send(body.slice(30_000))
  await until('the copy', async () => (await shadowOf(sluice, 'copied')).outcomes['ok'] === 1)
  t.equal(champion.requests()[0]?.body, body)
  t.equal(challenger.requests()[0]?.body, body)
})
