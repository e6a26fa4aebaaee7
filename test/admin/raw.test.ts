/**
 * The listener against bytes that are no proper request: one refusal of ours, never a crash, never a second
 * answer into the first.
 */
import t from 'tap'
import { startAdmin, TOKENS } from '../helpers/admin.ts'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { rawClient } from '../helpers/raw-client.ts'

const admin = await startAdmin(t)
const HOST = `Host: 127.0.0.1:${admin.port}\r\n`
const AUTH = `Authorization: Bearer ${TOKENS.operator}\r\n`
const GET = `GET /admin/v1/routes HTTP/1.1\r\n${HOST}${AUTH}\r\n`
const START = 'POST /admin/v1/routes/demo/pause HTTP/1.1\r\n'

const CASES: Readonly<Record<string, readonly [bytes: string, ...status: number[]]>> = {
  'no Host': [`GET /admin/v1/routes HTTP/1.1\r\n${AUTH}\r\n`, 400],
  'an empty Host': [`GET /admin/v1/routes HTTP/1.1\r\nHost:\r\n${AUTH}\r\n`, 421],
  'two Hosts': [`GET /admin/v1/routes HTTP/1.1\r\n${HOST}${HOST}${AUTH}\r\n`, 400],
  'two Hosts at a root path': [`GET /healthz HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
  'HTTP/1.0 without Host': [`GET /admin/v1/routes HTTP/1.0\r\n${AUTH}\r\n`, 421],
  'HTTP/0.9': ['GET /admin/v1/routes\r\n\r\n', 400, 505],
  'HTTP/0.9 in words': [`GET /admin/v1/routes HTTP/0.9\r\n${HOST}${AUTH}\r\n`, 400, 505],
  'HTTP/2.0 in words': [`GET /admin/v1/routes HTTP/2.0\r\n${HOST}${AUTH}\r\n`, 505],
  'the HTTP/2 preface': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 505],
  'a TLS hello': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  garbage: ['\x00\x01\x02\r\n\r\n', 400],
  'an unknown method': [`BREW /admin/v1/routes HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 400],
  CONNECT: [`CONNECT 127.0.0.1:22 HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 405],
  'OPTIONS *': [`OPTIONS * HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 400],
  'a target of another scheme': [`GET ftp://127.0.0.1/ HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 400],
  'an absolute target of another host': [
    `GET http://evil.test/admin/v1/routes HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
    421
  ],
  'our own absolute target with a foreign Host': [
    `GET http://127.0.0.1:${admin.port}/admin/v1/routes HTTP/1.1\r\nHost: evil.test\r\n${AUTH}\r\n`,
    421
  ],
  'our own absolute target': [
    `GET http://127.0.0.1:${admin.port}/admin/v1/routes HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
    200
  ],
  'a long target': [`GET /${'a'.repeat(8_100)} HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 414],
  'too many bytes of fields': [`${GET.slice(0, -2)}X: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
  'too many fields': [`${GET.slice(0, -2)}${'X: y\r\n'.repeat(101)}\r\n`, 431],
  'both framings': [
    `${START}${HOST}${AUTH}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400
  ],
  'two lengths': [`${START}${HOST}${AUTH}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
  'a length that is none': [`${START}${HOST}${AUTH}Content-Length: +2\r\n\r\n{}`, 400],
  'an unknown coding': [
    `${START}${HOST}${AUTH}Transfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n`,
    501
  ],
  'chunked in HTTP/1.0': [
    `${START.replace('1.1', '1.0')}${HOST}${AUTH}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400
  ],
  'a bad chunk': [
    `${START}${HOST}${AUTH}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    400
  ],
  'a folded field': [`GET /healthz HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
  'a space before the colon': [`GET /healthz HTTP/1.1\r\nHost : x\r\n${HOST}\r\n`, 400],
  'a bare CR': [`GET /healthz HTTP/1.1\r\n${HOST}X: a\rb\r\n\r\n`, 400],
  'an expectation that is none': [`GET /healthz HTTP/1.1\r\n${HOST}Expect: tea\r\n\r\n`, 417],
  'a path with a bad escape': [`GET /admin/v1/routes/%zz HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 400],
  'dots in the path': [`GET /healthz/../admin/v1/routes HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 404],
  'two slashes': [`GET //admin/v1/routes HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 404],
  'an empty name': [`GET /admin/v1/routes/ HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 400],
  'other letters': [`GET /ADMIN/v1/routes HTTP/1.1\r\n${HOST}${AUTH}\r\n`, 404],
  'an upgrade': [
    `GET /admin/v1/routes HTTP/1.1\r\n${HOST}${AUTH}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    200
  ]
}

for (const [what, [bytes, ...status]] of Object.entries(CASES)) {
  t.test(`answers ${status.join(' or ')} once when it gets ${what}`, async t => {
    const client = await rawClient(admin.port)
    client.send(Buffer.from(bytes, 'latin1'))
    const read = () => readAnswers(client.bytes(), client.end())
    await client.until(() => client.end() !== 'open' || read().final[0]?.complete === true)
    const { final, garbage } = read()
    client.close()
    t.equal(final.length, 1, client.bytes().toString('latin1', 0, 200))
    t.equal(garbage.length, 0, 'nothing but answers')
    const [answer] = final
    t.ok(status.includes(answer?.status ?? 0), `status ${answer?.status}`)
    t.equal(answer && fieldOf(answer, 'cache-control'), 'no-store')
    if (status[0] === 200 || !answer) return
    t.equal(fieldOf(answer, 'content-type'), 'application/problem+json')
    t.match(JSON.parse(answer.body.toString()).code, /^SLC_/)
  })
}

t.test('writes nothing into an event stream when bad bytes follow on its connection', async t => {
  const client = await rawClient(admin.port)
  client.send(`GET /admin/v1/events HTTP/1.1\r\n${HOST}${AUTH}\r\n`)
  await client.until(() => client.bytes().includes('connected'))
  client.send('GARBAGE\r\n\r\n')
  t.ok(await client.until(() => client.end() !== 'open'), 'the connection is cut')
  t.equal(client.bytes().toString().split('HTTP/1.1').length, 2, 'one answer only')
  client.close()
})

t.test('answers what was right and then closes when bad bytes follow a request', async t => {
  const client = await rawClient(admin.port)
  client.send(`${GET}GARBAGE\r\n\r\n`)
  await client.until(() => client.end() !== 'open')
  const { final } = readAnswers(client.bytes(), client.end())
  client.close()
  t.ok(final.length >= 1 && final.length <= 2, `${final.length} answers`)
  t.ok([200, 400].includes(final[0]?.status ?? 0))
})

t.test('closes a connection when its head does not come to an end', async t => {
  const client = await rawClient(admin.port)
  client.send(`GET /healthz HTTP/1.1\r\n${HOST}X: `)
  t.ok(await client.until(() => client.end() !== 'open'), 'within its limit')
  t.equal(readAnswers(client.bytes(), client.end()).final[0]?.status, 408)
  client.close()
})

t.test('serves on when all that is over', async t => {
  t.equal((await admin.ask('GET', '/admin/v1/routes')).status, 200)
  t.equal(admin.log().filter(({ level }) => Number(level) >= 50).length, 0, 'no error in the log')
})
