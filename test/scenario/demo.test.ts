/** `npm run demo` in front of a reader: the rollback happens, is told with its evidence, and nothing stays. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { leash } from '../../demo/leash.ts'
import { ROOT, temporaryDirectory } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

type Run = {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly events: () => readonly { readonly event: string; readonly [key: string]: unknown }[]
  readonly code: Promise<number | null>
  readonly directory: string
}

/** Runs the demo with a temporary directory of its own, so that what it leaves can be seen. */
function demo(t: Test, ...args: string[]): Run {
  const directory = temporaryDirectory(t)
  const child = spawn(process.execPath, [join(ROOT, 'demo/demo.ts'), ...args], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  leash(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  return {
    child,
    directory,
    stdout: () => stdout,
    stderr: () => stderr,
    events: () =>
      stdout
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line)),
    code: new Promise(resolve => child.once('close', resolve))
  }
}

/** Processes that have the directory in their environment, as every child of that run has. */
function left(directory: string): readonly string[] {
  const { stdout } = spawnSync('ps', ['axeww'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return stdout.split('\n').filter(line => line.includes(`TMPDIR=${directory}`))
}

const FAULTS = [
  ['errors', ['gross', 'errors']],
  ['nan', ['gross', 'bad_predictions']],
  ['dead', ['gross', 'errors']],
  ['slow', ['latency']]
] as const

for (const [fault, triggers] of FAULTS) {
  t.test(`the challenger is rolled back by itself when it fails by ${fault}`, async t => {
    const run = demo(t, '--fault', fault, '--json', '--share', '20')
    t.equal(await run.code, 0, run.stderr())
    const events = run.events()
    const summary = events.at(-1)
    t.match(summary, {
      event: 'summary',
      rolledBack: true,
      fault,
      rollback: { trigger: new RegExp(`^(${triggers.join('|')})$`), reason: /\d/ },
      later: { v4: 0 }
    })
    const seconds = events.filter(one => one.event === 'second')
    t.match(seconds[0], { weights: { v3: 80, v4: 20 } })
    t.match(seconds.at(-1), { weights: { v3: 100, v4: 0 } })
    t.same(left(run.directory), [], 'no process stays')
    t.same(readdirSync(run.directory), [], 'no file stays')
  })
}

t.test('the exit code is 1 when no rollback happened', async t => {
  const run = demo(t, '--fault', 'hang', '--json', '--give-up', '1') // absence takes 10 s
  t.equal(await run.code, 1)
  t.match(run.events().at(-1), { event: 'summary', rolledBack: false, why: /still had traffic/ })
  t.same(left(run.directory), [])
})

t.test('no process and no file stays when Ctrl-C is pressed', async t => {
  const run = demo(t, '--json')
  await until('the first second', () => run.events().some(one => one.event === 'second'), {
    within: 60_000
  })
  t.ok(left(run.directory).length >= 3, 'router and model servers run')
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  t.same(left(run.directory), [])
  t.same(readdirSync(run.directory), [])
})

t.test('nothing stays when Ctrl-C is pressed while it still starts', async t => {
  const run = demo(t)
  await until('its first child', () => left(run.directory).length >= 2, { within: 60_000 })
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  t.same(left(run.directory), [])
  t.same(readdirSync(run.directory), [])
})

t.test('it goes on running, with commands that work, when it is told to --keep', async t => {
  const run = demo(t, '--keep', '--share', '20', '--fault', 'not-found')
  await until('the commands', () => run.stdout().includes('Ctrl-C ends it'), { within: 90_000 })
  t.match(run.stdout(), /onset of the fault to weight 0 +\d+\.\d s/)
  const [, words = ''] = /^ {2}bin\/sluice\.js (status .*)$/m.exec(run.stdout()) ?? []
  const { stdout } = spawnSync(process.execPath, ['bin/sluice.js', ...words.split(' ')], {
    cwd: ROOT,
    encoding: 'utf8'
  })
  t.match(stdout, /v4 rolled back .* by trigger:(gross|client_errors)/)
  run.child.kill('SIGTERM')
  t.equal(await run.code, 130)
  t.same(left(run.directory), [])
})

t.test('the help is shown when options are wrong', async t => {
  for (const args of [['--fault', 'bogus'], ['--rps', '0'], ['--share', '2.5'], ['--frobnicate']]) {
    const run = demo(t, ...args)
    t.equal(await run.code, 2)
    t.match(run.stderr(), '--fault KIND')
  }
})
