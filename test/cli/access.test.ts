/** Finding the admin API and the token, and what is said when it cannot be reached or does not allow it. */
import { mkdir, writeFile } from 'node:fs/promises'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../helpers/ports.ts'
import { runSluice, temporaryDirectory } from '../helpers/sluice.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

type Seen = { readonly path: string; readonly token: string | undefined }

/** Something that is not the router and notes what it was sent. */
async function listener(
  t: Tap,
  answer: (res: http.ServerResponse) => void
): Promise<{ readonly url: string; readonly seen: Seen[] }> {
  const seen: Seen[] = []
  const server = http.createServer((req, res) => {
    seen.push({ path: req.url ?? '', token: req.headers.authorization })
    req.resume().on('end', () => answer(res))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

type Tap = { teardown(done: () => unknown): unknown }

const routes = (res: http.ServerResponse) => res.end('[]')
const env = (url: string, token = 'from-env') => ({ SLUICE_ADMIN: url, SLUICE_TOKEN: token })

t.test('the exit code is 4, with what to do, when the admin is dead', async t => {
  const url = `http://127.0.0.1:${await freePort()}`
  const { code, stderr } = await runSluice(['routes', '--json'], { env: env(url) })
  t.equal(code, 4)
  t.match(stderr, /cannot be reached \(ECONNREFUSED\).*Check that sluice serve runs/)
})

t.test('the exit code of a healthcheck is 1 when the router is dead', async t => {
  const url = `http://127.0.0.1:${await freePort()}`
  t.equal((await runSluice(['healthcheck'], { env: { SLUICE_ADMIN: url } })).code, 1)
})

t.test('the exit code is 3 when the admin hangs', async t => {
  const { url, seen } = await listener(t, () => {})
  const args = ['routes', '--json', '--timeout', '0.3']
  const { code, stderr } = await runSluice(args, { env: env(url) })
  t.equal(code, 3)
  t.match(stderr, 'did not answer within 300 ms')
  t.equal(seen.length, 1)
})

t.test('a change is not sent again, and the exit code is 3, when its answer is lost', async t => {
  const { url, seen } = await listener(t, res => res.socket?.destroy())
  const { code, stderr } = await runSluice(['rollback', '--model-version', '4'], { env: env(url) })
  t.equal(code, 3)
  t.match(stderr, 'may have been made')
  t.equal(seen.length, 1)
})

t.test('the exit code is 4 when somebody else listens at the address', async t => {
  const { url } = await listener(t, res => res.end('<html>'))
  const { code, stderr } = await runSluice(['status'], { env: env(url) })
  t.equal(code, 4)
  t.match(stderr, 'is not an admin API of sluice (status 200)')
})

t.test('the exit code is 4 when an answer is JSON and of no admin API', async t => {
  for (const [status, text] of [
    [404, '{"error":"not found"}'],
    [500, '{"code":"E_MODEL"}'],
    [200, '"alive"']
  ] as const) {
    const { url } = await listener(t, res => res.writeHead(status).end(text))
    for (const verb of ['routes', 'rollback']) {
      const { code, stderr } = await runSluice([verb, ...(verb === 'rollback' ? ['fraud'] : [])], {
        env: env(url)
      })
      t.equal(code, 4, text)
      t.match(stderr, `is not an admin API of sluice (status ${status})`)
    }
  }
})

t.test('the exit code is 4, without a stack, when a good answer is another document', async t => {
  const verbs = [
    ['status'],
    ['status', 'fraud'],
    ['routes'],
    ['weights', 'fraud'],
    ['weights', 'fraud', 'v4=5'],
    ['rollback', 'fraud'],
    ['rollback', '--model-version', '4'],
    ['pause', 'fraud'],
    ['resume', 'fraud', 'v4'],
    ['clear', 'fraud', 'rb-1'],
    ['explain', 'fraud', 'user-42'],
    ['decisions', 'fraud'],
    ['shadow', 'status'],
    ['shadow', 'status', 'fraud'],
    ['shadow', 'diff', 'fraud', 'try'],
    ['shadow', 'off', 'fraud', 'try']
  ]
  for (const [text, ...more] of [
    ['{"status":"ok"}'],
    ['[{"route":"fraud"}]', '--json'],
    ['{"weights":{"v3":"100"}}']
  ] as const) {
    const { url } = await listener(t, res => res.end(text))
    for (const verb of verbs) {
      const words = [...verb, ...more]
      const { code, stdout, stderr } = await runSluice(words, { env: env(url) })
      t.equal(code, 4, `${words.join(' ')}: ${text}`)
      t.equal(stdout, '')
      t.match(
        stderr,
        /^sluice: What listens at .* is not an admin API of sluice \(status 200\).*\n$/
      )
    }
  }
})

t.test('the reason says which protocol is meant when https is asked of http', async t => {
  const { url } = await listener(t, routes)
  const https = url.replace('http:', 'https:')
  const { code, stderr } = await runSluice(['routes'], { env: env(https) })
  t.equal(code, 4)
  t.match(stderr, 'it may speak http, not https')
})

t.test('the exit code is 1 when a change was refused because nothing can be stored', async t => {
  const refusal = (code: string) => (res: http.ServerResponse) =>
    res.writeHead(503).end(JSON.stringify({ code, detail: 'It is so.' }))
  const full = await listener(t, refusal('SLC_STATE_UNKNOWN'))
  t.equal((await runSluice(['pause', 'fraud'], { env: env(full.url) })).code, 1)
  const other = await listener(t, refusal('SLC_DRAINING'))
  t.equal((await runSluice(['pause', 'fraud'], { env: env(other.url) })).code, 3)
})

t.test('the exit code is 4 when the connection is closed at once', async t => {
  const server = net.createServer(socket => socket.destroy())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.equal((await runSluice(['status'], { env: env(url) })).code, 4)
})

t.test(
  'the token file comes before the environment and the state directory when all have one',
  async t => {
    const { url, seen } = await listener(t, routes)
    const cwd = temporaryDirectory(t)
    for (const directory of ['state', 'other']) {
      await mkdir(join(cwd, directory))
      await writeFile(join(cwd, directory, 'operator.token'), `from-${directory}\n`)
    }
    await writeFile(join(cwd, 'token'), 'from-file\n')
    const asked = async (args: string[], more: Record<string, string> = {}) => {
      const { code } = await runSluice(['routes', '--json', ...args], {
        cwd,
        env: { SLUICE_ADMIN: url, ...more }
      })
      t.equal(code, 0)
      return seen.at(-1)?.token
    }
    t.equal(
      await asked(['--token-file', 'token'], { SLUICE_TOKEN: 'from-env' }),
      'Bearer from-file'
    )
    t.equal(await asked([], { SLUICE_TOKEN: 'from-env' }), 'Bearer from-env')
    t.equal(await asked([]), 'Bearer from-state')
    t.equal(await asked(['--state', 'other']), 'Bearer from-other')
    t.equal(await asked([], { SLUICE_STATE: 'other' }), 'Bearer from-other')
    t.equal(await asked(['--state', 'state'], { SLUICE_STATE: 'other' }), 'Bearer from-state')
    const both = { SLUICE_TOKEN_FILE: 'token', SLUICE_TOKEN: 'from-env' }
    t.equal(await asked([], both), 'Bearer from-file')
    const other = join('other', 'operator.token')
    t.equal(await asked(['--token-file', other], both), 'Bearer from-other')
  }
)

t.test('--admin comes before SLUICE_ADMIN, with its path, when both are there', async t => {
  const { url, seen } = await listener(t, routes)
  const args = ['routes', '--json', '--admin', `${url}/sluice/`]
  t.equal((await runSluice(args, { env: env('http://127.0.0.1:1') })).code, 0)
  t.equal(seen[0]?.path, '/sluice/admin/v1/routes')
})

t.test('nothing is sent, and the exit code is 4, when there is no token', async t => {
  const { url, seen } = await listener(t, routes)
  const cwd = temporaryDirectory(t)
  const { code, stderr } = await runSluice(['status'], { cwd, env: { SLUICE_ADMIN: url } })
  t.equal(code, 4)
  t.match(
    stderr,
    /There is no token to send: "\/.*\/state\/operator.token" cannot be read \(ENOENT\)/
  )
  t.equal(seen.length, 0)
})

t.test('a file is not sent when it holds no token', async t => {
  const { url, seen } = await listener(t, routes)
  const cwd = temporaryDirectory(t)
  await writeFile(join(cwd, 'token'), 'two words\n')
  const args = ['status', '--token-file', 'token']
  const { code, stderr } = await runSluice(args, { cwd, env: env(url) })
  t.equal(code, 4)
  t.match(stderr, 'token does not hold a token')
  t.notMatch(stderr, 'two words')
  t.equal(seen.length, 0)
})

t.test('the refusal names where the token came from when it is not accepted', async t => {
  const problem = '{"code":"SLC_ADMIN_TOKEN","detail":"A valid token is needed."}'
  const { url } = await listener(t, res => res.writeHead(401).end(problem))
  const cwd = temporaryDirectory(t)
  await writeFile(join(cwd, 'token'), 'canary-secret')
  await mkdir(join(cwd, 'state'))
  await writeFile(join(cwd, 'state', 'operator.token'), 'canary-secret')
  for (const [args, more, source] of [
    [['--token-file', 'token'], {}, 'token (--token-file)'],
    [[], { SLUICE_TOKEN_FILE: 'token' }, 'token (SLUICE_TOKEN_FILE)'],
    [[], { SLUICE_TOKEN: 'canary-secret' }, 'SLUICE_TOKEN'],
    [[], {}, 'state/operator.token']
  ] as const) {
    const env = { SLUICE_ADMIN: url, ...more }
    const { code, stderr } = await runSluice(['status', ...args], { cwd, env })
    t.equal(code, 4)
    t.match(stderr, `does not accept the token from ${source}. Give one of its admin.tokens`)
    t.match(stderr, '(SLC_ADMIN_TOKEN)')
    t.notMatch(stderr, /canary-secret|Authorization/)
  }
  const json = await runSluice(['status', '--json'], { cwd, env: { SLUICE_ADMIN: url } })
  t.match(JSON.parse(json.stdout), { code: 'SLC_ADMIN_TOKEN' })
})

t.test('control characters never reach the terminal when an answer has some', async t => {
  const problem = JSON.stringify({ code: 'SLC_X', detail: 'red \u001b[31m alert' })
  const { url } = await listener(t, res => res.writeHead(409).end(problem))
  const { code, stderr } = await runSluice(['pause', 'fraud'], { env: env(url) })
  t.equal(code, 1)
  t.notMatch(stderr, '\u001b')
})
