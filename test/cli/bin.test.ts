/** bin/sluice.js on a Node that is too old: it becomes the bundled one, or says what to do. */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BIN, ROOT, temporaryDirectory } from '../helpers/sluice.ts'

/** Makes a Node believe that it is 20; the one that it starts is not touched by it. */
const PRETEND = `
Object.defineProperty(process, 'version', { value: 'v20.20.2' })
Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`
const OLD = ['--import', `data:text/javascript;base64,${Buffer.from(PRETEND).toString('base64')}`]

/** A checkout of its own, with a bundled Node or without. */
function checkout(t: { teardown(done: () => unknown): unknown }, bundled: boolean): string {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'bin'))
  cpSync(BIN, join(root, 'bin/sluice.js'))
  cpSync(join(ROOT, 'package.json'), join(root, 'package.json'))
  symlinkSync(join(ROOT, 'src'), join(root, 'src'))
  if (bundled) {
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true })
    symlinkSync(process.execPath, join(root, 'node_modules/.bin/node'))
  }
  return join(root, 'bin/sluice.js')
}

t.test('an older Node hands over to the bundled one with arguments and exit code', async t => {
  const bin = checkout(t, true)
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [...OLD, bin, ...args], { encoding: 'utf8' })
  const version = run('version', '--json')
  t.equal(version.status, 0, version.stderr)
  t.equal(JSON.parse(version.stdout).node, process.version)
  t.equal(run('frobnicate').status, 2)
})

t.test('a real older Node hands over too, where the machine has one', async t => {
  const older = ['/usr/bin/node', '/usr/local/bin/node'].find(path => {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    return /^v(18|20|22)\./.test(stdout ?? '')
  })
  const { stdout, status } = spawnSync(older ?? process.execPath, [BIN, 'version', '--json'], {
    encoding: 'utf8'
  })
  t.equal(status, 0)
  t.match(JSON.parse(stdout).node, /^v(2[4-9]|[3-9]\d)\./)
})

t.test('an older Node without a bundled one says what to do and exits with 69', async t => {
  const bin = checkout(t, false)
  const { status, stdout, stderr } = spawnSync(process.execPath, [...OLD, bin, 'version'], {
    encoding: 'utf8'
  })
  t.equal(status, 69)
  t.equal(stdout, '')
  t.match(stderr, /Node 24 or newer is needed, and this is v20\.20\.2\. Install Node 24 .* npm ci/)
})

t.test('a bundled Node that is too old as well ends with 69 and not in a circle', async t => {
  const bin = checkout(t, true)
  const { status } = spawnSync(process.execPath, [...OLD, bin, 'version'], {
    env: { ...process.env, NODE_OPTIONS: OLD.join(' ') }
  })
  t.equal(status, 69)
})

t.test('a signal to the older Node reaches the other one and is its end', async t => {
  const bin = checkout(t, true)
  const child = spawn(process.execPath, [...OLD, bin, 'status', '-w', '--timeout', '60'], {
    env: { ...process.env, SLUICE_ADMIN: 'http://10.255.255.1', SLUICE_TOKEN: 'x' }
  })
  const ended = new Promise(resolve =>
    child.on('exit', (code, signal) => resolve({ code, signal }))
  )
  const inner = await innerPid(child.pid ?? 0)
  child.kill('SIGTERM')
  t.same(await ended, { code: null, signal: 'SIGTERM' })
  t.throws(() => process.kill(inner, 0), { code: 'ESRCH' }, 'the inner process is gone')
})

/** The process that `pid` started, as soon as it did. */
async function innerPid(pid: number): Promise<number> {
  for (let i = 0; i < 400; i++) {
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    const found = Number.parseInt(stdout, 10)
    if (found > 0) return found
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  throw new Error('no inner process')
}
