/**
 * Every raw request case of the admin listener through real sockets against the real process: the status, that no
 * byte of it reaches an upstream, that nothing changes, and that the listener serves on.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { DEMO_START, demoConfig, type RequestCase, requestBytes } from '../helpers/raw-cases.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'

const fixture = join(import.meta.dirname, '../fixtures/http-requests-admin.json')
// The fixture is part of the repository and written by nobody else.
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: readonly RequestCase[] }

const recorder = await startRecorder()
const demo = demoConfig(recorder.url)
const admin = { id: 'admin', role: 'admin', env: 'CASE_ADMIN_TOKEN' }
const sluice = await startSluice(
  { ...demo, admin: { tokens: [...tokensOf(demo), admin] } },
  { t, ...DEMO_START, env: { ...DEMO_START.env, CASE_ADMIN_TOKEN: 'TEST-SUPERVR-TOKEN' } }
)
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.adminUrl).port)
t.equal(cases.length, 29, 'has every case of the admin listener')

for (const c of cases) {
  t.test(`refuses what the case says when it gets: ${c.what} (${c.id})`, async t => {
    const { status, answer } = await run(bytesOf(c))
    t.ok(c.expect.status.includes(status), `${status} is one of ${c.expect.status.join(', ')}`)
    t.equal(answer?.complete, true, 'the answer is whole')
    t.equal(answer && fieldOf(answer, 'access-control-allow-origin'), undefined)
    await unchanged(t)
  })
}

for (const c of cases.filter(({ id }) => id.startsWith('admin-ssrf'))) {
  t.test(`refuses the address when an admin asks, in the fields of the API: ${c.id}`, async t => {
    const text = bytesOf(c).toString('latin1').replace('TEST-OPERATOR-TOKEN', 'TEST-SUPERVR-TOKEN')
    const [head = '', body = ''] = text.split('\r\n\r\n')
    t.equal((await run(Buffer.from(text, 'latin1'))).status, 400, 'as it stands in the case')
    const { url }: { url: string } = JSON.parse(body)
    const own = url.replace(':8080', `:${new URL(sluice.dataUrl).port}`)
    const put = JSON.stringify({ upstreams: [own] })
    const framed = head.replace(/Content-Length: \d+/, `Content-Length: ${put.length}`)
    const { status, answer } = await run(Buffer.from(`${framed}\r\n\r\n${put}`, 'latin1'))
    t.equal(status, 400, 'as upstreams')
    t.match(answer?.body.toString(), 'SLC_UPSTREAM_ADDRESS')
    await unchanged(t)
  })
}

t.test('serves on when all cases are over', async t => {
  t.equal((await fetch(new URL('/healthz', sluice.adminUrl))).status, 200)
  t.same(recorder.requests.length, 0, 'no byte reached the upstream')
  t.notMatch(sluice.stderr(), /TEST-(OPERATOR|VIEWER|SUPERVR)-TOKEN/, 'no token in the log')
})

async function run(bytes: Buffer) {
  const client = await rawClient(port)
  client.send(bytes)
  const read = () => readAnswers(client.bytes(), client.end()).final
  await client.until(() => client.end() !== 'open' || read()[0]?.complete === true)
  const [answer] = read()
  client.close()
  return { status: answer?.status ?? 0, answer }
}

async function unchanged(t: Test): Promise<void> {
  const answer = await sluice.admin('/admin/v1/routes/demo')
  t.equal(answer.headers.get('etag'), '"1-1"', 'nothing changed')
}

/** The bytes of a case with the port that we listen on. */
function bytesOf(c: RequestCase): Buffer {
  const text = requestBytes(c).toString('latin1')
  return Buffer.from(text.replaceAll('127.0.0.1:9901', `127.0.0.1:${port}`), 'latin1')
}

function tokensOf(config: ReturnType<typeof demoConfig>): readonly unknown[] {
  const { admin } = config
  return typeof admin === 'object' &&
    admin !== null &&
    'tokens' in admin &&
    Array.isArray(admin.tokens)
    ? admin.tokens
    : []
}
