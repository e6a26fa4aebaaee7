/**
 * bin/sluice.js: on a Node that is too old it becomes the bundled one, or says what to do; on a good one it keeps
 * compiled code for the next start.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { leash } from '../../demo/leash.ts'
import { childrenOf, isAlive } from '../helpers/process-tree.ts'
import { BIN, configText, ROOT, temporaryDirectory } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

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

t.test('the bundled Node takes over, with arguments and exit code, when ours is older', async t => {
  const bin = checkout(t, true)
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [...OLD, bin, ...args], { encoding: 'utf8' })
  const version = run('version', '--json')
  t.equal(version.status, 0, version.stderr)
  t.equal(JSON.parse(version.stdout).node, process.version)
  t.equal(run('frobnicate').status, 2)
})

t.test('the bundled Node takes over when the machine really has an older one', async t => {
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

t.test('one sentence says what to do, with exit code 69, when there is no newer Node', async t => {
  const bin = checkout(t, false)
  const { status, stdout, stderr } = spawnSync(process.execPath, [...OLD, bin, 'version'], {
    encoding: 'utf8'
  })
  t.equal(status, 69)
  t.equal(stdout, '')
  t.match(stderr, /Node 24 or newer is needed, and this is v20\.20\.2\. Install Node 24 .* npm ci/)
})

t.test('it ends with 69 and not in a circle when the bundled Node is too old as well', async t => {
  const bin = checkout(t, true)
  const { status } = spawnSync(process.execPath, [...OLD, bin, 'version'], {
    env: { ...process.env, NODE_OPTIONS: OLD.join(' ') }
  })
  t.equal(status, 69)
})

t.test('the other Node gets the signal when the older one is sent one', async t => {
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
  await until('the inner process to be gone', () => !isAlive(inner)) // its parent is, so the system buries it
})

/** Starts `serve` by a command that is no router itself, and waits until the router accepts. */
async function startBehind(
  t: { teardown(done: () => unknown): unknown },
  command: string,
  words: (file: string) => readonly string[],
  env: NodeJS.ProcessEnv = {}
) {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'sluice.yaml')
  const config = twoVersionConfig('http://127.0.0.1:9', 'http://127.0.0.1:9', 5)
  const state = { directory: join(directory, 'state') }
  const drain = { delay: '1s', grace: '5s' } // long enough for a signal that comes twice
  writeFileSync(file, configText({ ...config, state, drain }))
  const log = join(directory, 'stderr') // a pipe that is read too slowly loses lines of Node itself
  const logged = openSync(log, 'w')
  const child = spawn(command, words(file), {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', logged],
    env: { ...process.env, ...env },
    detached: true // a process group of its own
  })
  closeSync(logged)
  leash(child)
  const exited = new Promise(resolve =>
    child.on('close', (code, signal) => resolve({ code, signal }))
  )
  let stdout = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  const line = await until(
    'the ready line',
    () => /^{"msg":"ready".*}\n/m.exec(stdout)?.[0] ?? false
  )
  const router: number = JSON.parse(line).pid
  t.teardown(() => {
    if (isAlive(router)) process.kill(router, 'SIGKILL')
  })
  return {
    pid: child.pid ?? 0,
    router,
    exited,
    stdout: () => stdout,
    stderr: () => readFileSync(log, 'utf8')
  }
}

t.test(
  'serve has the memory settings that it needs, in the same process, and keeps the own',
  async t => {
    const own = { MALLOC_ARENA_MAX: '3', MALLOC_MMAP_THRESHOLD_: undefined }
    for (const [given, arenas] of [
      [{ MALLOC_ARENA_MAX: undefined, MALLOC_MMAP_THRESHOLD_: undefined }, /^[1-9]\d*$/],
      [own, /^3$/]
    ] as const) {
      const run = await startBehind(t, process.execPath, file => [BIN, 'serve', file], given)
      t.equal(run.router, run.pid, 'who started it knows its number')
      const environment = new Map(
        readFileSync(`/proc/${run.pid}/environ`, 'utf8')
          .split('\0')
          .map(line => line.split('=', 2) as [string, string])
      )
      t.match(environment.get('MALLOC_ARENA_MAX'), arenas)
      t.equal(environment.get('MALLOC_MMAP_THRESHOLD_'), '131072')
      process.kill(run.pid, 'SIGTERM')
      t.same(await run.exited, { code: 0, signal: null })
    }
  }
)

t.test('a drain ends with exit code 0 when the older Node is sent SIGTERM', async t => {
  const bin = checkout(t, true)
  const run = await startBehind(t, process.execPath, file => [...OLD, bin, 'serve', file])
  process.kill(run.pid, 'SIGTERM')
  t.same(await run.exited, { code: 0, signal: null })
  t.equal(run.stdout().split('\n').length, 2, 'one line on stdout, before and after')
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`the drain is whole when ${signal} goes to the whole process group`, async t => {
    const bin = checkout(t, true)
    const run = await startBehind(t, process.execPath, file => [...OLD, bin, 'serve', file])
    process.kill(-run.pid, signal) // the child gets it from us and from the older Node
    t.same(await run.exited, { code: 0, signal: null })
    t.match(run.stderr(), '"stopped"')
    t.notMatch(run.stderr(), 'second signal')
  })
}

t.test('the router drains and is gone when npm start is sent SIGTERM', async t => {
  const run = await startBehind(t, 'npm', file => ['start', '--', file])
  process.kill(run.pid, 'SIGTERM')
  await run.exited
  t.match(run.stderr(), '"stopped"')
  t.notOk(isAlive(run.router), 'no orphan')
})

t.test('main and data threads take their code compiled when it is the second start', async t => {
  const bin = checkout(t, false)
  const start = async (debug: string) => {
    const env = { NODE_COMPILE_CACHE: '', NODE_DEBUG_NATIVE: debug }
    const run = await startBehind(t, process.execPath, file => [bin, 'serve', file], env)
    process.kill(run.pid, 'SIGINT')
    t.same(await run.exited, { code: 0, signal: null })
    return run.stderr()
  }
  t.notMatch(await start(''), 'compile cache', 'nobody is told')
  const told = await start('COMPILE_CACHE')
  for (const file of ['control-plane/controller.ts', 'data-plane/thread.ts']) {
    t.match(told, new RegExp(`V8 code cache for ESM \\S+/src/${file} was accepted`), file)
  }
})

t.test('it starts as well when compiled code cannot be kept', t => {
  const bin = checkout(t, false)
  writeFileSync(join(bin, '../../node_modules'), 'no directory')
  const env = { ...process.env, NODE_COMPILE_CACHE: '' }
  const run = spawnSync(process.execPath, [bin, 'version'], { encoding: 'utf8', env })
  t.equal(run.status, 0)
  t.equal(run.stderr, '')
  t.end()
})

t.test('compiled code goes where the environment says when it says so', t => {
  const bin = checkout(t, false)
  const directory = join(temporaryDirectory(t), 'compiled')
  const env = { ...process.env, NODE_COMPILE_CACHE: directory }
  t.equal(spawnSync(process.execPath, [bin, 'version'], { env }).status, 0)
  t.equal(readdirSync(directory).length, 1)
  t.notOk(existsSync(join(bin, '../../node_modules')))
  t.end()
})

/** The process that `pid` started, as soon as it did. */
function innerPid(pid: number): Promise<number> {
  return until('the inner process', () => {
    const [found = false] = childrenOf(pid)
    return found
  })
}
