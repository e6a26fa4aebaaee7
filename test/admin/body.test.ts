/**
 * Bodies: JSON by name, at most 64 KiB counted while they arrive, and nothing read that is not needed.
 */
import { once } from 'node:events'
import http from 'node:http'
import t from 'tap'
import { codeOf, startAdmin, TOKENS } from '../helpers/admin.ts'
import { fieldOf, readAnswers } from '../helpers/answers.ts'
import { rawClient } from '../helpers/raw-client.ts'

const PATH = '/admin/v1/routes/demo'
const PAUSE = `${PATH}/pause`

t.test('takes JSON under its own name alone when a body is sent', async t => {
  const admin = await startAdmin(t)
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON',
    'application/json; charset="utf-8"'
  ]) {
    const reply = await admin.ask('POST', PAUSE, { body: {}, headers: { 'content-type': type } })
    t.equal(reply.status, 200, type)
  }
  const refused: (string | string[])[] = [
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-seq',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; x=y',
    'application/json\ttext/plain',
    'text/plain; application/json',
    'application/problem+json',
    '*/*',
    ['application/json', 'text/plain'],
    ['application/json', 'application/json']
  ]
  for (const type of refused) {
    const reply = await admin.ask('POST', PAUSE, { body: '{}', headers: { 'content-type': type } })
    t.equal(reply.status, 415, JSON.stringify(type))
    t.equal(codeOf(reply), 'SLC_ADMIN_CONTENT_TYPE')
  }
  const zipped = { 'content-encoding': 'gzip' }
  t.equal((await admin.ask('POST', PAUSE, { body: '{}', headers: zipped })).status, 415)
})

t.test(
  'needs no body where every field may be left out, and one where not, when none is sent',
  async t => {
    const admin = await startAdmin(t)
    t.equal((await admin.ask('POST', PAUSE)).status, 200, 'pause')
    t.equal((await admin.ask('POST', `${PATH}/rollback`)).status, 200, 'rollback')
    t.equal((await admin.ask('POST', PAUSE, { body: '' })).status, 200, 'an empty one is none')
    const put = await admin.ask('PUT', PATH, { ifMatch: admin.etag() })
    t.equal(put.status, 415, 'weights')
    const empty = await admin.ask('PUT', PATH, { ifMatch: admin.etag(), body: '' })
    t.equal(empty.status, 400, 'weights of nothing')
    t.equal(codeOf(empty), 'SLC_ADMIN_JSON')
    for (const body of ['null', '[]', '"x"', '1', 'true']) {
      t.equal((await admin.ask('POST', PAUSE, { body })).status, 400, body)
    }
  }
)

t.test('takes 65,536 bytes and refuses one more when the length is told', async t => {
  const admin = await startAdmin(t)
  const padded = (size: number) => `{}${' '.repeat(size - 2)}`
  t.equal((await admin.ask('POST', PAUSE, { body: padded(65_536) })).status, 200)
  const reply = await admin.ask('POST', PAUSE, { body: padded(65_537) })
  t.equal(reply.status, 413)
  t.equal(codeOf(reply), 'SLC_ADMIN_TOO_LARGE')
})

t.test('answers 413 while a chunked body is still coming when it grew too large', async t => {
  const admin = await startAdmin(t)
  const client = await rawClient(admin.port)
  client.send(head(admin.port, 'Transfer-Encoding: chunked'))
  const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`
  for (let i = 0; i < 4; i++) client.send(chunk)
  client.send('1\r\n \r\n') // the 65,537th byte; the end never comes
  const answer = () => readAnswers(client.bytes(), client.end()).final[0]
  t.ok(await client.until(() => answer()?.complete === true), 'the answer came')
  t.equal(answer()?.status, 413)
  t.ok(await client.until(() => client.end() !== 'open'), 'then the connection is closed')
  client.close()
})

t.test('answers before the body when its length alone is too much', async t => {
  const admin = await startAdmin(t)
  const client = await rawClient(admin.port)
  client.send(head(admin.port, 'Content-Length: 1000000000'))
  const answer = () => readAnswers(client.bytes(), client.end()).final[0]
  await client.until(() => answer()?.complete === true)
  t.equal(answer()?.status, 413)
  client.close()
})

t.test('asks for the body only when everything before it is right', async t => {
  const admin = await startAdmin(t)
  const ask = async (token: string, length: number) => {
    const request = http.request({
      port: admin.port,
      method: 'POST',
      path: PAUSE,
      agent: false,
      headers: {
        host: `127.0.0.1:${admin.port}`,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': length,
        expect: '100-continue'
      }
    })
    let invited = false
    request.once('continue', () => {
      invited = true
      request.end('{}')
    })
    request.flushHeaders()
    const [response] = await once(request, 'response')
    const { statusCode }: http.IncomingMessage = response
    response.resume()
    request.destroy()
    return { status: statusCode, invited }
  }
  t.same(await ask(TOKENS.operator, 2), { status: 200, invited: true })
  t.same(await ask('wrong', 2), { status: 401, invited: false })
  t.same(await ask(TOKENS.viewer, 2), { status: 403, invited: false })
  t.same(await ask(TOKENS.operator, 70_000), { status: 413, invited: false })
})

t.test('answers and goes on when a client leaves in the middle of its body', async t => {
  const admin = await startAdmin(t)
  const client = await rawClient(admin.port)
  client.send(`${head(admin.port, 'Content-Length: 10')}{"a`)
  client.reset()
  t.equal((await admin.ask('GET', PATH)).status, 200)
  t.equal(admin.log().filter(({ level }) => level === 50).length, 0, 'no error in the log')
})

t.test('keeps the connection usable when a small body was refused', async t => {
  const admin = await startAdmin(t)
  const client = await rawClient(admin.port)
  const bad = `${head(admin.port, 'Content-Length: 1')}{`
  client.send(bad + bad)
  const answers = () => readAnswers(client.bytes(), client.end()).final
  await client.until(() => answers().length === 2)
  t.same(
    answers().map(answer => [answer.status, fieldOf(answer, 'content-type')]),
    Array(2).fill([400, 'application/problem+json'])
  )
  client.close()
})

function head(port: number, framing: string): string {
  return (
    `POST ${PAUSE} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${TOKENS.operator}\r\n` +
    `Content-Type: application/json\r\n${framing}\r\n\r\n`
  )
}
