/**
 * The log: JSON lines on stderr, nothing on stdout, no secrets, no endless lines, and nobody waits for it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../../src/telemetry/logger.ts'

t.test(
  'writes one JSON object a line with level, time and sentence when it is told something',
  t => {
    const { log, lines } = capture()
    log.info({ route: 'demo', n: 7 }, 'weights changed')
    log.error({ err: Object.assign(new TypeError('broken'), { code: 'EPIPE' }) }, 'a call failed')
    t.match(lines()[0], {
      level: 30,
      pid: process.pid,
      route: 'demo',
      n: 7,
      msg: 'weights changed'
    })
    t.match(lines()[0]?.['time'], /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    t.match(lines()[1], { level: 50, err: { type: 'TypeError', message: 'broken', code: 'EPIPE' } })
    t.end()
  }
)

t.test('stays below its level when it has one', t => {
  const { log, lines } = capture('warn')
  log.debug({}, 'a')
  log.info({}, 'b')
  log.warn({}, 'c')
  log.fatal({}, 'd')
  t.same(
    lines().map(({ msg }) => msg),
    ['c', 'd']
  )
  t.end()
})

t.test('shows no secret when one is in a field, deep in an object, in a text or in an error', t => {
  const { log, text } = capture()
  const secret = 'PLANTED-7f3a9c'
  log.info({ authorization: `Bearer ${secret}`, token: secret, Cookie: `a=${secret}` }, 'fields')
  log.info({ request: { headers: { Authorization: secret, 'x-api-key': secret } } }, 'deep')
  log.info({ list: [{ password: secret }, { set: { 'Set-Cookie': secret } }] }, 'in a list')
  log.info({ note: `sent Authorization: Bearer ${secret} to us` }, `and BEARER  ${secret}, too`)
  log.info({ url: `http://user:${secret}@model:8000/`, other: `redis://:${secret}@r` }, 'addresses')
  log.info({ path: `/x?token=${secret}&access_token=${secret}&a=b` }, `GET /?api_key=${secret}`)
  log.error({ err: new Error(`401 for Bearer ${secret}`) }, 'an error')
  t.notMatch(text(), secret)
  t.match(text(), '[redacted]')
  t.match(text(), 'http://[redacted]@model:8000/')
  t.match(text(), 'a=b')
  t.end()
})

t.test('keeps a line a line and below 8 KiB when texts are long or hostile', t => {
  const { log, lines, text } = capture()
  log.info(
    { name: 'a\r\nb\u001b[2J\u0000"}{', list: Array(10_000).fill('x'.repeat(3_000)) },
    'y'.repeat(50_000)
  )
  log.info({ text: 'ü'.repeat(100_000) }, 'long')
  t.equal(text().split('\n').length, 3)
  for (const line of text().split('\n')) t.ok(Buffer.byteLength(line) <= 8_192, `${line.length}`)
  t.equal(lines()[0]?.['truncated'], true)
  t.match(lines()[0]?.['msg'], /^y+…$/)
  t.match(lines()[1]?.['text'], /^ü+…$/)
  t.notMatch(text(), '\u001b')
  t.end()
})

t.test('ends and does not throw when an object is deep or refers to itself', t => {
  const { log, lines } = capture()
  const loop: Record<string, unknown> = { name: 'loop' }
  loop['self'] = loop
  log.info(
    { loop, deep: { a: { b: { c: { d: { e: 1 } } } } }, none: null, missing: undefined },
    'odd'
  )
  t.match(lines()[0], { loop: { name: 'loop' }, none: null })
  t.end()
})

t.test('writes to stderr alone when it has no other target', async t => {
  const { stdout, stderr, code } = await run(
    `const log = createLogger(); log.warn({ a: 1 }, 'hello'); await log.flush(); process.exit(3)`
  )
  t.equal(code, 3)
  t.equal(stdout, '')
  t.match(JSON.parse(stderr), { level: 40, a: 1, msg: 'hello' })
})

t.test('drops lines and counts them, and lives on, when nobody takes what it writes', async t => {
  const program = `
    const log = createLogger()
    const text = 'x'.repeat(2000)
    for (let i = 0; i < 20000; i++) log.info({ text }, 'flood')
    process.stdout.write(String(log.dropped())); process.exit(0)`
  const { stdout } = await run(program, 'hold')
  t.ok(Number(stdout) > 1_000, `${stdout} dropped`)
})

t.test('lives on when stderr is closed', async t => {
  const program = `
    const log = createLogger()
    const timer = setInterval(() => log.info({}, 'tick'), 5)
    setTimeout(() => { clearInterval(timer); process.stdout.write('alive'); process.exit(0) }, 300)`
  t.equal((await run(program, 'close')).stdout, 'alive')
})

function capture(level: 'debug' | 'warn' = 'debug') {
  const written: string[] = []
  const log = createLogger({ level, target: { write: line => void written.push(line) } })
  const text = () => written.join('')
  return {
    log,
    text,
    lines: (): readonly Record<string, unknown>[] =>
      text()
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line))
  }
}

/** A program with `createLogger` in a process of its own; its stderr is read, held back or closed. */
async function run(program: string, stderr: 'read' | 'hold' | 'close' = 'read') {
  const file = join(import.meta.dirname, '../../src/telemetry/logger.ts')
  const source = `import { createLogger } from ${JSON.stringify(file)}\n${program}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  if (stderr === 'close') child.stderr.destroy()
  if (stderr === 'read') {
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  }
  const [code] = await once(child, 'exit')
  return { ...output, code }
}
